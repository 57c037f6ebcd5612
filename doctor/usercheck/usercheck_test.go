package usercheck_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/catalogue"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/usercheck"
)

func write(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "checks.yaml")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func load(t *testing.T, content string) *usercheck.Set {
	t.Helper()
	set, err := usercheck.Open(write(t, content))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// one is a check with a spec.
func one(spec string) string {
	return "apiVersion: fairlead.io/v1\nkind: Check\nmetadata: {name: one}\nspec:\n  title: One\n  reason: seen\n" + spec
}

func pod(namespace, name, image string, restarts int32) corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: image}}},
		Status:     corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "main", RestartCount: restarts}}},
	}
}

func cluster() *snapshot.Snapshot {
	all := func() *snapshot.Coverage { return &snapshot.Coverage{Served: true, All: true} }
	return &snapshot.Snapshot{
		Version: 1, Taken: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC), Server: snapshot.Server{Version: "v1.34.1"},
		Coverage: map[snapshot.Resource]*snapshot.Coverage{
			snapshot.Pods: all(), snapshot.Nodes: all(), snapshot.Releases: all(), snapshot.GitRepositories: {Served: false},
			snapshot.Logs: all(), snapshot.MeshConfigs: all(),
			snapshot.ConfigMaps: {Served: true, Names: []string{"shop/settings"}},
		},
		Pods: []corev1.Pod{pod("shop", "cart", "example.org/cart:latest", 7), pod("shop", "till", "example.org/till:2", 0), pod("other", "x", "example.org/x:latest", 0)},
		Custom: map[snapshot.Resource][]unstructured.Unstructured{snapshot.MeshConfigs: {{Object: map[string]any{
			"metadata": map[string]any{"namespace": "arc-osm-system", "name": "osm-mesh-config"}, "spec": map[string]any{"traffic": map[string]any{"enableEgress": true}},
		}}}},
		ConfigMaps: []corev1.ConfigMap{{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "settings"}, Data: map[string]string{"mode": "debug"}}},
		Logs:       []snapshot.Log{{Namespace: "shop", Pod: "cart", Container: "main", Text: "panic: out of eggs"}},
		Releases:   []snapshot.Release{{Namespace: "shop", Name: "cart", Status: "failed", Revision: 3}},
	}
}

func TestExpressionsOverTheSnapshot(t *testing.T) {
	cases := map[string]struct {
		spec string
		want doctor.Status
	}{
		"Exists":    {`  expr: pods.exists(p, p.metadata.name == "cart")`, doctor.Fail},
		"NoneSuch":  {`  expr: pods.exists(p, p.metadata.name == "absent")`, doctor.Pass},
		"Integers":  {`  expr: pods.exists(p, p.status.containerStatuses.exists(c, c.restartCount + 1 > 7))`, doctor.Fail},
		"Warning":   {"  status: warn\n  expr: size(pods) == 3", doctor.Warn},
		"Namespace": {"  needs: [{resource: pods, namespace: other}]\n  expr: size(pods) == 1", doctor.Fail},
		"When":      {"  when: size(nodes) > 0\n  expr: size(pods) > 0", doctor.Skipped},
		"Optional":  {`  expr: pods.all(p, p.?metadata.?labels["app"].orValue("none") == "none")`, doctor.Fail},
		"NoSuchKey": {`  expr: pods.all(p, p.metadata.labels["app"] == "none")`, doctor.Unknown},
		"NoBoolean": {`  expr: pods[0].metadata.name`, doctor.Unknown},
		"NotThere":  {`  expr: jobs.exists(j, true)`, doctor.Unknown},
		"Custom":    {"  needs: [{resource: meshconfigs.config.openservicemesh.io}]\n  expr: custom['meshconfigs.config.openservicemesh.io'].exists(m, m.spec.traffic.enableEgress)", doctor.Fail},
		"NotServed": {"  needs: [{resource: gitrepositories.source.toolkit.fluxcd.io}]\n  expr: custom['gitrepositories.source.toolkit.fluxcd.io'].size() > 0", doctor.Pass},
		"ConfigMap": {"  needs: [{resource: configmaps, namespace: shop, name: settings}]\n  expr: configMaps.exists(c, c.data.mode == 'debug')", doctor.Fail},
		"Logs":      {"  needs: [{resource: pods/log, namespace: shop, name: ca}]\n  expr: logs.exists(l, l.text.matches('panic.*eggs'))", doctor.Fail},
		"Releases":  {`  expr: releases.exists(r, r.status == "failed" && r.revision >= 3)`, doctor.Fail},
		"Now":       {`  expr: now > timestamp("2026-01-01T00:00:00Z")`, doctor.Fail},
		"Server":    {`  expr: server.version.startsWith("v1.3")`, doctor.Fail},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			found := doctor.Evaluate(load(t, one(test.spec)).Checks, cluster(), nil)
			if len(found) != 1 || found[0].Status != test.want || found[0].ID != "USER-ONE" {
				t.Errorf("%+v, not %s", found, test.want)
			}
		})
	}
}

