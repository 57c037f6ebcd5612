package check

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/corefile"
	"github.com/fairlead/fairlead/doctor/probe/wire"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

const (
	dpTestHost   = "westeurope.dp.kubernetesconfiguration.azure.com"
	dpTestPublic = "20.1.1.1"
	dpTestGood   = "hosts {\n  20.1.1.1 " + dpTestHost + "\n  fallthrough\n}\n"
)

// dpAKS is a healthy cluster of AKS with the agents of extensions.
func dpAKS(t *testing.T, a *netAuthority) *snapshot.Snapshot {
	t.Helper()
	s := arcSeen()
	s.Nodes[0].Labels["kubernetes.azure.com/cluster"], s.Nodes[0].Labels[corev1.LabelTopologyRegion] = "mc_1", "westeurope"
	for _, name := range []string{"extension-agent", "extension-operator"} {
		one := int32(1)
		d := appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: name}, Spec: appsv1.DeploymentSpec{Replicas: &one}}
		d.Status = appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1}
		s.Deployments = append(s.Deployments, d)
	}
	return netComplete(s, a)
}

func dpTestCustom(s *snapshot.Snapshot, data map[string]string) *corev1.ConfigMap {
	s.ConfigMaps = append(s.ConfigMaps, corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "coredns-custom", CreationTimestamp: metav1.NewTime(arcNow().Add(-48 * time.Hour))}, Data: data,
	})
	return &s.ConfigMaps[len(s.ConfigMaps)-1]
}

// dpLead lets the data plane's name lead somewhere in pods.
func dpLead(s *snapshot.Snapshot, aliases []string, addresses ...string) {
	for i := range s.Probe.Pod.Result.Lookups {
		if lookup := &s.Probe.Pod.Result.Lookups[i]; strings.HasPrefix(lookup.Name, dpTestHost) {
			lookup.Servers[0].Addresses, lookup.Servers[0].CNAMEs = addresses, aliases
		}
	}
}

func TestPrivateAddress(t *testing.T) {
	a := newNetAuthority(t, "test")
	link := []string{"westeurope.privatelink.dp.kubernetesconfiguration.azure.com"}
	cases := map[string]struct {
		reason string
		build  func(*testing.T, *netAuthority) *snapshot.Snapshot
		change func(*snapshot.Snapshot)
		want   string
	}{
		"Healthy":    {"a public address", dpAKS, func(*snapshot.Snapshot) {}, "pass "},
		"Private":    {"as in the guide", dpAKS, func(s *snapshot.Snapshot) { dpLead(s, link, "10.224.1.184") }, "fail private"},
		"Carrier":    {"a shared range is not public", dpAKS, func(s *snapshot.Snapshot) { dpLead(s, nil, "100.64.1.1") }, "fail private"},
		"IPv6":       {"nor is a unique local one", dpAKS, func(s *snapshot.Snapshot) { dpLead(s, nil, "fd00::1") }, "fail private"},
		"PublicLink": {"public answers pass through the same alias", dpAKS, func(s *snapshot.Snapshot) { dpLead(s, link, dpTestPublic) }, "pass "},
		"NoRecord":   {"the private zone is empty", dpAKS, func(s *snapshot.Snapshot) { dpLead(s, link) }, "fail noRecord"},
		"Arc":        {"a connected cluster may have a private link", netCluster, func(s *snapshot.Snapshot) { dpLead(s, link, "10.224.1.184") }, "pass onPurpose"},
		"Wanted": {"told to use one", dpAKS, func(s *snapshot.Snapshot) {
			s.ConfigMaps = append(s.ConfigMaps, corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: arcSpace, Name: "azure-clusterconfig"}, Data: map[string]string{"PRIVATE_LINK_ENABLED": "true", "AZURE_REGION": "westeurope"}})
			dpLead(s, link, "10.224.1.184")
		}, "pass onPurpose"},
		"NoProbe": {"nobody looked", dpAKS, func(s *snapshot.Snapshot) { netWithoutProbe(s) }, "skipped skipNeedsProbe"},
		"Fairlead": {"has no such name", func(_ *testing.T, a *netAuthority) *snapshot.Snapshot {
			return netComplete(arcFairlead("edge-agent"), a)
		}, func(*snapshot.Snapshot) {}, "skipped skipFeatureOff"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := c.build(t, a)
			c.change(s)
			for _, f := range doctor.Evaluate([]doctor.Check{dataPlanePrivate()}, s, nil) {
				if got := string(f.Status) + " " + f.Key; got != c.want {
					t.Errorf("%s: %s", c.reason, got)
				}
			}
		})
	}
}

