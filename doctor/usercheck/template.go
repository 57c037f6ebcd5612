package usercheck

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// maxText bounds what a template makes.
const maxText = 4 << 10

// template is a text with expressions in ${…}; $${ is a plain ${.
type template []piece

// piece is a plain text, or an expression.
type piece struct {
	text    string
	program *program
}

func (l *loader) template(env *cel.Env, text source, field string) template {
	var made template
	rest, line := text.text, text.line
	for {
		plain, after, found := strings.Cut(rest, "${")
		line += strings.Count(plain, "\n")
		if strings.HasSuffix(plain, "$") && found {
			made, rest = append(made, piece{text: plain + "{"}), after
			continue
		}
		made = append(made, piece{text: plain})
		if !found {
			return made
		}
		end := closing(after)
		if end < 0 {
			l.fail(line, "%s: ${ has no } at its end", field)
			return made
		}
		if p := l.compile(env, source{after[:end], line}, field, cel.DynType); p != nil {
			made = append(made, piece{program: p})
		}
		line += strings.Count(after[:end], "\n")
		rest = after[end+1:]
	}
}

// closing returns where the brace is that ends an expression, -1 when there is none. Braces in strings do not count.
func closing(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '"', '\'':
			length := quoted(text[i:], i > 0 && (text[i-1] == 'r' || text[i-1] == 'R'))
			if length < 0 {
				return -1
			}
			i += length - 1
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return -1
}

// quoted returns how long the string is that a text begins with, -1 when it does not end.
func quoted(text string, raw bool) int { //nolint:revive // raw is a property of the string, not a mode
	quote := text[:1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(text, triple) {
		quote = triple
	}
	for i := len(quote); i < len(text); i++ {
		if text[i] == '\\' && !raw {
			i++
		} else if strings.HasPrefix(text[i:], quote) {
			return i + len(quote)
		}
	}
	return -1
}

// text fills the template in. What cannot be made is said in its place.
func (r *run) text(t template) string {
	var text strings.Builder
	for _, part := range t {
		if part.program == nil {
			text.WriteString(part.text)
			continue
		}
		value, err := r.value(part.program)
		if err != nil {
			text.WriteString("(" + err.Error() + ")")
			continue
		}
		text.WriteString(show(value))
		if text.Len() > maxText {
			return strings.ToValidUTF8(text.String()[:maxText], "") + "…"
		}
	}
	return text.String()
}

// show writes a value for people: a list as its items with commas.
func show(value ref.Val) string {
	switch v := value.(type) {
	case types.String:
		return string(v)
	case traits.Lister:
		var items []string
		length := 0
		for it := v.Iterator(); it.HasNext() == types.True && length < maxText; {
			items = append(items, show(it.Next()))
			length += len(items[len(items)-1])
		}
		return strings.Join(items, ", ")
	case *types.Optional:
		if v.HasValue() {
			return show(v.GetValue())
		}
		return ""
	case traits.Mapper:
		return asJSON(value)
	}
	if text, ok := value.ConvertToType(types.StringType).(types.String); ok {
		return string(text)
	}
	return asJSON(value)
}

func asJSON(value ref.Val) string {
	native, err := value.ConvertToNative(types.JSONValueType)
	if err != nil {
		return fmt.Sprintf("(a %s)", value.Type().TypeName())
	}
	encoded, err := json.Marshal(native)
	if err != nil {
		return fmt.Sprintf("(a %s)", value.Type().TypeName())
	}
	return string(encoded)
}

// uses are the variables that the expressions name.
func (t template) uses() []string {
	var all []string
	for _, part := range t {
		if part.program != nil {
			all = append(all, part.program.uses...)
		}
	}
	return all
}