const latest = `
apiVersion: fairlead.io/v1
kind: Check
metadata:
  name: no-latest
spec:
  title: Images have versions
  severity: high
  status: warn
  expect: warn
  forEach:
    in: pods.filter(p, p.metadata.namespace == "shop" || p.metadata.namespace == "other")
    as: pod
    expr: pod.spec.containers.exists(c, c.image.endsWith(":latest"))
    object: '"Pod/" + pod.metadata.namespace + "/" + pod.metadata.name'
  reason: >-
    ${pod.metadata.name} runs ${pod.spec.containers.map(c, c.image)}, restarted ${pod.status.containerStatuses[0].restartCount} times; $${plain} {braces} ${ {"a": "}"}["a"] }
  remedies:
    - text: Name a version for ${pod.metadata.name}.
      commands: ["kubectl -n ${pod.metadata.namespace} get pod ${pod.metadata.name}"]
      risk: no
  explain:
    patterns: ['manifest for .*:latest not found']
---
# nothing
---
apiVersion: fairlead.io/v1
kind: Check
metadata: {name: second}
spec: {title: Second, reason: never, expr: size(pods) > 100, expect: pass}
`

func TestForEach(t *testing.T) {
	set := load(t, latest)
	found := doctor.Evaluate(set.Checks, cluster(), nil)
	if len(found) != 3 {
		t.Fatalf("%d findings: %+v", len(found), found)
	}
	want := doctor.Finding{
		ID: "USER-NO-LATEST", Status: doctor.Warn, Severity: doctor.High, Title: "Images have versions", Scope: "shop",
		Text:    `cart runs example.org/cart:latest, restarted 7 times; ${plain} {braces} }`,
		Objects: []doctor.Object{{Kind: "Pod", Namespace: "shop", Name: "cart"}},
		Remedies: []doctor.Remedy{{
			Text: "Name a version for cart.", Risk: doctor.Manual, Commands: []string{"kubectl -n shop get pod cart"},
		}},
	}
	if diff := cmp.Diff(want, found[0]); diff != "" {
		t.Error(diff)
	}
	if found[1].Objects[0].Name != "x" || found[2].Status != doctor.Pass || found[2].ID != "USER-SECOND" {
		t.Errorf("the others are %+v", found[1:])
	}
	if diff := cmp.Diff(map[string]doctor.Status{"USER-NO-LATEST": doctor.Warn, "USER-SECOND": doctor.Pass}, set.Expect); diff != "" {
		t.Error(diff)
	}
}

func TestReportHasTheirOwnWords(t *testing.T) {
	words, err := catalogue.Open(catalogue.French)
	if err != nil {
		t.Fatal(err)
	}
	unseen := cluster()
	delete(unseen.Coverage, snapshot.Pods)
	for name, seen := range map[string]*snapshot.Snapshot{"Seen": cluster(), "Unseen": unseen} {
		t.Run(name, func(t *testing.T) {
			report := doctor.NewReport(doctor.Evaluate(load(t, latest).Checks, seen, nil), words, doctor.Cluster{}, seen.Taken)
			for _, r := range report.Findings {
				if strings.Contains(r.Title+r.Cause+r.Reason, "[") || r.Title == "" {
					t.Errorf("words are missing: %+v", r)
				}
				for _, advice := range r.Remedies {
					if strings.Contains(advice.Text, "[") || advice.Fixable {
						t.Errorf("the remedy is %+v", advice)
					}
				}
			}
		})
	}
}

