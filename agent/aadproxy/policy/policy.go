// Package policy is the policy of a cluster's owner on what may be done through cluster connect, whatever the hub's roles
// and the cluster's RBAC allow: how it is written, and what it says to a request. Where it is kept and what is done
// about it is for others (docs/cluster-connect.md).
package policy

import (
	"errors"
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // the agents' image holds nothing but their binary

	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead/dataaction"
)

// Bounds of what a policy may hold.
const (
	maxText  = 256 << 10
	maxRules = 500
	maxItems = 1000
)

// Policy is a readable policy. What the first of its rules says that fits a request is done.
type Policy struct {
	Rules []Rule `json:"rules"`
	// Otherwise says what is done with requests that no rule fits: allow or deny.
	Otherwise Effect `json:"otherwise"`
}

// Effect is what is done with a request.
type Effect string

// The effects.
const (
	Allow Effect = "allow"
	Deny  Effect = "deny"
)

// Rule says what is done with the requests that fit all that it says. What it does not say fits everything.
type Rule struct {
	Name   string `json:"name,omitempty"`
	Effect Effect `json:"effect"`

	// Who calls: one of these is enough.
	Users           []string `json:"users,omitempty"`
	Groups          []string `json:"groups,omitempty"`
	ObjectIDs       []string `json:"objectIds,omitempty"`
	ServiceAccounts []string `json:"serviceAccounts,omitempty"` // namespace/name

	Verbs      []string `json:"verbs,omitempty"`
	Namespaces []string `json:"namespaces,omitempty"`
	Resources  []string `json:"resources,omitempty"` // resource.group/subresource
	Hours      *Hours   `json:"hours,omitempty"`
}

// Parse reads a policy. All that is wrong with it is in the error, and nothing of it holds then.
func Parse(text string) (*Policy, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("it has more than %d bytes", maxText)
	}
	found := &Policy{}
	if err := yaml.UnmarshalStrict([]byte(text), found); err != nil {
		return nil, fmt.Errorf("it is not as it must be: %w", err)
	}
	var wrong []error
	if len(found.Rules) > maxRules {
		wrong = append(wrong, fmt.Errorf("it has more than %d rules", maxRules))
	}
	if !found.Otherwise.known() {
		wrong = append(wrong, errors.New("otherwise: say allow or deny, for what no rule fits"))
	}
	for i := range found.Rules[:min(len(found.Rules), maxRules)] {
		if err := found.Rules[i].prepare(); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", found.nameOf(i), err))
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return found, nil
}

func (e Effect) known() bool { return e == Allow || e == Deny }

// nameOf names a rule for people.
func (p *Policy) nameOf(i int) string {
	if name := p.Rules[i].Name; name != "" {
		return fmt.Sprintf("rule %d (%.100q)", i+1, name)
	}
	return fmt.Sprintf("rule %d", i+1)
}

// NeedsNames reports whether a rule asks who calls.
func (p *Policy) NeedsNames() bool {
	return slices.ContainsFunc(p.Rules, func(r Rule) bool { return !r.forEverybody() })
}

// HasHours reports whether what the policy says changes with time.
func (p *Policy) HasHours() bool {
	return slices.ContainsFunc(p.Rules, func(r Rule) bool { return r.Hours != nil })
}

// Subject is who calls.
type Subject struct {
	User           string
	Groups         []string
	ObjectID       string // empty for tokens of the cluster
	ServiceAccount string // namespace/name, empty for all others
}

// Verdicts is the policy for one caller.
type Verdicts struct {
	policy *Policy
	rules  []int // that are about him
}

// For returns what the policy says to one caller.
func (p *Policy) For(s Subject) *Verdicts {
	v := &Verdicts{policy: p}
	groups := map[string]bool{}
	for _, group := range s.Groups {
		groups[fold(group)] = true
	}
	for i := range p.Rules {
		if p.Rules[i].isAbout(s, groups) {
			v.rules = append(v.rules, i)
		}
	}
	return v
}

// Decide returns why a request is refused, nil when it is not.
func (v *Verdicts) Decide(r dataaction.Request, now time.Time) error {
	if harmless(r) {
		return nil
	}
	for _, i := range v.rules {
		if rule := &v.policy.Rules[i]; rule.fits(r, now) {
			if rule.Effect == Allow {
				return nil
			}
			return errors.New(v.policy.nameOf(i))
		}
	}
	if v.policy.Otherwise == Allow {
		return nil
	}
	return errors.New("no rule allows it")
}
