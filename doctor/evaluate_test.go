package doctor

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/doctor/snapshot"
)

// seen is a snapshot in which pods of one namespace could be read, Secrets are forbidden, and nobody asked for nodes.
func seen() *snapshot.Snapshot {
	return &snapshot.Snapshot{Coverage: map[snapshot.Resource]*snapshot.Coverage{
		snapshot.Pods:        {Served: true, Namespaces: []string{"azure-arc"}, Gaps: []snapshot.Gap{{Need: snapshot.Everywhere(snapshot.Pods), Reason: snapshot.Forbidden}}},
		snapshot.Secrets:     {Served: true, Gaps: []snapshot.Gap{{Need: snapshot.Everywhere(snapshot.Secrets), Reason: snapshot.Forbidden}}},
		snapshot.MeshConfigs: {Served: false},
		snapshot.Logs:        {Served: true, All: true},
	}}
}

func says(findings ...Finding) func(*snapshot.Snapshot) []Finding {
	return func(*snapshot.Snapshot) []Finding { return findings }
}

func TestEvaluateNeverPassesWhatItCouldNotSee(t *testing.T) {
	cases := map[string]struct {
		reason string
		check  Check
		want   Status
		key    string
	}{
		"ReadInFull":      {"the namespace was read", Check{Needs: []snapshot.Need{snapshot.In("azure-arc", snapshot.Pods)}, Eval: says()}, Pass, ""},
		"ReadInPart":      {"other namespaces may hold anything", Check{Needs: []snapshot.Need{snapshot.Everywhere(snapshot.Pods)}, Eval: says()}, Unknown, "unknownForbidden"},
		"FoundInPart":     {"a failure that was seen is one, whatever else was not", Check{Needs: []snapshot.Need{snapshot.Everywhere(snapshot.Pods)}, Eval: says(Finding{Status: Fail})}, Fail, ""},
		"Forbidden":       {"nothing was read, so nothing is judged", Check{Needs: []snapshot.Need{snapshot.In("azure-arc", snapshot.Secrets)}, Eval: says(Finding{Status: Fail})}, Unknown, "unknownForbidden"},
		"NotAsked":        {"nobody asked, so nobody knows", Check{Needs: []snapshot.Need{snapshot.Everywhere(snapshot.Nodes)}, Eval: says()}, Unknown, "unknownFailed"},
		"NotServed":       {"a resource that is not served has no objects", Check{Needs: []snapshot.Need{snapshot.In("arc-osm-system", snapshot.MeshConfigs)}, Eval: says()}, Pass, ""},
		"ProbeNotAsked":   {"a probe is run on demand only", Check{Needs: []snapshot.Need{snapshot.Everywhere(snapshot.ProbeFromPod)}, Eval: says()}, Skipped, NeedsProbe},
		"DoesNotApply":    {"the component is not there", Check{Applies: func(*snapshot.Snapshot) string { return NotInstalled }, Eval: says(Finding{Status: Fail})}, Skipped, NotInstalled},
		"MayApply":        {"whether it is there could not be seen, so it is judged", Check{Applies: func(*snapshot.Snapshot) string { return NotInstalled }, AppliesNeeds: []snapshot.Need{snapshot.Everywhere(snapshot.Secrets)}, Eval: says(Finding{Status: Fail})}, Fail, ""},
		"NotedPassInPart": {"a remark does not make a pass of half a look", Check{Needs: []snapshot.Need{snapshot.Everywhere(snapshot.Pods)}, Eval: says(Finding{Status: Pass, Key: "note"})}, Unknown, "unknownForbidden"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.check.ID = "TST-01"
			found := Evaluate([]Check{c.check}, seen(), nil)
			if len(found) != 1 || found[0].Status != c.want || found[0].Key != c.key {
				t.Errorf("%s: got %+v, want one %s with key %q", c.reason, found, c.want, c.key)
			}
		})
	}
}

func TestUnknownNamesTheMissingVerb(t *testing.T) {
	check := Check{ID: "TST-01", Needs: []snapshot.Need{snapshot.One("azure-arc", snapshot.Secrets, "s")}, Eval: says()}
	found := Evaluate([]Check{check}, seen(), nil)
	if needs := found[0].Args["needs"]; needs != "get secrets/s in azure-arc" {
		t.Errorf("needs = %q", needs)
	}
}

func TestUnreadableLogMakesPassUnknown(t *testing.T) {
	s := seen()
	s.Pods = []corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Name: "a-1", Namespace: "azure-arc"}}}
	s.Logs = []snapshot.Log{{Namespace: "azure-arc", Pod: "a-1", Container: "c", Error: "no preferred addresses found", Reason: snapshot.Failed}}
	check := Check{ID: "TST-01", Logs: []snapshot.LogNeed{{Namespace: "azure-arc", Prefix: "a-"}}, Eval: says()}
	if found := Evaluate([]Check{check}, s, nil); found[0].Status != Unknown {
		t.Errorf("got %+v, want unknown", found[0])
	}
}