func TestPatternsFindLines(t *testing.T) {
	patterns := load(t, latest).Patterns
	if len(patterns) != 1 {
		t.Fatalf("%d patterns", len(patterns))
	}
	line, ok := patterns[0].Find("first\n  Manifest for cart:latest not found \nlast")
	if !ok || line != "Manifest for cart:latest not found" || patterns[0].ID != "USER-NO-LATEST" {
		t.Errorf("%q, %v", line, ok)
	}
	if _, ok := patterns[0].Find("all is well"); ok {
		t.Error("it finds what is not there")
	}
}

func TestLoadNamesFileAndLine(t *testing.T) {
	cases := map[string]struct{ content, want string }{
		"UnknownField":     {one("  expr: true\n  sevrity: high\n"), ":8: field sevrity not found"},
		"NoText":           {one("  expr: [true]\n"), ":7: it has to be a text"},
		"NoYAML":           {"a: b\n  c: d\n", ":2: mapping values"},
		"Twice":            {one("  expr: 'true'\n  title: Two\n"), ":8: mapping key"},
		"UnknownVariable":  {one("  expr: podz.size() > 1\n"), ":7: spec.expr: undeclared reference to 'podz'"},
		"TypeError":        {one("  expr: size(pods) > 'three'\n"), ":7: spec.expr: found no matching overload"},
		"NoBoolean":        {one("  expr: size(pods)\n"), ":7: spec.expr: its type is int, and has to be bool"},
		"SyntaxInBlock":    {one("  expr: |\n    size(pods) >\n      1 &&& true\n"), ":9: spec.expr: Syntax error"},
		"Template":         {one("  expr: 'true'\n  remedies: [{text: 'run ${pod.name}'}]\n"), ":8: spec.remedies.text: undeclared reference to 'pod'"},
		"TemplateOpen":     {one("  expr: 'true'\n  remedies: [{text: 'run ${pods'}]\n"), ":8: spec.remedies.text: ${ has no }"},
		"Regex":            {one("  expr: pods.exists(p, p.metadata.name.matches('('))\n"), ":7: spec.expr: "},
		"Severity":         {one("  expr: 'true'\n  severity: huge\n"), `:8: spec.severity: "huge" is not one of info, low`},
		"Status":           {one("  expr: 'true'\n  status: pass\n"), `:8: spec.status: "pass" is not one of warn, fail`},
		"Risk":             {one("  expr: 'true'\n  remedies: [{text: x, risk: none}]\n"), `:8: spec.remedies.risk: "none"`},
		"Both":             {one("  expr: 'true'\n  forEach: {in: pods, as: p, expr: 'true'}\n"), ":7: spec: it has both"},
		"Nothing":          {one(""), ":1: spec: it has neither"},
		"ForEachIn":        {one("  forEach: {in: size(pods), as: p, expr: 'true'}\n"), ":7: spec.forEach.in: its type is int, and has to be list"},
		"ForEachAs":        {one("  forEach: {in: pods, as: pods, expr: 'true'}\n"), ":7: spec.forEach.as: pods is a variable already"},
		"ForEachObject":    {one("  forEach: {in: pods, as: p, expr: 'true', object: '1'}\n"), ":7: spec.forEach.object: its type is int"},
		"UnknownResource":  {one("  needs: [{resource: statefulsets.apps}]\n  expr: 'true'\n"), `:7: spec.needs: doctor does not read "statefulsets.apps"`},
		"UnnamedConfigMap": {one("  expr: size(configMaps) > 0\n"), ":1: spec.needs: it has to say which configmaps"},
		"UnnamedCustom":    {one("  expr: size(custom) > 0\n"), ":1: spec.needs: it has to say which custom"},
		"UnnamedLogs":      {one("  needs: [{resource: pods/log}]\n  expr: size(logs) > 0\n"), ":7: spec.needs: pods/log takes a namespace"},
		"BadName":          {"apiVersion: fairlead.io/v1\nkind: Check\nmetadata: {name: One_Two}\nspec: {title: x, reason: x, expr: 'true'}\n", ":3: metadata.name"},
		"OtherKind":        {"apiVersion: v1\nkind: Pod\nmetadata: {name: one}\nspec: {title: x, reason: x, expr: 'true'}\n", ":2: kind: it has to be Check"},
		"Again":            {one("  expr: 'true'\n") + "---\n" + one("  expr: 'true'\n"), ":11: metadata.name: there is another check called one"},
		"SecondDocument":   {one("  expr: 'true'\n") + "---\n" + strings.ReplaceAll(one("  expr: nope\n"), "name: one", "name: two"), ":15: spec.expr: undeclared"},
		"TooDeep":          {one("  expr: '" + strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100) + "'\n"), ":7: spec.expr: "},
		"TooNested":        {one("  expr: pods.all(a, pods.all(b, pods.all(c, pods.all(d, pods.all(e, true)))))\n"), ":7: spec.expr: comprehension exceeds nesting limit"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			file := write(t, test.content)
			checks, _, err := usercheck.Load(file)
			if err == nil {
				t.Fatalf("it was accepted: %+v", checks)
			}
			if !strings.Contains(err.Error(), file+test.want) {
				t.Errorf("no %q in\n%v", test.want, err)
			}
		})
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, _, err := usercheck.Load(write(t, one("  expr: nope\n  severity: huge\n")), filepath.Join(t.TempDir(), "absent.yaml"))
	for _, part := range []string{"nope", "huge", "absent.yaml"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("no %s in %v", part, err)
		}
	}
}

