package check

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func TestBareCluster(t *testing.T) {
	s := arcSeen()
	if got, want := arcProblems(s), []string{"ARC-01 fail notConnected"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	s.Client.Rights = []snapshot.Right{{Verb: "list", Resource: "secrets"}}
	if got, want := arcProblems(s), []string{"CLI-05 fail denied", "ARC-01 fail notConnected <- CLI-05"}; !slices.Equal(got, want) {
		t.Errorf("without rights: got %q, want %q", got, want)
	}
}

func TestNeighbourOnly(t *testing.T) {
	s := arcSeen()
	s.Namespaces = append(s.Namespaces, corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "arc-osm-system"}})
	if f := arcFinding(s, "ARC-01"); f.Status != doctor.Skipped || f.Key != doctor.NotInstalled {
		t.Errorf("a cluster with a mesh need not be connected, and ARC-01 is %s %s", f.Status, f.Key)
	}
	if f := arcFinding(s, "ARC-01", "ARC"); f.Status != doctor.Fail {
		t.Errorf("whoever asks is told, and ARC-01 is %s %s", f.Status, f.Key)
	}
}

// TestAgentsWithoutRelease has a caller who may not read Secrets.
func TestAgentsWithoutRelease(t *testing.T) {
	dark := []snapshot.Resource{snapshot.Secrets, snapshot.Releases, snapshot.Payloads, snapshot.Certificates}
	for name, tc := range map[string]struct {
		build func() *snapshot.Snapshot
		gone  string
		want  string
	}{
		"AzureHealthy":    {build: arcAzure, want: "pass "},
		"AzureEssential":  {build: arcAzure, gone: "metrics-agent", want: "fail missing"},
		"AzureNewer":      {build: arcAzure, gone: "flux-logs-agent", want: "warn maybeMissing"},
		"FairleadHealthy": {build: func() *snapshot.Snapshot { return arcFairlead(arcFairleadAgents()...) }, want: "pass "},
		"FairleadDeleted": {build: func() *snapshot.Snapshot { return arcFairlead(arcFairleadAgents()...) }, gone: "config-agent", want: "fail missing"},
		"FairleadEdge":    {build: func() *snapshot.Snapshot { return arcFairlead("edge-agent") }, want: "pass "},
		"NobodyKnowsWhose": {build: func() *snapshot.Snapshot {
			s := arcFairlead("edge-agent")
			s.ConfigMaps = nil
			arcForbid(s, snapshot.ConfigMaps)
			return s
		}, want: "unknown unknownForbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			s := tc.build()
			s.Releases, s.Secrets, s.Certificates = nil, nil, nil
			arcForbid(s, dark...)
			if tc.gone != "" {
				arcDelete(s, tc.gone)
			}
			f := arcFinding(s, "ARC-03")
			if got := string(f.Status) + " " + f.Key; got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
			for _, id := range []string{"ARC-01", "ARC-02", "ARC-08"} {
				if f := arcFinding(s, id); f.Status != doctor.Unknown {
					t.Errorf("%s is %s %s", id, f.Status, f.Key)
				}
			}
		})
	}
}

func TestOneNamespaceIsEnoughForAgents(t *testing.T) {
	s := arcAzure()
	for r := range s.Coverage {
		s.Coverage[r] = &snapshot.Coverage{Served: true, Namespaces: []string{arcSpace}, Gaps: []snapshot.Gap{{Need: snapshot.Everywhere(r), Reason: snapshot.Forbidden}}}
	}
	s.Releases, s.Nodes, s.Namespaces = nil, nil, nil
	for _, id := range []string{"ARC-03", "ARC-04", "ARC-05", "ARC-06", "ARC-07", "ARC-08", "ARC-10", "ARC-11", "ARC-12"} {
		if f := arcFinding(s, id); f.Status != doctor.Pass {
			t.Errorf("%s is %s %s %v", id, f.Status, f.Key, f.Args)
		}
	}
	if f := arcFinding(s, "ARC-01"); f.Status != doctor.Unknown {
		t.Errorf("ARC-01 is %s: the release may be where nobody looked", f.Status)
	}
}

