package check

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// meshGone is what a mesh leaves that was deleted: its namespace and its definitions.
func meshGone(w meshWorld) *snapshot.Snapshot {
	return &snapshot.Snapshot{Taken: meshNow, Coverage: maps.Clone(w.Coverage), Namespaces: w.Namespaces, Definitions: w.Definitions}
}

func TestMeshRemoved(t *testing.T) {
	w := meshHealthy(t)
	for _, f := range meshEvaluate(meshGone(w)) {
		if f.Status != doctor.Skipped || f.Key != doctor.NotInstalled {
			t.Errorf("the mesh was removed, and %s is %s %s", f.ID, f.Status, f.Key)
		}
	}
	for name, change := range map[string]func(*snapshot.Snapshot){
		"Helm says that it is deployed": func(s *snapshot.Snapshot) {
			s.Releases = []snapshot.Release{{Namespace: meshSpace, Name: "osm", Status: "deployed"}}
		},
		"nobody may see its Services": func(s *snapshot.Snapshot) {
			s.Coverage[snapshot.Services] = &snapshot.Coverage{Served: true, Gaps: []snapshot.Gap{{Need: snapshot.Everywhere(snapshot.Services), Reason: snapshot.Forbidden}}}
		},
	} {
		lost := meshGone(w)
		change(lost)
		if roots := meshRoots(meshEvaluate(lost)); !slices.Contains(roots, "OSM-01 fail missing") {
			t.Errorf("there are no programs, %s, and the roots are %v", name, roots)
		}
	}
}

// TestMeshLeft looks at webhooks of a mesh that was deleted after an upgrade, with its namespace and without.
func TestMeshLeft(t *testing.T) {
	w := meshHealthy(t)
	for _, namespaces := range [][]int{{0, 1, 2}, {1, 2}} {
		left := meshGone(w)
		left.ValidatingWebhooks, left.MutatingWebhooks, left.Namespaces = w.ValidatingWebhooks, w.MutatingWebhooks, nil
		for _, i := range namespaces {
			left.Namespaces = append(left.Namespaces, w.Namespaces[i])
		}
		findings := meshEvaluate(left)
		if roots := meshRoots(findings); !slices.Equal(roots, []string{"OSM-13 fail left", "OSM-14 fail left"}) {
			t.Errorf("with namespaces %v the roots are %v", namespaces, roots)
		}
		for _, f := range findings {
			if f.ID == "OSM-14" && !strings.Contains(strings.Join(f.Remedies[0].Commands, " "), "kubectl delete MutatingWebhookConfiguration arc-osm-webhook-osm") {
				t.Errorf("the remedy is %v", f.Remedies)
			}
		}
	}
}

func TestMeshLeftElsewhere(t *testing.T) {
	w := meshHealthy(t)
	left := meshGone(w)
	left.MutatingWebhooks = w.MutatingWebhooks
	left.MutatingWebhooks[0].Name, left.MutatingWebhooks[0].Webhooks[0].ClientConfig.Service.Namespace = "another-webhook", "osm-system"
	if roots := meshRoots(meshEvaluate(left)); len(roots) != 0 {
		t.Errorf("that is another mesh, and the roots are %v", roots)
	}
}
