package usercheck

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// FuzzLoad reads anything, and judges a small cluster with whatever was accepted.
func FuzzLoad(f *testing.F) {
	head := "apiVersion: fairlead.io/v1\nkind: Check\nmetadata: {name: one}\nspec:\n  title: One\n  reason: "
	for _, seed := range []string{
		"", "---\n---\n", "a: &a [*a]", head + "seen\n  expr: pods.exists(p, p.metadata.name == 'x')\n",
		head + "'${pods[0].metadata.name} $${'\n  forEach: {in: pods, as: p, expr: 'p.metadata.name != \"\"', object: '\"Pod/\" + p.metadata.name'}\n",
		head + "\"${'''}'''} ${r'\\}'}\"\n  expr: now > timestamp('2020-01-01T00:00:00Z')\n  needs: [{resource: pods/log, namespace: a}]\n  explain: {patterns: ['(']}\n",
		head + "seen\n  expr: |\n    [1, 2].map(x, {x: x}).size() > 1\n  remedies: [{text: '${ {1: [2]} }', commands: [ls], risk: safe}]\n",
	} {
		f.Add([]byte(seed))
	}
	seen := &snapshot.Snapshot{
		Version: 1, Taken: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Coverage: map[snapshot.Resource]*snapshot.Coverage{snapshot.Pods: {Served: true, All: true}},
		Pods:     []corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "x"}}},
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		l, err := newLoader()
		if err != nil {
			t.Fatal(err)
		}
		l.read("checks.yaml", content)
		for _, finding := range doctor.Evaluate(l.set.Checks, seen, nil) {
			if finding.ID == "" || finding.Status == "" {
				t.Errorf("a finding without a word: %+v", finding)
			}
		}
	})
}
