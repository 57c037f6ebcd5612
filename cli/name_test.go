package cli

import (
	"errors"
	"strings"
	"testing"
)

func TestNamesAreCheckedBeforeTheHubIsAsked(t *testing.T) {
	cases := map[string]struct {
		reason         string
		name           string
		cluster, group bool
	}{
		"Plain":        {"what most are called", "edge-1", true, true},
		"Empty":        {"an unset variable in a script", "", false, false},
		"Blank":        {"no blanks", "a b", false, false},
		"Slash":        {"no way out of the path", "a/b", false, false},
		"LongCluster":  {"a group may be longer than a cluster", strings.Repeat("a", 64), false, true},
		"LongestBoth":  {"63 is the most for a cluster", strings.Repeat("a", 63), true, true},
		"LongestGroup": {"90 is the most for a group", strings.Repeat("a", 90), false, true},
		"TooLong":      {"for both", strings.Repeat("a", 91), false, false},
		"Underscore":   {"a group may begin with one", "_a", false, true},
		"Dash":         {"neither may begin with one", "-a", false, false},
		"Brackets":     {"groups only", "a(b)", false, true},
		"LastDot":      {"a group cannot end with one", "a.", true, false},
		"Umlaut":       {"ASCII only", "käse", false, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var usage *usageError
			cluster, group := checkClusterName(c.name), checkGroupName(c.name)
			if (cluster == nil) != c.cluster || (group == nil) != c.group {
				t.Errorf("%s: got %v and %v", c.reason, cluster, group)
			}
			if cluster != nil && (!errors.As(cluster, &usage) || !strings.Contains(cluster.Error(), "connected cluster")) {
				t.Errorf("not about the cluster's name: %v", cluster)
			}
			if group != nil && (!errors.As(group, &usage) || !strings.Contains(group.Error(), "resource group")) {
				t.Errorf("not about the group's name: %v", group)
			}
		})
	}
}
