package observer

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
)

// A watcher reads objects by reflection, to which a field of its own is an accident that no compiler sees.
func TestAnObjectIsReadFromWhatAServerSends(t *testing.T) {
	sent := map[string]any{
		"metadata": map[string]any{"name": "till", "namespace": "shops"},
		"spec":     map[string]any{"image": "registry.example.org/till", "secretRef": map[string]any{"name": "door"}, "suspend": true},
	}
	var object Object
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(sent, &object); err != nil {
		t.Fatal(err)
	}
	if object.Name != "till" || object.Spec.Image != "registry.example.org/till" || object.Spec.SecretRef == nil || object.Spec.SecretRef.Name != "door" || !object.Spec.Suspend {
		t.Errorf("read as %+v", object)
	}
}
