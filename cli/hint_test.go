package cli

import (
	"testing"

	"github.com/fairlead/fairlead"
)

func TestAWrongClusterNameSaysWhereTheRightOnesAre(t *testing.T) {
	for message, want := range map[string]string{
		"The Resource 'Microsoft.Kubernetes/connectedClusters/edge' under resource group 'shops' was not found. More": "fairlead connectedk8s list -g shops",
		"The Resource 'Microsoft.Other/things/one' under resource group 'shops' was not found.":                       "",
		"The cluster 'edge' has no recording 'x'.":                                                                    "",
	} {
		if got := hintCode(fairlead.Errorf(fairlead.NotFound, "%s", message).WithCode("ResourceNotFound")); got != want {
			t.Errorf("%s: %q", message, got)
		}
	}
}

func TestNobodySignsInWhereTheFingerprintIsAnother(t *testing.T) {
	if got := hintCode(fairlead.Errorf(fairlead.Unauthenticated, "do not sign in").WithCode("FingerprintMismatch")); got != "" {
		t.Errorf("%q", got)
	}
}
