package provider

import (
	"regexp"
	"strings"

	"github.com/fairlead/fairlead"
)

const maxTerms = 8

var (
	comparison = regexp.MustCompile(`^([A-Za-z]{1,32}) eq '([^']{0,256})'$`)
	function   = regexp.MustCompile(`^([A-Za-z]{1,32})\((?:'([^']{0,256})')?\)$`)
)

// readFilter reads the part of OData that clients use here: "name eq 'value'" and "name('value')" or
// "name()", joined by "and". Names are returned in lower case.
func readFilter(text string) (map[string]string, error) {
	terms := map[string]string{}
	if strings.TrimSpace(text) == "" {
		return terms, nil
	}
	parts := strings.Split(text, " and ")
	for _, part := range parts {
		part = strings.TrimSpace(part)
		found := comparison.FindStringSubmatch(part)
		if found == nil {
			found = function.FindStringSubmatch(part)
		}
		if found == nil || len(parts) > maxTerms {
			return nil, fairlead.Errorf(fairlead.Invalid, "The filter '%.200s' is not understood.", text).WithCode("UnsupportedQuery")
		}
		terms[strings.ToLower(found[1])] = found[2]
	}
	return terms, nil
}
