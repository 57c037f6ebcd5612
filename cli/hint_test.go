package cli

import (
	"strings"
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

func TestARoleIsAskedForOnlyWhereOneIsMissing(t *testing.T) {
	missing := "The client 'ada@example.org' with object id '5e3f0c1a-0000-4000-8000-000000000001' does not have authorization to perform action 'Microsoft.Resources/subscriptions/resourceGroups/write' over scope '/subscriptions/x' or the scope is invalid."
	for message, want := range map[string]bool{
		missing: true,
		"the hub's registry refused: DENIED: the hub packs azurearck8s/fairlead:1 itself, so it cannot be removed": false,
		"the token refers for its groups to elsewhere":                                                             false,
	} {
		if got := hintCode(fairlead.Errorf(fairlead.Forbidden, "%s", message)); strings.Contains(got, "role assignment create") != want || !want && got != "" {
			t.Errorf("%s: %q", message, got)
		}
	}
}

func TestNobodySignsInWhereTheFingerprintIsAnother(t *testing.T) {
	if got := hintCode(fairlead.Errorf(fairlead.Unauthenticated, "do not sign in").WithCode("FingerprintMismatch")); got != "" {
		t.Errorf("%q", got)
	}
}