func TestCertificateRequestIsNamedWhereThereAreSuch(t *testing.T) {
	for name, served := range map[string]bool{"Served": true, "NotServed": false} {
		t.Run(name, func(t *testing.T) {
			s := arcAzure()
			arcWithoutSecret(s, arcProxySecret)
			s.Coverage[snapshot.ArcCertificates] = &snapshot.Coverage{Served: served, All: true}
			named := slices.ContainsFunc(arcFinding(s, "ARC-12").Remedies, func(r doctor.Remedy) bool { return r.Key == "look" })
			if named != served {
				t.Errorf("the resource is served: %t, a remedy names it: %t", served, named)
			}
		})
	}
}

func TestIdentityLife(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		change func(*snapshot.Snapshot)
		want   string
	}{
		"Good":        {"renewed at half of its life", func(*snapshot.Snapshot) {}, "pass "},
		"Soon":        {"renewal should have come", func(s *snapshot.Snapshot) { s.Certificates[0].NotAfter = arcNow().Add(29 * 24 * time.Hour) }, "warn soon"},
		"Expired":     {"to the second", func(s *snapshot.Snapshot) { s.Certificates[0].NotAfter = arcNow() }, "fail expired"},
		"NotYetValid": {"a clock is wrong", func(s *snapshot.Snapshot) { s.Certificates[0].NotBefore = arcNow().Add(time.Hour) }, "fail notYetValid"},
		"Authority": {"the chain's authority lives longer and does not count", func(s *snapshot.Snapshot) {
			ca := s.Certificates[0]
			ca.IsCA, ca.NotAfter, ca.NotBefore = true, arcNow().AddDate(10, 0, 0), arcNow().Add(-time.Minute)
			s.Certificates[0].NotAfter = arcNow().Add(-time.Minute)
			s.Certificates = append(s.Certificates, ca)
		}, "fail expired"},
		"OnlyAnnotation": {"who may list Secrets and not read them sees when it ends", func(s *snapshot.Snapshot) {
			s.Certificates = nil
			arcForbid(s, snapshot.Certificates)
			s.Secrets = []metav1.PartialObjectMetadata{arcSecretMeta(fairlead.IdentitySecret, map[string]string{"clusterconfig.azure.com/not-after": "2026-02-01T00:00:00Z"})}
		}, "fail expired"},
		"OnlyReport": {"the agents' own report", func(s *snapshot.Snapshot) {
			s.Certificates, s.Secrets = nil, nil
			arcForbid(s, snapshot.Certificates, snapshot.Secrets)
			s.Custom[snapshot.IdentityRequests] = []unstructured.Unstructured{{Object: map[string]any{
				"metadata": map[string]any{"namespace": arcSpace, "name": "cluster-identity-request"}, "status": map[string]any{"expirationTime": "2026-05-01T00:00:00Z"},
			}}}
		}, "pass "},
		"Unreadable":  {"nobody says", func(s *snapshot.Snapshot) { s.Certificates = nil; arcForbid(s, snapshot.Certificates) }, "unknown unknownForbidden"},
		"OtherFormat": {"a Secret without a certificate", func(s *snapshot.Snapshot) { s.Certificates = nil }, "unknown noCertificate"},
		"Missing":     {"ARC-08 tells", func(s *snapshot.Snapshot) { arcWithoutSecret(s, fairlead.IdentitySecret) }, "skipped skipBehind"},
	} {
		t.Run(name, func(t *testing.T) {
			s := arcAzure()
			tc.change(s)
			f := arcFinding(s, "ARC-10")
			if got := string(f.Status) + " " + f.Key; got != tc.want {
				t.Errorf("%s: got %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

func TestExpiryWarningDoesNotExplainCrash(t *testing.T) {
	s := arcAzure()
	s.Certificates[0].NotAfter = arcNow().Add(5 * 24 * time.Hour)
	arcBreak(s, "config-agent", arcCrashes)
	if got, want := arcProblems(s), []string{"ARC-05 fail crash", "ARC-10 warn soon"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOldErrorOfOperatorIsNoProblem(t *testing.T) {
	s := arcAzure()
	s.Logs = []snapshot.Log{{Namespace: arcSpace, Pod: "clusteridentityoperator-5d8f-x", Container: "clusteridentityoperator", Text: "dial tcp: i/o timeout\nstored"}}
	if f := arcFinding(s, "ARC-09"); f.Status != doctor.Pass {
		t.Errorf("ARC-09 is %s %s", f.Status, f.Key)
	}
}

func TestCrashWithLog(t *testing.T) {
	s := arcAzure()
	arcBreak(s, "config-agent", arcCrashes)
	arcBreak(s, "metrics-agent", arcCrashes)
	s.Logs = []snapshot.Log{
		{Namespace: arcSpace, Pod: "config-agent-5d8f-x", Container: "config-agent", Text: "starting"},
		{Namespace: arcSpace, Pod: "config-agent-5d8f-x", Container: "config-agent", Previous: true, Text: "starting\nx509: certificate signed by unknown authority\nbye"},
	}
	var found []doctor.Finding
	for _, f := range doctor.Evaluate(arc(), s, nil) {
		if f.ID == "ARC-05" {
			found = append(found, f)
		}
	}
	if len(found) != 2 {
		t.Fatalf("two reasons are two findings, got %d", len(found))
	}
	if len(found[0].After) == 0 || found[0].After[0] != "NET-04" {
		t.Errorf("the log says that TLS is intercepted, and After is %q", found[0].After)
	}
	last := found[0].Evidence[len(found[0].Evidence)-1]
	if last.Source != "log" || !strings.Contains(last.Text, "unknown authority") {
		t.Errorf("evidence is %+v", last)
	}
}

func TestRegistryUsersWithoutArc(t *testing.T) {
	s := arcSeen()
	pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "extension-agent-1-x", Labels: map[string]string{"pod-template-hash": "1"}, OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "extension-agent-1"}}}}
	pod.Spec.NodeName = "node-1"
	pod.Spec.Containers = []corev1.Container{{Name: "a", Image: "mcr.microsoft.com/a:1"}}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "a"}}
	arcWaits("ErrImagePull", "lookup mcr.microsoft.com on 10.0.0.2:53: no such host")(&pod)
	plain := *pod.DeepCopy()
	plain.Name, plain.OwnerReferences[0].Name = "coredns-1-x", "coredns-1"
	s.Pods = []corev1.Pod{pod, plain}
	f := arcFinding(s, "ARC-07")
	if f.Key != "dns" || len(f.Objects) != 1 || f.Objects[0].Name != pod.Name || f.Args["registry"] != "mcr.microsoft.com" {
		t.Errorf("got %s %s %v %v", f.Status, f.Key, f.Objects, f.Args)
	}
}

func TestFairleadVersionIsComparedWithThisProgram(t *testing.T) {
	s := arcFairlead(arcFairleadAgents()...)
	s.Releases[0].ChartVersion = "1.2.0"
	if f := arcFinding(s, "ARC-16"); f.Key != "olderThanDoctor" || f.Status != doctor.Warn {
		t.Errorf("got %s %s", f.Status, f.Key)
	}
}

func TestBehindBy(t *testing.T) {
	for name, tc := range map[string]struct {
		version, newest string
		want            bool
	}{
		"Same": {"1.29.3", "1.29", false}, "TwoBehind": {"1.27.0", "1.29", false}, "ThreeBehind": {"v1.26.9", "1.29", true}, "MajorBehind": {"0.99.0", "1.0", true},
		"Newer": {"1.40.1-dev", "1.29", false}, "Unreadable": {"latest", "1.29", false}, "Huge": {"1.99999999999", "1.29", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := arcBehindBy(tc.version, tc.newest, 2); got != tc.want {
				t.Errorf("%s behind %s: %v", tc.version, tc.newest, got)
			}
		})
	}
}