func TestHostileExpressionsEnd(t *testing.T) {
	ended := regexp.MustCompile("costs more than a check may|takes longer than 10s") // the second on a machine that is busy
	many := cluster()
	for range 2000 {
		many.Pods = append(many.Pods, pod("shop", "p", "example.org/p:1", 0))
	}
	for name, spec := range map[string]string{
		"Nested":  `  expr: pods.all(a, pods.all(b, pods.all(c, a.metadata.name + b.metadata.name != c.metadata.name + "?")))`,
		"ForEach": "  forEach: {in: pods, as: p, expr: 'pods.all(a, pods.all(b, a.metadata.name != p.metadata.name + b.metadata.name))'}",
		"Grow":    `  expr: pods.map(a, pods.map(b, a.metadata.name + b.metadata.name)).size() == 0`,
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			found := doctor.Evaluate(load(t, one(spec)).Checks, many, nil)
			if len(found) != 1 || found[0].Status != doctor.Unknown || !ended.MatchString(found[0].Text) {
				t.Errorf("%+v", found)
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestCostInTheReason(t *testing.T) {
	many := cluster()
	for range 2000 {
		many.Pods = append(many.Pods, pod("shop", "p", "example.org/p:1", 0))
	}
	spec := strings.Replace(one("  expr: 'true'\n"), "reason: seen", "reason: 'seen ${pods.map(a, pods.map(b, a.metadata.name))}'", 1)
	found := doctor.Evaluate(load(t, spec).Checks, many, nil)
	if len(found) != 1 || found[0].Status != doctor.Fail || !strings.Contains(found[0].Text, "costs more than a check may") {
		t.Errorf("what was found is lost, or the cost is not said: %+v", found)
	}
}

func TestPartlySeenIsNeverAPass(t *testing.T) {
	partly := cluster()
	partly.Coverage[snapshot.Pods] = &snapshot.Coverage{Served: true, Namespaces: []string{"shop"}, Gaps: []snapshot.Gap{{Need: snapshot.Everywhere(snapshot.Pods), Reason: snapshot.Forbidden}}}
	for name, spec := range map[string]string{"Pass": "  expr: size(pods) > 50", "When": "  when: size(pods) > 50\n  expr: size(pods) > 60"} {
		t.Run(name, func(t *testing.T) {
			found := doctor.Evaluate(load(t, one(spec)).Checks, partly, nil)
			if len(found) != 1 || found[0].Status != doctor.Unknown || found[0].Args["needs"] != "list pods" {
				t.Errorf("%+v", found)
			}
		})
	}
}
