package doctor

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/doctor/snapshot"
)

// Select returns the checks that ids and areas name, all when none is named; ok is false for a word that names nothing.
// Words are compared without case.
func Select(checks []Check, words []string) (selected []Check, unknown string) {
	if len(words) == 0 {
		return checks, ""
	}
	for _, word := range words {
		if !slices.ContainsFunc(checks, func(c Check) bool { return strings.EqualFold(c.ID, word) || strings.EqualFold(Area(c.ID), word) }) {
			return nil, word
		}
	}
	for _, c := range checks {
		if slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(c.ID, w) || strings.EqualFold(Area(c.ID), w) }) {
			selected = append(selected, c)
		}
	}
	return selected, ""
}

// Needs returns everything that checks read, each once.
func Needs(checks []Check) ([]snapshot.Need, []snapshot.LogNeed) {
	var needs []snapshot.Need
	var logs []snapshot.LogNeed
	for _, c := range checks {
		for _, need := range slices.Concat(c.Needs, c.Uses, c.AppliesNeeds) {
			if !slices.Contains(needs, need) {
				needs = append(needs, need)
			}
		}
		for _, need := range c.Logs {
			if !slices.Contains(logs, need) {
				logs = append(logs, need)
			}
			if pods := snapshot.In(need.Namespace, snapshot.Pods); !slices.Contains(needs, pods) {
				needs = append(needs, pods) // whose logs there are
			}
		}
	}
	return needs, logs
}

// Role returns the smallest ClusterRole that lets a caller read what checks need. Reading inside Secrets is limited to
// the Secrets that have names; what is inside Helm's releases takes get on Secrets whose names change, and is left to a second rule.
func Role(needs []snapshot.Need, logs []snapshot.LogNeed) *rbacv1.ClusterRole {
	rules := map[string]*rbacv1.PolicyRule{}
	for _, need := range needs {
		addRule(rules, need)
	}
	for _, need := range logs {
		addRule(rules, snapshot.In(need.Namespace, snapshot.Logs))
	}
	role := &rbacv1.ClusterRole{
		TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole"},
		ObjectMeta: metav1.ObjectMeta{Name: "fairlead-doctor"},
	}
	for _, key := range sortedKeys(rules) {
		slices.Sort(rules[key].Resources)
		slices.Sort(rules[key].ResourceNames)
		role.Rules = append(role.Rules, *rules[key])
	}
	return role
}

func addRule(rules map[string]*rbacv1.PolicyRule, need snapshot.Need) {
	if need.Resource == snapshot.ProbeFromNode || need.Resource == snapshot.ProbeFromPod || need.Resource == snapshot.ReleaseMaps {
		return // --probe is its own decision
	}
	group := snapshot.Resource(need.Plural()).GroupResource()
	key := group.Group + "/" + need.Verb() + "/" + group.Resource
	var names []string
	if need.Name != "" && need.Resource != snapshot.Payloads {
		key, names = key+"/named", []string{need.Name}
	}
	rule := rules[key]
	if rule == nil {
		rule = &rbacv1.PolicyRule{Verbs: []string{need.Verb()}, APIGroups: []string{group.Group}, Resources: []string{group.Resource}}
		rules[key] = rule
	}
	for _, name := range names {
		if !slices.Contains(rule.ResourceNames, name) {
			rule.ResourceNames = append(rule.ResourceNames, name)
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