func TestPrivateAddressIsTheOnlyRoot(t *testing.T) {
	a := newNetAuthority(t, "test")
	s := dpAKS(t, a)
	dpLead(s, nil, "10.224.1.184")
	if diff := cmp.Diff([]string{"EXT-07 fail private"}, netProblems(t, s)); diff != "" {
		t.Error(diff)
	}
	remedy := dpFound(t, s, "EXT-07").Remedies[1]
	if remedy.Key != "override" || len(remedy.Actions) != 2 || remedy.Actions[0].Verb != doctor.Apply || !strings.Contains(remedy.Commands[0], dpTestPublic) {
		t.Errorf("this machine knows the public address: %+v", remedy)
	}
	s.Probe.Client = nil
	remedy = dpFound(t, s, "EXT-07").Remedies[1]
	if len(remedy.Actions) != 0 || !strings.Contains(remedy.Commands[0], "<public-address>") {
		t.Errorf("nobody knows the public address: %+v", remedy)
	}
}

func dpFound(t *testing.T, s *snapshot.Snapshot, id string) doctor.Finding {
	t.Helper()
	for _, f := range doctor.Evaluate(netChecks(), s, nil) {
		if f.ID == id {
			return f
		}
	}
	t.Fatalf("no finding of %s", id)
	return doctor.Finding{}
}

func TestOverrides(t *testing.T) {
	a := newNetAuthority(t, "test")
	other := "hosts {\n  10.1.1.1 shop.example\n  fallthrough\n}\n"
	cases := map[string]struct {
		reason string
		data   map[string]string
		change func(*snapshot.Snapshot)
		want   []string
		mends  bool
	}{
		"Good":  {"as in the guide", map[string]string{"x.override": dpTestGood}, nil, nil, false},
		"Other": {"overrides of somebody else's", map[string]string{"x.override": other}, nil, nil, false},
		"RowA":  {"the key has another ending", map[string]string{"x.conf": dpTestGood}, nil, []string{"EXT-08 fail row-a"}, true},
		"RowB":  {"no fallthrough", map[string]string{"x.override": strings.Replace(dpTestGood, "  fallthrough\n", "", 1)}, nil, []string{"EXT-08 fail row-b"}, true},
		"RowC":  {"the region was not filled in", map[string]string{"x.override": strings.Replace(dpTestGood, "westeurope", "<region>", 1)}, nil, []string{"EXT-08 fail row-c"}, true},
		"RowD":  {"not an address", map[string]string{"x.override": strings.Replace(dpTestGood, "20.1.1.1", "20.1.1", 1)}, nil, []string{"EXT-08 fail row-d"}, true},
		"RowE":  {"Azure has moved", map[string]string{"x.override": strings.Replace(dpTestGood, "20.1.1.1", "20.9.9.9", 1)}, nil, []string{"EXT-08 warn row-e"}, true},
		"RowF":  {"two blocks", map[string]string{"a.override": other, "x.override": dpTestGood}, nil, []string{"EXT-08 fail row-f"}, true},
		"RowG":  {"a spelling mistake", map[string]string{"x.override": strings.Replace(dpTestGood, "hosts", "hostz", 1)}, nil, []string{"EXT-08 fail row-g"}, true},
		"RowH": {"nobody imports it", map[string]string{"x.override": dpTestGood}, func(s *snapshot.Snapshot) {
			netCorefile(s).Data["Corefile"] = strings.Replace(netTestCorefile, "    import custom/*.override\n", "", 1)
		}, []string{"EXT-08 fail row-h"}, false},
		"RowI": {"changed, and not read", map[string]string{"x.override": dpTestGood}, func(s *snapshot.Snapshot) {
			netCorefile(s).Data["Corefile"] = strings.Replace(netTestCorefile, "    reload\n", "", 1)
			netTouch(netConfigMap(s, "coredns-custom"))
		}, []string{"EXT-08 fail row-i"}, true},
		"Outage": {"all names fail because of it", map[string]string{"x.override": strings.Replace(dpTestGood, "  fallthrough\n", "", 1)}, func(s *snapshot.Snapshot) {
			netAnswer(s.Probe.Pod.Result, "SERVFAIL", func(n string) bool { return !strings.HasPrefix(n, dpTestHost) })
		}, []string{"EXT-08 fail row-b", "NET-01 fail insideServfail <- EXT-08"}, true},
		"WithoutEffect": {"the name still leads to the private address", map[string]string{"x.conf": dpTestGood}, func(s *snapshot.Snapshot) {
			dpLead(s, nil, "10.224.1.184")
		}, []string{"EXT-07 fail private <- EXT-08", "EXT-08 fail row-a"}, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := dpAKS(t, a)
			dpTestCustom(s, c.data)
			if c.change == nil || strings.HasPrefix(name, "Row") {
				s.Probe.Pod = nil // what pods resolve would tell whether the override is needed
			}
			if c.change != nil {
				c.change(s)
			}
			if diff := cmp.Diff(c.want, netProblems(t, s)); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", c.reason, diff)
			}
			if len(c.want) == 0 {
				return
			}
			if mends := dpMends(t, s); mends != c.mends {
				t.Errorf("can be mended: %v, wanted %v: %+v", mends, c.mends, dpFound(t, s, "EXT-08").Remedies)
			}
		})
	}
}

