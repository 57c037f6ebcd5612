package check

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// extOwn is an ExtensionConfig as Fairlead's agents keep it.
func extOwn(t *testing.T, name string, state fairlead.ExtensionState) func(*snapshot.Snapshot) {
	t.Helper()
	return extOwnIn(t, "shop", name, state)
}

func extOwnIn(t *testing.T, namespace, name string, state fairlead.ExtensionState) func(*snapshot.Snapshot) {
	t.Helper()
	content, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	status := map[string]any{}
	if err := json.Unmarshal(content, &status); err != nil {
		t.Fatal(err)
	}
	return extCustom(snapshot.ExtensionConfigs, "ExtensionConfig", arcSpace, name, map[string]any{
		"spec": map[string]any{"extensionType": "contoso.web", "releaseName": name, "releaseNamespace": namespace}, "status": status,
	})
}

func extOwnFailure(id, message string) fairlead.ExtensionState {
	return fairlead.ExtensionState{ObservedGeneration: 3, ProvisioningState: fairlead.ExtensionFailed, ErrorInfo: &fairlead.ExtensionError{
		Code: fairlead.CauseOther, Message: message, DoctorID: id, Target: "Job/shop/migrate", Cause: "it gave up", Evidence: []string{"exit code 3"},
	}}
}

func TestOwnAgentsAreTakenAtTheirWord(t *testing.T) {
	quiet := fairlead.ExtensionState{ObservedGeneration: 3, ProvisioningState: fairlead.ExtensionSucceeded, Statuses: []fairlead.ExtensionStatus{
		{Code: "InstallationState", DisplayStatus: "Installed", Level: "Error", Message: "Error: " + helmExisting}, // of an earlier attempt
	}}
	cases := map[string]struct {
		reason string
		state  fairlead.ExtensionState
		want   []string
	}{
		"Succeeded":   {"what it said before it succeeded is past", quiet, nil},
		"Job":         {"the entry that they name", extOwnFailure("HLM-02", "words that no pattern knows"), []string{"HLM-02 said"}},
		"Timeout":     {"without a release", extOwnFailure("HLM-01", "not ready in time"), []string{"HLM-01 extension"}},
		"Contradicts": {"their word counts before the pattern", extOwnFailure("HLM-07", helmExisting), []string{"HLM-07 render"}},
		"NoEntry":     {"without one the words count", extOwnFailure("", helmExisting), []string{"HLM-09 exists"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := extRoots(t, extSnapshot(extNode("n1"), extAgents(), extOwn(t, "web", c.state))); !slices.Equal(got, c.want) {
				t.Errorf("%s: roots %q, want %q", c.reason, got, c.want)
			}
		})
	}
}

func TestWhatOwnAgentsSawIsEvidence(t *testing.T) {
	f := extResult(extSnapshot(extNode("n1"), extAgents(), extOwn(t, "web", extOwnFailure("HLM-02", "Job failed: BackoffLimitExceeded"))), "HLM-02")
	if !slices.Contains(f.Objects, doctor.Object{Kind: "Job", Namespace: "shop", Name: "migrate"}) || f.Scope != "shop" {
		t.Errorf("about %v in %q", f.Objects, f.Scope)
	}
	var seen strings.Builder
	for _, evidence := range f.Evidence {
		seen.WriteString(evidence.Text + "\n")
	}
	if seen.String() != "Job failed: BackoffLimitExceeded\nit gave up\nexit code 3\n" {
		t.Errorf("evidence %q", seen.String())
	}
}

func TestTheObjectAtFaultIsReadOfEveryForm(t *testing.T) {
	for target, want := range map[string]doctor.Object{
		"Job/shop/migrate":                           {Kind: "Job", Namespace: "shop", Name: "migrate"},
		"Pod/shop/web-1[main]":                       {Kind: "Pod", Namespace: "shop", Name: "web-1", Container: "main"},
		"ClusterRole/contoso:web":                    {Kind: "ClusterRole", Name: "contoso:web"},
		"Namespace//shop":                            {Kind: "Namespace", Name: "shop"},
		"CustomResourceDefinition/webs.contoso.test": {Kind: "CustomResourceDefinition", Name: "webs.contoso.test"},
		"oci://charts.example.test":                  {},
		"https://charts.example.test/web":            {},
		"web/templates/deployment.yaml:12":           {},
		"Chart.yaml":                                 {},
		"":                                           {},
	} {
		status := extStatus{Exact: &fairlead.ExtensionError{Target: target}}
		if got := status.target(); got != want {
			t.Errorf("%q is %+v, want %+v", target, got, want)
		}
	}
}

// A chart may put objects elsewhere than its release: what helps is there, and the release is told by its name.
func TestAnExtensionIsLookedForWhereItsObjectsAre(t *testing.T) {
	elsewhere := extOwnFailure("HLM-01", "not ready in time")
	elsewhere.ErrorInfo.Target = "Deployment/backend/web"
	f := extResult(extSnapshot(extNode("n1"), extAgents(), extOwnIn(t, "shop", "web", elsewhere)), "HLM-01")
	if f.Scope != "backend" || len(f.Remedies) == 0 || !slices.Contains(f.Remedies[0].Commands, "kubectl get pods -n backend") {
		t.Errorf("it is about %q: %+v", f.Scope, f.Remedies)
	}
}

func TestTheReleaseOfAnExtensionIsToldFromOthersOfItsNamespace(t *testing.T) {
	waited := extOwnFailure("HLM-01", "not ready in time")
	waited.ErrorInfo.Target = "Deployment/backend/web"
	broken := helmRelease("shop", "db", "failed", "context deadline exceeded", time.Hour)
	for name, want := range map[string][]string{"db": {"timedOut"}, "web": {"timedOut", "extension"}} {
		var got []string
		for _, f := range judgeHelmReleases(extSnapshot(extOwnIn(t, "shop", name, waited), broken)) {
			got = append(got, f.Key)
		}
		if !slices.Equal(got, want) {
			t.Errorf("release db failed and extension %s waited in vain: found %q, want %q", name, got, want)
		}
	}
}

func TestAJobThatAnExtensionNamesIsToldFromOthersOfItsNamespace(t *testing.T) {
	said := extOwn(t, "web", extOwnFailure("HLM-02", "Job failed: BackoffLimitExceeded"))
	for other, want := range map[string][]string{"cleanup": {"job cleanup", "said migrate"}, "migrate": {"job migrate"}} {
		var got []string
		for _, f := range judgeHelmJobs(extSnapshot(said, helmBrokenJob("shop", other, time.Hour))) {
			got = append(got, f.Key+" "+f.Args["job"])
		}
		if !slices.Equal(got, want) {
			t.Errorf("Job %s failed and extension web names Job migrate: found %q, want %q", other, got, want)
		}
	}
}
