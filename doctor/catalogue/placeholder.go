package catalogue

import (
	"regexp"
	"slices"
)

// placeholder is narrow on purpose: the texts quote JSON, templates and taints, whose braces stay.
var placeholder = regexp.MustCompile(`\{[a-z][A-Za-z0-9_]*\}`)

// fill replaces the placeholders that there are arguments for, once: what an argument brings in is
// text from a cluster and is not looked at again.
func fill(text string, args map[string]string) string {
	if len(args) == 0 {
		return text
	}
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		if value, ok := args[found[1:len(found)-1]]; ok {
			return value
		}
		return found
	})
}

// placeholders lists what a text asks for, sorted, each once.
func placeholders(text string) []string {
	found := placeholder.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}
