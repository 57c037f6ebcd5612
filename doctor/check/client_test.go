package check

import (
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func TestClientMachine(t *testing.T) {
	no := false
	for name, tc := range map[string]struct {
		id     string
		client func(*snapshot.Client)
		want   string
	}{
		"NoAz":              {"CLI-01", func(*snapshot.Client) {}, "skipped skipNeedsClient"},
		"SameSubscription":  {"CLI-01", func(c *snapshot.Client) { c.Az = &snapshot.Az{Subscription: "SUB-1"} }, "pass "},
		"OtherSubscription": {"CLI-01", func(c *snapshot.Client) { c.Az = &snapshot.Az{Subscription: "sub-2"} }, "warn differs"},
		"NotSignedIn":       {"CLI-01", func(c *snapshot.Client) { c.Az = &snapshot.Az{AccountError: "exit status 1"} }, "unknown notSignedIn"},
		"NoAzNoLog":         {"CLI-02", func(*snapshot.Client) {}, "skipped skipNeedsClient"},
		"AzOnly":            {"CLI-02", func(c *snapshot.Client) { c.Az = &snapshot.Az{} }, "pass "},
		"NoKubectl":         {"CLI-02", func(c *snapshot.Client) { c.Az = clientAz("connectedk8s", "1.10.8", nil) }, "warn absent"},
		"Kubectl":           {"CLI-02", func(c *snapshot.Client) { c.Az, c.KubectlClient = clientAz("connectedk8s", "1.10.8", nil), "/k" }, "pass "},
		"KubectlLog": {"CLI-02", func(c *snapshot.Client) {
			c.Log = "a\ncli.azext_connectedk8s.custom: Failed to download and install kubectl\n"
		}, "fail log"},
		"ModuleMissing":     {"CLI-03", func(c *snapshot.Client) { c.Az = clientAz("connectedk8s", "1.10.8", &no) }, "fail absent"},
		"ModuleUntold":      {"CLI-03", func(c *snapshot.Client) { c.Az = clientAz("connectedk8s", "1.10.8", nil) }, "pass "},
		"ModuleLog":         {"CLI-03", func(c *snapshot.Client) { c.Log = "Cannot load native module 'Crypto.Hash._MD5'" }, "fail log"},
		"ExtensionOld":      {"CLI-04", func(c *snapshot.Client) { c.Az = clientAz("connectedk8s", "1.2.0", nil) }, "warn old"},
		"ExtensionNew":      {"CLI-04", func(c *snapshot.Client) { c.Az = clientAz("connectedk8s", "1.99.0", nil) }, "pass "},
		"ExtensionOfOthers": {"CLI-04", func(c *snapshot.Client) { c.Az = clientAz("customlocation", "0.1.0", nil) }, "pass "},
		"ExtensionUnnamed":  {"CLI-04", func(c *snapshot.Client) { c.Az = clientAz("connectedk8s", "", nil) }, "pass "},
		"ChartWithoutLog":   {"CLI-07", func(*snapshot.Client) {}, "skipped skipNeedsClient"},
		"LocationsLog": {"CLI-08", func(c *snapshot.Client) {
			c.Log = "Unable to fetch oid of 'custom-locations' app. Proceeding without enabling the feature."
		}, "fail unreadable"},
		"LocationsOther":    {"CLI-08", func(c *snapshot.Client) { c.Log = "all is well" }, "pass "},
		"OverageWithoutLog": {"CLI-09", func(*snapshot.Client) {}, "skipped skipNeedsAzure"},
		"OverageOtherLog":   {"CLI-09", func(c *snapshot.Client) { c.Log = "all is well" }, "skipped skipNeedsAzure"},
		"OverageLog":        {"CLI-09", func(c *snapshot.Client) { c.Log = "token refused: overage claim found" }, "fail groups"},
		"ProvisioningLog":   {"CLI-10", func(c *snapshot.Client) { c.Log = "ERROR: Resource provisioning failed" }, "fail provisioning"},
		"ProvisioningNoLog": {"CLI-10", func(*snapshot.Client) {}, "skipped skipNeedsAzure"},
		"RightsWhenThere":   {"CLI-05", func(*snapshot.Client) {}, "skipped connected"},
		"RightsInLog": {"CLI-05", func(c *snapshot.Client) {
			c.Log = `Error: list: failed to list: secrets is forbidden: User "myuser" cannot list resource "secrets" in API group "" at the cluster scope`
		}, "fail log"},
		"ReachableFromThere": {"CLI-06", func(*snapshot.Client) {}, "pass "},
	} {
		t.Run(name, func(t *testing.T) {
			s := arcAzure()
			tc.client(&s.Client)
			f := arcFinding(s, tc.id)
			if got := string(f.Status) + " " + f.Key; got != tc.want {
				t.Errorf("%s: got %s, want %s", tc.id, got, tc.want)
			}
			if f.Problem() && len(f.Remedies) == 0 {
				t.Errorf("%s has no remedy", tc.id)
			}
		})
	}
}

func clientAz(name, version string, crypto *bool) *snapshot.Az {
	return &snapshot.Az{Path: "/usr/bin/az", Subscription: "sub-1", Extensions: []snapshot.Extension{{Name: name, Version: version, CryptoHash: crypto}}}
}

func TestChartNamesTheHost(t *testing.T) {
	s := arcAzure()
	s.Client.Log = `Unable to pull cluster-diagnostic-checks helm chart from the registry 'mcr.microsoft.com/azurearck8s/helmchart/stable/clusterdiagnosticchecks:0.1.2': Error: failed to do request: Head "https://mcr.microsoft.com/v2/azurearck8s/helmchart/stable/clusterdiagnosticchecks/manifests/0.1.2": dial tcp 10.0.0.219:443: i/o timeout`
	f := arcFinding(s, "CLI-07")
	if f.Status != doctor.Fail || f.Key != "chart" || f.Args["host"] != "mcr.microsoft.com" {
		t.Errorf("got %s %s %v", f.Status, f.Key, f.Args)
	}
}

func TestModuleIsMendedForBrokenExtensionsOnly(t *testing.T) {
	s, no := arcAzure(), false
	s.Client.Az = clientAz("k8s-configuration", "2.2.0", &no)
	want := []string{"az extension remove --name k8s-configuration", "az extension add --name k8s-configuration"}
	if got := arcFinding(s, "CLI-03").Remedies[0].Commands; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestUnreachable(t *testing.T) {
	for name, stage := range map[string]string{
		"kubeconfig": "kubeconfig", "context": "context", "dns": "dns", "tcp": "tcp", "tls": "tls", "auth": "auth", "version": "version", "other": "quantum",
	} {
		t.Run(name, func(t *testing.T) {
			s := &snapshot.Snapshot{Taken: arcNow(), Client: snapshot.Client{
				Server: "https://10.0.0.1:6443", Reach: []snapshot.Stage{{Name: "dns", OK: true}, {Name: stage, Error: "no way"}},
			}}
			for _, f := range doctor.Evaluate(All(), s, nil) {
				switch {
				case f.ID == "CLI-06":
					if f.Status != doctor.Fail || f.Key != name || !strings.Contains(f.Evidence[0].Text, "no way") {
						t.Errorf("got %s %s %v", f.Status, f.Key, f.Evidence)
					}
				case f.Problem():
					t.Errorf("%s is %s of a cluster that nobody saw", f.ID, f.Status)
				case doctor.Area(f.ID) == "ARC" && f.Key != doctor.Unreachable:
					t.Errorf("%s is %s %s", f.ID, f.Status, f.Key)
				}
			}
		})
	}
	if f := arcFinding(&snapshot.Snapshot{}, "CLI-06"); f.Status != doctor.Skipped {
		t.Errorf("nothing was tried, and CLI-06 is %s", f.Status)
	}
}

func TestRights(t *testing.T) {
	denied := []snapshot.Right{{Verb: "list", Resource: "secrets"}, {Verb: "create", Group: "apps", Resource: "deployments", Namespace: arcSpace}, {Verb: "list", Resource: "nodes", Allowed: true}}
	for name, tc := range map[string]struct {
		reason string
		build  func() *snapshot.Snapshot
		want   string
	}{
		"Allowed": {"an administrator of a bare cluster", arcSeen, "pass "},
		"Denied":  {"a bare cluster", func() *snapshot.Snapshot { s := arcSeen(); s.Client.Rights = denied; return s }, "fail denied"},
		"View": {"Secrets are hidden, and there is no namespace", func() *snapshot.Snapshot {
			s := arcSeen()
			s.Client.Rights = denied
			arcForbid(s, snapshot.Secrets, snapshot.Releases)
			return s
		}, "fail denied"},
		"Nothing": {"it may be connected", func() *snapshot.Snapshot {
			s := arcSeen()
			s.Client.Rights = denied
			arcForbid(s, snapshot.Secrets, snapshot.Releases, snapshot.Namespaces)
			return s
		}, "unknown cannotSee"},
		"NothingAsked": {"no review was made", func() *snapshot.Snapshot {
			s := arcSeen()
			s.Client.Rights = nil
			arcForbid(s, snapshot.Secrets, snapshot.Releases, snapshot.Namespaces)
			return s
		}, "unknown unknownForbidden"},
		"NotAnswered": {"the review failed", func() *snapshot.Snapshot { s := arcSeen(); s.Client.Rights = nil; return s }, "unknown notAnswered"},
	} {
		t.Run(name, func(t *testing.T) {
			f := arcFinding(tc.build(), "CLI-05")
			if got := string(f.Status) + " " + f.Key; got != tc.want {
				t.Errorf("%s: got %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
	s := arcSeen()
	s.Client.Rights = denied
	if got, want := arcFinding(s, "CLI-05").Args["denied"], "list secrets, create deployments.apps in azure-arc"; got != want {
		t.Errorf("got %s", got)
	}
}

func TestGrant(t *testing.T) {
	for user, want := range map[string]string{
		"": "--user=<user>", "jo": "--user=jo", "jo smith": "--user='jo smith'", "system:serviceaccount:ci:deploy": "--serviceaccount=ci:deploy",
	} {
		if got := clientGrant(user).Commands[0]; got != "kubectl create clusterrolebinding arc-onboarding --clusterrole=cluster-admin "+want {
			t.Errorf("%q: %s", user, got)
		}
	}
}
