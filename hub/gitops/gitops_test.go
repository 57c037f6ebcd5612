package gitops

import (
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
)

func TestDurationsAsISO8601WritesThem(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"PT30M": 30 * time.Minute, "pt1h": time.Hour, "P1D": 24 * time.Hour, "P1DT2H3M4S": 26*time.Hour + 3*time.Minute + 4*time.Second, "PT90.5S": 90 * time.Second,
	} {
		if got, err := ParseSpan(text); err != nil || got != want {
			t.Errorf("%s is %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "30m", "PT", "P", "PT0S", "P1Y", "-PT1H", "PT1M1H"} {
		if got, err := ParseSpan(text); err == nil {
			t.Errorf("%q is %s", text, got)
		}
	}
}

func TestShortFormsOfSSHURLs(t *testing.T) {
	for text, want := range map[string]string{
		"git@host:team/shop.git": "ssh://git@host/team/shop.git", "me@host.example.org:x": "ssh://me@host.example.org/x",
		"https://host/x": "https://host/x", "ssh://git@host:2222/x": "ssh://git@host:2222/x", "git@host:/x": "git@host:/x", "": "",
	} {
		if got := GitURL(text); got != want {
			t.Errorf("%q is written out as %q", text, got)
		}
	}
}

func TestTheReasonNamesTheFirstObjectAtFaultAndIsBounded(t *testing.T) {
	state := fairlead.FluxState{Statuses: []fairlead.FluxObject{{Kind: "GitRepository", Name: "well", ComplianceState: fairlead.FluxCompliant}}}
	for range 50 {
		state.Statuses = append(state.Statuses, fairlead.FluxObject{
			Kind: "Kustomization", Namespace: "shop", Name: "shop-apps", ComplianceState: fairlead.FluxNonCompliant, Conditions: []fairlead.FluxCondition{
				{Type: "Ready", Status: "False", Reason: "BuildFailed", Message: strings.Repeat("x", 5000)}, {Type: "Healthy", Status: "Unknown"},
			},
		})
	}
	got := Reason(state)
	if got.Target != "Kustomization/shop/shop-apps" || got.Message != "The cluster gave no reason." || len(got.Evidence) != maxEvidence || len(got.Evidence[0]) > 2*maxMessage {
		t.Errorf("%s, %q, %d of evidence, the first of %d bytes", got.Target, got.Message, len(got.Evidence), len(got.Evidence[0]))
	}
}

func FuzzGitURL(f *testing.F) {
	for _, seed := range []string{"git@host:x", "https://host", "@:", "a@b:c:d"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := GitURL(text); GitURL(got) != got {
			t.Errorf("%q becomes %q, and that something else", text, got)
		}
	})
}
