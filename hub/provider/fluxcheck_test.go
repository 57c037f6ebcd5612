package provider

import (
	"strings"
	"testing"
)

func TestNamesOfSecrets(t *testing.T) {
	for name, want := range map[string]bool{
		"git": true, "git.shops-1": true, strings.Repeat("a", 253): true,
		"": false, "a..b": false, "-a": false, "Git": false, "a.-b": false, strings.Repeat("a", 254): false,
	} {
		if objectName(name) != want {
			t.Errorf("%.20q can be a Secret's name: %v", name, !want)
		}
	}
}
