package cli

import (
	"slices"
	"testing"
)

func TestTheProgramsNameSaysWhatItIs(t *testing.T) {
	cases := map[string]struct {
		reason string
		line   []string
		want   []string
	}{
		"Fairlead": {"under its own name", []string{"/usr/bin/fairlead", "hub"}, []string{"hub"}},
		"Az":       {"as az names what it has fetched", []string{"/home/ada/.clientproxy/arcProxy_linux_amd64_1_3_035022", "-c", "config.yml"}, []string{"arc-proxy", "-c", "config.yml"}},
		"Archive":  {"as it is in the archive", []string{"arcproxy"}, []string{"arc-proxy"}},
		"Folder":   {"only the file's name counts", []string{"/opt/arcproxy/fairlead", "-h"}, []string{"-h"}},
		"Nothing":  {"a process may have no name", nil, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Arguments(c.line); !slices.Equal(got, c.want) {
				t.Errorf("%s: %q, want %q", c.reason, got, c.want)
			}
		})
	}
}
