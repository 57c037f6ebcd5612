// Package doctor finds the root cause of what is wrong with a cluster. A Check is a value that says what it has to see
// (package snapshot) and judges it without making a call; Evaluate runs checks over a snapshot, calls nothing healthy that it
// could not see, and folds symptoms under their causes; a Report is the result in a person's language. It knows no hub:
// doctor works on clusters of Azure Arc, on AKS and on Fairlead's own.
package doctor

import "strings"

// Area is the part of a check's id before the dash.
func Area(id string) string {
	area, _, _ := strings.Cut(id, "-")
	return area
}

// Areas returns the areas in the order in which a person should look at them.
func Areas() []string {
	return []string{"CLI", "SELF", "NET", "ARC", "EXT", "HLM", "FLX", "MON", "OSM"}
}
