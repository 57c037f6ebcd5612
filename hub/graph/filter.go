package graph

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/fairlead/fairlead/store"
)

// maxFilter bounds what is parsed as a filter.
const maxFilter = 1024

// The forms of OData's $filter that clients of the directory use. A value stands in single quotes, and a
// quote in it twice.
const quoted = `'((?:[^']|'')*)'`

var (
	idIs          = regexp.MustCompile(`^(?i:id)\s+(?i:eq)\s+` + quoted)
	appIDIs       = regexp.MustCompile(`^(?i:appId)\s+(?i:eq)\s+` + quoted)
	serviceNameIs = regexp.MustCompile(`^(?i:servicePrincipalNames)/(?i:any)\(\s*\w+\s*:\s*\w+\s+(?i:eq)\s+` + quoted + `\s*\)`)
	nameIs        = regexp.MustCompile(`^(?i:displayName)\s+(?i:eq)\s+` + quoted)
	nameBegins    = regexp.MustCompile(`^(?i:startswith)\(\s*(?i:displayName)\s*,\s*` + quoted + `\s*\)`)
	userNameIs    = regexp.MustCompile(`^(?i:userPrincipalName)\s+(?i:eq)\s+` + quoted)
	mailIs        = regexp.MustCompile(`^(?i:mail)\s+(?i:eq)\s+` + quoted)
	typeIs        = regexp.MustCompile(`^(?i:servicePrincipalType)\s+(?i:eq)\s+` + quoted)
	securityIs    = regexp.MustCompile(`^(?i:securityEnabled\s+eq\s+true|mailEnabled\s+eq\s+false)()`)
	addressIs     = regexp.MustCompile(`^(?i:identifierUris)/(?i:any)\(\s*\w+\s*:\s*\w+\s+(?i:eq)\s+` + quoted + `\s*\)`)
	conjunction   = regexp.MustCompile(`^\s+(?i:and)\s+`)
)

// term is one comparison: a pattern whose last group is the value, and what it does to a query. It returns false when
// the query cannot say it.
type term struct {
	pattern *regexp.Regexp
	set     func(q *store.PrincipalQuery, value string) bool
}

// once sets a text of the query; comparing twice with different values would need more than one query can say.
func once(into func(*store.PrincipalQuery) *string) func(*store.PrincipalQuery, string) bool {
	return func(q *store.PrincipalQuery, value string) bool {
		field := into(q)
		if value == "" { // the query would take it for "any", and nobody has an empty name
			nobody(q)
			return true
		}
		free := *field == "" || strings.EqualFold(*field, value)
		*field = value
		return free
	}
}

// nobody narrows a query to nothing.
func nobody(q *store.PrincipalQuery) { q.ObjectIDs = []string{""} }

func byID(q *store.PrincipalQuery, value string) bool {
	free := len(q.ObjectIDs) == 0
	q.ObjectIDs = []string{strings.ToLower(value)}
	return free
}

func appID(q *store.PrincipalQuery) *string { return &q.AppID }

func terms() []term {
	lower := func(set func(*store.PrincipalQuery, string) bool) func(*store.PrincipalQuery, string) bool {
		return func(q *store.PrincipalQuery, value string) bool { return set(q, strings.ToLower(value)) }
	}
	return []term{
		{idIs, byID},
		{appIDIs, lower(once(appID))},
		{serviceNameIs, lower(once(appID))},
		{nameIs, once(func(q *store.PrincipalQuery) *string { return &q.DisplayName })},
		{nameBegins, once(func(q *store.PrincipalQuery) *string { return &q.DisplayPrefix })},
		{userNameIs, once(func(q *store.PrincipalQuery) *string { return &q.UserName })},
		{mailIs, once(func(q *store.PrincipalQuery) *string { return &q.Mail })},
		{typeIs, byType},
		{addressIs, func(q *store.PrincipalQuery, _ string) bool { nobody(q); return true }}, // applications have no addresses here
		{securityIs, func(q *store.PrincipalQuery, _ string) bool { return slices.Equal(q.Kinds, []string{store.Group}) }},
	}
}

func byType(q *store.PrincipalQuery, value string) bool {
	kinds := map[string]string{"application": store.ServicePrincipal, "managedidentity": store.ManagedIdentity}
	kind, known := kinds[strings.ToLower(value)]
	if !known || !slices.Contains(q.Kinds, kind) {
		nobody(q)
		return true
	}
	q.Kinds = []string{kind}
	return true
}

// parseFilter narrows a query by a filter: comparisons that clients use, joined by "and". What it does not
// understand it refuses, as a filter that is ignored would return strangers.
func parseFilter(text string, q *store.PrincipalQuery) error {
	if len(text) > maxFilter || strings.ContainsFunc(text, unicode.IsControl) || !validText(text) {
		return invalid("Invalid filter clause: it is longer than %d bytes, or not plain text", maxFilter)
	}
	rest := strings.TrimSpace(text)
	for rest != "" {
		var err error
		if rest, err = parseTerm(rest, q); err != nil {
			return err
		}
		joint := conjunction.FindString(rest)
		if rest != "" && (joint == "" || len(joint) == len(rest)) {
			return notUnderstood(rest)
		}
		rest = rest[len(joint):]
	}
	return nil
}

func parseTerm(text string, q *store.PrincipalQuery) (string, error) {
	for _, known := range terms() {
		found := known.pattern.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		if !known.set(q, strings.ReplaceAll(found[1], "''", "'")) {
			break
		}
		return text[len(found[0]):], nil
	}
	return "", notUnderstood(text)
}

func notUnderstood(text string) error {
	return invalid("Invalid filter clause: %.200q is not understood. Use id, appId, displayName, userPrincipalName or mail with eq 'value', or startswith(displayName,'value'), joined by and", text)
}
