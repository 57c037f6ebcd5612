package usercheck

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

const (
	// The cost of all expressions of a check together; it takes a few seconds at most.
	costLimit = 5_000_000
	timeLimit = 10 * time.Second

	maxExpression = 16 << 10
	maxDepth      = 64
	maxNesting    = 4 // comprehensions in one another
	checkEvery    = 100
)

// program is an expression that was compiled.
type program struct {
	cel.Program

	field string   // where it stands, such as spec.expr
	uses  []string // variables
}

func environment() (*cel.Env, error) {
	options := append(declarations(),
		cel.OptionalTypes(), cel.CrossTypeNumericComparisons(true), cel.DefaultUTCTimeZone(true),
		cel.ParserExpressionSizeLimit(maxExpression), cel.ParserRecursionLimit(maxDepth),
		cel.ASTValidators(
			cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateRegexLiterals(),
			cel.ValidateComprehensionNestingLimit(maxNesting),
		),
	)
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("prepare the language of checks: %w", err)
	}
	return env, nil
}

// compile checks an expression; wanted is its type, dyn for any. Problems have the lines of the file.
func compile(env *cel.Env, text source, field string, wanted *cel.Type) (*program, []lineError) {
	checked, issues := env.Compile(text.text)
	if issues.Err() != nil {
		var problems []lineError
		for _, issue := range issues.Errors() {
			line := text.line + max(issue.Location.Line()-1, 0)
			problems = append(problems, lineError{line, fmt.Sprintf("%s: %s", field, strings.TrimSuffix(firstLine(issue.Message), " (in container '')"))})
		}
		return nil, problems
	}
	if got := checked.OutputType(); wanted != cel.DynType && !wanted.IsAssignableType(got) && got != cel.DynType {
		return nil, []lineError{{text.line, fmt.Sprintf("%s: its type is %s, and has to be %s", field, got, wanted)}}
	}
	made, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(costLimit), cel.InterruptCheckFrequency(checkEvery))
	if err != nil {
		return nil, []lineError{{text.line, fmt.Sprintf("%s: %s", field, firstLine(err.Error()))}}
	}
	p := &program{Program: made, field: field}
	for _, reference := range checked.NativeRep().ReferenceMap() {
		if reference.Name != "" {
			p.uses = append(p.uses, reference.Name)
		}
	}
	return p, nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// run is one evaluation of a check: its variables, and what is left of its budget.
type run struct {
	ctx       context.Context //nolint:containedctx // it only carries the end of this evaluation, and Eval has none
	variables map[string]any
	left      uint64
}

var errBudget = errors.New("it costs more than a check may")

// value evaluates an expression.
func (r *run) value(p *program) (ref.Val, error) {
	if r.left == 0 {
		return nil, fmt.Errorf("%s: %w", p.field, errBudget)
	}
	value, details, err := p.ContextEval(r.ctx, r.variables)
	if details != nil && details.ActualCost() != nil {
		r.left -= min(r.left, *details.ActualCost())
	}
	switch {
	case err == nil:
		return value, nil
	case r.ctx.Err() != nil:
		return nil, fmt.Errorf("%s: it takes longer than %s", p.field, timeLimit)
	case strings.Contains(err.Error(), "cost limit exceeded"):
		return nil, fmt.Errorf("%s: %w", p.field, errBudget)
	}
	return nil, fmt.Errorf("%s: %w", p.field, err)
}

// truth evaluates an expression that says yes or no.
func (r *run) truth(p *program) (bool, error) {
	value, err := r.value(p)
	if err != nil {
		return false, err
	}
	answer, ok := value.(types.Bool)
	if !ok {
		return false, fmt.Errorf("%s: it is a %s, and has to be true or false", p.field, value.Type().TypeName())
	}
	return bool(answer), nil
}