// dpMends tries what --fix would do, and reports whether it does anything.
func dpMends(t *testing.T, s *snapshot.Snapshot) bool {
	t.Helper()
	finding := dpFound(t, s, "EXT-08")
	for _, remedy := range finding.Remedies {
		dpApply(t, s, remedy)
	}
	return slices.ContainsFunc(finding.Remedies, func(r doctor.Remedy) bool { return len(r.Actions) > 0 })
}

// dpApply makes the change of a remedy and looks whether the mistakes are gone; taking it back must give what was there.
func dpApply(t *testing.T, s *snapshot.Snapshot, remedy doctor.Remedy) {
	t.Helper()
	if len(remedy.Actions) < 2 {
		return
	}
	custom := netConfigMap(s, "coredns-custom")
	patch := func(body []byte, data map[string]string) map[string]string {
		var change struct{ Data map[string]*string }
		if err := json.Unmarshal(body, &change); err != nil {
			t.Fatal(err)
		}
		after := maps.Clone(data)
		for key, text := range change.Data {
			delete(after, key)
			if text != nil {
				after[key] = *text
			}
		}
		return after
	}
	after := patch(remedy.Actions[0].Body, custom.Data)
	if problems := corefile.Judge(corefile.Input{Corefile: netTestCorefile, Custom: after, Host: dpTestHost, Region: "westeurope"}); remedy.Key != "remove" && slices.ContainsFunc(problems, func(p corefile.Problem) bool {
		return p.Row == corefile.RowFallthrough || p.Row == corefile.RowTwice || p.Row == corefile.RowSyntax || p.Row == corefile.RowKey
	}) {
		t.Errorf("%s leaves %v in %q", remedy.Key, problems, after)
	}
	_, undo, _ := strings.Cut(remedy.Undo[0], "-p ")
	undo = strings.ReplaceAll(strings.Trim(undo, "'"), `'\''`, "'")
	if diff := cmp.Diff(custom.Data, patch([]byte(undo), after)); diff != "" {
		t.Errorf("undo of %s does not lead back:\n%s", remedy.Key, diff)
	}
}

func TestAnotherRegionIsNoOverride(t *testing.T) {
	a := newNetAuthority(t, "test")
	s := dpAKS(t, a)
	if host := dpHost(s); host != dpTestHost {
		t.Errorf("host is %s", host)
	}
	result := s.Probe.Pod.Result
	result.Lookups = []wire.Lookup{{Name: "westus.dp.kubernetesconfiguration.azure.com.", Servers: []wire.Answer{{Server: "10.0.0.10:53", Addresses: []string{"10.1.1.1"}}}}}
	for i := range result.Targets {
		result.Targets[i].Stages = nil
	}
	if f := dpFound(t, s, "EXT-07"); f.Status != doctor.Skipped || f.Key != "notTried" {
		t.Errorf("nobody asked for the name: %s %s", f.Status, f.Key)
	}
}
