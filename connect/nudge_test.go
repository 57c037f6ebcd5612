package connect

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
)

// Only a definition that the API server could not empty is touched, on the way out. That this helps is seen where agents are tested
// on a real one.
func TestAStuckDefinitionIsNudged(t *testing.T) {
	definitions := wide()[0]
	for reason, c := range map[string]struct{ going, want bool }{
		"InstanceDeletionFailed":     {true, true},
		"InstanceDeletionInProgress": {true, false},
		"NoLongerGoing":              {false, false},
	} {
		t.Run(reason, func(t *testing.T) {
			object := &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "apiextensions.k8s.io/v1", "kind": definitions.name, "metadata": map[string]any{"name": "things.example.org"},
				"status": map[string]any{"conditions": []any{map[string]any{"type": "Terminating", "status": "True", "reason": reason}}},
			}}
			if c.going {
				now := metav1.Now()
				object.SetDeletionTimestamp(&now)
			}
			kinds := map[schema.GroupVersionResource]string{definitions.resource: "CustomResourceDefinitionList"}
			k := &Cluster{objects: fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds, object)}
			k.nudge(t.Context(), definitions, object)
			found, err := k.objects.Resource(definitions.resource).Get(t.Context(), "things.example.org", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if got := found.GetAnnotations()[nudged] != ""; got != c.want {
				t.Errorf("nudged: %t", got)
			}
		})
	}
}