func TestTableOfVersions(t *testing.T) {
	table, err := arcKnownVersions()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := time.Parse(time.DateOnly, table.Date); err != nil {
		t.Error(err)
	}
	for _, version := range []string{table.Agents, table.Extensions["connectedk8s"]} {
		if _, _, ok := arcMinor(version); !ok {
			t.Errorf("%q is no version", version)
		}
	}
}

func TestOpenShift(t *testing.T) {
	scc := func(name string, hostPath bool, users ...any) unstructured.Unstructured {
		return unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": name}, "allowHostDirVolumePlugin": hostPath, "users": users}}
	}
	for name, tc := range map[string]struct {
		version string
		sccs    []unstructured.Unstructured
		refused bool
		want    []string
	}{
		"Good":          {"4.12.3", []unstructured.Unstructured{scc("privileged", true, arcAccount())}, false, nil},
		"OwnConstraint": {"4.12.3", []unstructured.Unstructured{scc("privileged", true), scc("kube-aad-proxy", true, arcAccount())}, true, []string{"ARC-11 fail policy"}},
		"TooOld":        {"4.6.10", nil, false, []string{"ARC-13 warn tooOld"}},
		"OldEnough":     {"4.6.35", nil, false, nil},
		"NotListed":     {"4.12.3", []unstructured.Unstructured{scc("privileged", true, "system:admin"), scc("restricted", false, arcAccount())}, true, []string{"ARC-11 fail policy <- ARC-13", "ARC-13 fail account"}},
		"BoundByRole":   {"4.12.3", []unstructured.Unstructured{scc("privileged", true)}, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := arcAzure()
			s.Server.Groups = append(s.Server.Groups, "config.openshift.io")
			s.Coverage[snapshot.ClusterVersions] = &snapshot.Coverage{Served: true, All: true}
			s.Coverage[snapshot.SecurityContexts] = &snapshot.Coverage{Served: true, All: true}
			s.Custom[snapshot.SecurityContexts] = tc.sccs
			s.Custom[snapshot.ClusterVersions] = []unstructured.Unstructured{{Object: map[string]any{
				"metadata": map[string]any{"name": "version"},
				"status":   map[string]any{"history": []any{map[string]any{"state": "Partial", "version": "4.99.0"}, map[string]any{"state": "Completed", "version": tc.version}}},
			}}}
			if tc.refused {
				arcUnmake(s, arcProxy, `pods "kube-aad-proxy-5d8f-" is forbidden: unable to validate against any security context constraint: []`)
			}
			if got := arcProblems(s); !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestSecurityContextIsExtended(t *testing.T) {
	s := arcSeen()
	s.Custom[snapshot.SecurityContexts] = []unstructured.Unstructured{{Object: map[string]any{"metadata": map[string]any{"name": "privileged"}, "users": []any{"system:admin"}}}}
	action := arcAllow(s).Actions[0]
	if got, want := string(action.Body), `{"users":["system:admin","`+arcAccount()+`"]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRelaxRemembersTheLevel(t *testing.T) {
	s := arcAzure()
	s.Namespaces[1].Labels = map[string]string{arcEnforce: "restricted"}
	if got, want := arcRelax(s).Undo[0], "kubectl label namespace azure-arc pod-security.kubernetes.io/enforce=restricted --overwrite"; got != want {
		t.Errorf("got %s", got)
	}
}

func TestCommandsNameTheCluster(t *testing.T) {
	azure, own := arcAzure(), arcFairlead("edge-agent")
	azure.ConfigMaps[0].Data[fairlead.KeyResourceName] = "it's"
	for got, want := range map[string]string{
		arcCommand(azure, "delete"):                   `az connectedk8s delete -n 'it'\''s' -g shops`,
		arcCommand(own, "update"):                     "fairlead connectedk8s update -n edge-1 -g shops",
		arcCommand(arcSeen(), "connect", "--yes"):     "az connectedk8s connect -n <cluster-name> -g <resource-group> --yes",
		arcRegistry("mcr.microsoft.com/a/b@sha256:0"): "mcr.microsoft.com", arcRegistry("nginx"): "docker.io", arcRegistry("localhost/a"): "localhost",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestCrashBetweenTwoEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		ran    time.Duration
		want   []string
	}{
		"Between":  {"the last run lasted ten seconds, and this one is younger", 5 * time.Second, []string{"ARC-05 fail crash"}},
		"Outlived": {"it came up at last", time.Minute, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := arcAzure()
			arcBreak(s, "config-agent", func(pod *corev1.Pod) {
				arcCrashes(pod)
				status := &pod.Status.ContainerStatuses[0]
				status.Ready, status.State = true, corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(arcNow().Add(-tc.ran))}}
			})
			if got := arcProblems(s); !slices.Equal(got, tc.want) {
				t.Errorf("%s: got %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}

func TestOtherPlatform(t *testing.T) {
	for _, asked := range [][]string{nil, {"ARC"}} {
		if f := arcFinding(arcSeen(), "ARC-13", asked...); f.Status != doctor.Skipped || f.Key != doctor.OtherPlatform {
			t.Errorf("asked for %q: got %s %s", asked, f.Status, f.Key)
		}
	}
}