func TestUnreachableClusterSkipsAllButTheClient(t *testing.T) {
	s := seen()
	s.Client.Reach = []snapshot.Stage{{Name: "tcp", Error: "connection refused"}}
	checks := []Check{{ID: "CLI-06", Offline: true, Eval: says(Finding{Status: Fail})}, {ID: "ARC-01", Eval: says(Finding{Status: Fail})}}
	found := Evaluate(checks, s, nil)
	if found[0].Status != Fail || found[1].Status != Skipped || found[1].CausedBy != "CLI-06" {
		t.Errorf("got %+v", found)
	}
}

func TestFold(t *testing.T) {
	fail := func(scope string) func(*snapshot.Snapshot) []Finding {
		return says(Finding{Status: Fail, Scope: scope})
	}
	cases := map[string]struct {
		reason string
		checks []Check
		want   string // ids with their causes
	}{
		"Explained":     {"the cause is named", []Check{{ID: "A", Eval: fail("")}, {ID: "B", After: []string{"A"}, Eval: fail("")}}, "A= B=A"},
		"FirstWins":     {"the likeliest of two causes", []Check{{ID: "A", Eval: fail("")}, {ID: "B", Eval: fail("")}, {ID: "C", After: []string{"B", "A"}, Eval: fail("")}}, "A= B= C=B"},
		"OtherScope":    {"what is wrong in one namespace explains nothing in another", []Check{{ID: "A", Eval: fail("one")}, {ID: "B", After: []string{"A"}, Eval: fail("two")}}, "A= B="},
		"NothingWrong":  {"a cause that passed explains nothing", []Check{{ID: "A", Eval: says()}, {ID: "B", After: []string{"A"}, Eval: fail("")}}, "A= B="},
		"MereWarning":   {"a mild warning does not break things", []Check{{ID: "A", Severity: Low, Eval: says(Finding{Status: Warn})}, {ID: "B", After: []string{"A"}, Eval: fail("")}}, "A= B="},
		"GraveWarning":  {"a grave one does", []Check{{ID: "A", Severity: High, Eval: says(Finding{Status: Warn})}, {ID: "B", After: []string{"A"}, Eval: fail("")}}, "A= B=A"},
		"Circle":        {"two that explain each other leave one root", []Check{{ID: "A", After: []string{"B"}, Eval: fail("")}, {ID: "B", After: []string{"A"}, Eval: fail("")}}, "A= B=A"},
		"FindingsFirst": {"what one finding knows goes before what its check supposes", []Check{{ID: "A", Eval: fail("")}, {ID: "B", Eval: fail("")}, {ID: "C", After: []string{"A"}, Eval: says(Finding{Status: Fail, After: []string{"B"}})}}, "A= B= C=B"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range Evaluate(c.checks, seen(), nil) {
				got = append(got, f.ID+"="+f.CausedBy)
			}
			if text := strings.Join(got, " "); text != c.want {
				t.Errorf("%s: got %s, want %s", c.reason, text, c.want)
			}
		})
	}
}

func TestSelect(t *testing.T) {
	checks := []Check{{ID: "ARC-01"}, {ID: "ARC-02"}, {ID: "NET-01"}}
	cases := map[string]struct {
		words []string
		want  int
		wrong string
	}{
		"All": {nil, 3, ""}, "Area": {[]string{"arc"}, 2, ""}, "ID": {[]string{"NET-01", "ARC-02"}, 2, ""}, "Wrong": {[]string{"ARC", "XYZ"}, 0, "XYZ"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got, wrong := Select(checks, c.words); len(got) != c.want || wrong != c.wrong {
				t.Errorf("got %d checks, wrong word %q", len(got), wrong)
			}
		})
	}
}

func TestRoleIsSmall(t *testing.T) {
	role := Role([]snapshot.Need{
		snapshot.In("azure-arc", snapshot.Pods), snapshot.Everywhere(snapshot.Pods), snapshot.One("kube-system", snapshot.ConfigMaps, "coredns"), snapshot.Everywhere(snapshot.ProbeFromPod),
	}, []snapshot.LogNeed{{Namespace: "azure-arc"}})
	var rules []string
	for _, rule := range role.Rules {
		rules = append(rules, strings.Join(rule.Verbs, ",")+" "+strings.Join(rule.Resources, ",")+" "+strings.Join(rule.ResourceNames, ","))
	}
	if got, want := strings.Join(rules, "; "), "get configmaps coredns; get pods/log ; list pods "; got != want {
		t.Errorf("rules = %s, want %s", got, want)
	}
}

func TestManager(t *testing.T) {
	cases := map[string]struct {
		meta metav1.ObjectMeta
		want string
	}{
		"Nobody":        {metav1.ObjectMeta{}, ""},
		"Kustomization": {metav1.ObjectMeta{Labels: map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}}, "Flux Kustomization flux-system/apps"},
		"ArgoCD":        {metav1.ObjectMeta{Annotations: map[string]string{"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}}, "Argo CD application shop"},
		"Helm":          {metav1.ObjectMeta{Annotations: map[string]string{"meta.helm.sh/release-name": "r", "meta.helm.sh/release-namespace": "n"}}, "Helm release n/r"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Manager(&c.meta); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
