package graph

import (
	"regexp"
	"strings"
)

// maxFilter bounds what is parsed as a filter.
const maxFilter = 1024

var comparison = regexp.MustCompile(`^\s*([A-Za-z]+)\s+eq\s+'((?:[^']|'')*)'\s*$`)

// filter is the one form of OData's $filter that clients use here: property eq 'value'.
type filter struct {
	property func(principal) string
	value    string
}

// parseFilter reads a filter; an empty one matches everything.
func parseFilter(text string) (filter, error) {
	if text == "" {
		return filter{}, nil
	}
	parts := comparison.FindStringSubmatch(text)
	if len(text) > maxFilter || parts == nil {
		return filter{}, invalid("the filter %.200q is not understood: use property eq 'value'", text)
	}
	properties := map[string]func(principal) string{
		"id":                   func(p principal) string { return p.ID },
		"appid":                func(p principal) string { return p.AppID },
		"displayname":          func(p principal) string { return p.DisplayName },
		"serviceprincipaltype": func(p principal) string { return p.Type },
	}
	property, known := properties[strings.ToLower(parts[1])]
	if !known {
		return filter{}, invalid("there is no filter by %q: use id, appId, displayName or servicePrincipalType", parts[1])
	}
	return filter{property, strings.ReplaceAll(parts[2], "''", "'")}, nil
}

// matches compares without case, as Graph does.
func (f filter) matches(p principal) bool {
	return f.property == nil || strings.EqualFold(f.property(p), f.value)
}
