package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead/dataaction"
)

// prepare checks a rule.
func (r *Rule) prepare() error {
	var wrong []error
	if !r.Effect.known() {
		wrong = append(wrong, errors.New("effect: say allow or deny"))
	}
	for name, list := range map[string][]string{
		"users": r.Users, "groups": r.Groups, "objectIds": r.ObjectIDs, "serviceAccounts": r.ServiceAccounts,
		"verbs": r.Verbs, "namespaces": r.Namespaces, "resources": r.Resources,
	} {
		wrong = append(wrong, checkList(name, list))
		for i := range list {
			list[i] = fold(list[i])
		}
	}
	for _, verb := range r.Verbs {
		if !slices.Contains(verbs(), verb) {
			wrong = append(wrong, fmt.Errorf("verbs: there is no %.40q; there are %s", verb, strings.Join(verbs(), ", ")))
		}
	}
	for _, account := range r.ServiceAccounts {
		if namespace, name, ok := strings.Cut(account, "/"); !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
			wrong = append(wrong, fmt.Errorf("serviceAccounts: %.100q is not NAMESPACE/NAME", account))
		}
	}
	if r.Hours != nil {
		if err := r.Hours.prepare(); err != nil {
			wrong = append(wrong, fmt.Errorf("hours: %w", err))
		}
	}
	return errors.Join(wrong...)
}

// checkList refuses lists that are empty, which would fit nothing or everything depending on who reads them.
func checkList(name string, list []string) error {
	switch {
	case list == nil:
		return nil
	case len(list) == 0:
		return fmt.Errorf("%s: the list is empty; leave it out to mean all", name)
	case len(list) > maxItems:
		return fmt.Errorf("%s: the list has more than %d items", name, maxItems)
	case slices.ContainsFunc(list, func(item string) bool { return strings.TrimSpace(item) != item || item == "" }):
		return fmt.Errorf("%s: an item is empty or has blanks at its ends", name)
	}
	return nil
}

// Words for several verbs at once.
const (
	readVerbs  = "read"
	writeVerbs = "write"
	execVerbs  = "exec"
)

func verbs() []string {
	return append(slices.Concat(reads(), writes()), readVerbs, writeVerbs, execVerbs)
}

func reads() []string { return []string{"get", "list", "watch"} }

func writes() []string { return []string{"create", "update", "patch", "delete", "deletecollection"} }

func (r *Rule) forEverybody() bool {
	return len(r.Users)+len(r.Groups)+len(r.ObjectIDs)+len(r.ServiceAccounts) == 0
}

func (r *Rule) isAbout(s Subject, groups map[string]bool) bool {
	return r.forEverybody() || matchesAny(r.Users, s.User) || s.ObjectID != "" && matchesAny(r.ObjectIDs, s.ObjectID) ||
		s.ServiceAccount != "" && matchesAny(r.ServiceAccounts, s.ServiceAccount) ||
		slices.ContainsFunc(r.Groups, func(group string) bool { return groups[group] })
}

func (r *Rule) fits(q dataaction.Request, now time.Time) bool {
	return r.fitsVerb(q) && r.fitsNamespace(q) && r.fitsResource(q) && (r.Hours == nil || r.Hours.holds(now))
}

// anything is how reviews of rights ask for everything at once. A rule that denies a part of it fits, one that allows a part
// of it does not.
const anything = "*"

// fitsVerb counts whatever reaches into something that runs as exec and as nothing else, even when it begins with a GET.
func (r *Rule) fitsVerb(q dataaction.Request) bool {
	if len(r.Verbs) == 0 {
		return true
	}
	if q.Verb == anything {
		return r.Effect == Deny
	}
	if reaches(q) {
		return slices.Contains(r.Verbs, execVerbs)
	}
	return slices.ContainsFunc(r.Verbs, func(verb string) bool {
		return verb == q.Verb || verb == readVerbs && slices.Contains(reads(), q.Verb) || verb == writeVerbs && !slices.Contains(reads(), q.Verb)
	})
}

func reaches(q dataaction.Request) bool {
	return slices.Contains([]string{"exec", "attach", "portforward", "proxy"}, q.Subresource)
}

// fitsNamespace lets a rule that denies fit what is asked of all namespaces at once, too: the one it is about is among them.
func (r *Rule) fitsNamespace(q dataaction.Request) bool {
	if len(r.Namespaces) == 0 {
		return true
	}
	if q.Namespace != "" {
		return matchesAny(r.Namespaces, q.Namespace)
	}
	return r.Effect == Deny && q.Resource != "" && slices.Contains([]string{"list", "watch", "deletecollection", "*"}, q.Verb) && !ofCluster(q)
}

// ofCluster reports whether a resource is known to be in no namespace.
func ofCluster(q dataaction.Request) bool {
	switch q.Group {
	case "":
		return slices.Contains([]string{"nodes", "namespaces", "persistentvolumes", "componentstatuses"}, q.Resource)
	case "rbac.authorization.k8s.io":
		return q.Resource == "clusterroles" || q.Resource == "clusterrolebindings"
	default:
		return slices.Contains([]string{
			"apiextensions.k8s.io", "apiregistration.k8s.io", "admissionregistration.k8s.io", "certificates.k8s.io", "flowcontrol.apiserver.k8s.io",
			"node.k8s.io", "scheduling.k8s.io",
		}, q.Group) || q.Group == "storage.k8s.io" && q.Resource != "csistoragecapacities"
	}
}

// fitsResource lets a rule that denies a resource fit its subresources, too.
func (r *Rule) fitsResource(q dataaction.Request) bool {
	if len(r.Resources) == 0 {
		return true
	}
	if q.Resource == "" {
		return false
	}
	if q.Resource == anything || q.Group == anything || q.Subresource == anything {
		return r.Effect == Deny || slices.Contains(r.Resources, anything)
	}
	whole := q.Resource
	if q.Group != "" {
		whole += "." + q.Group
	}
	if q.Subresource == "" {
		return matchesAny(r.Resources, whole)
	}
	return matchesAny(r.Resources, whole+"/"+q.Subresource) || r.Effect == Deny && matchesAny(r.Resources, whole)
}

// harmless are requests that clients cannot do without and that tell nothing of what runs: which kinds there are, which
// version, whether the server is well, who one is, and what one may do.
func harmless(q dataaction.Request) bool {
	if q.Resource == "" {
		first, _, _ := strings.Cut(strings.TrimPrefix(q.Path, "/"), "/")
		return q.Verb == "get" && slices.Contains([]string{"", "api", "apis", "openapi", "version", "healthz", "livez", "readyz", ".well-known"}, first)
	}
	return q.Verb == "create" && (q.Group == "authorization.k8s.io" || q.Group == "authentication.k8s.io") && strings.HasPrefix(q.Resource, "selfsubject")
}

func fold(text string) string { return strings.ToLower(text) }

// matchesAny reports whether a text is one of some patterns, which are in lower case.
func matchesAny(patterns []string, text string) bool {
	if len(patterns) == 0 {
		return false
	}
	text = fold(text)
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, text) })
}

// matches reports whether a pattern in which * stands for any text is a text.
func matches(pattern, text string) bool {
	head, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == text
	}
	text, found := strings.CutPrefix(text, head)
	if !found {
		return false
	}
	for {
		part, more, again := strings.Cut(rest, "*")
		if !again {
			return strings.HasSuffix(text, part)
		}
		_, after, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text, rest = after, more
	}
}
