package connect

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// nudged is when somebody last wanted a definition to go, in seconds since 1970.
const nudged = "fairlead.io/removal-wanted"

// nudge has the API server try again to empty a definition. One that is deleted right after it was made, as when connecting is
// interrupted, cannot always be emptied, and is then forgotten until the API server looks at all definitions, every five minutes:
// after a conflict it tries again only when more has changed about the definition than that it is being deleted
// (crd_finalizer.go of k8s.io/apiextensions-apiserver). Whoever may not change it has to wait.
func (k *Cluster) nudge(ctx context.Context, one kind, object *unstructured.Unstructured) {
	if object.GetDeletionTimestamp() == nil || !stuck(object) {
		return
	}
	change := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:"%d"}}}`, nudged, time.Now().Unix())
	_, _ = k.objects.Resource(one.resource).Patch(ctx, object.GetName(), types.MergePatchType, change, metav1.PatchOptions{}) // it is looked at again
}

// stuck reports whether the API server has failed to empty a definition.
func stuck(object *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions") // what is none says nothing
	for _, one := range conditions {
		condition, _ := one.(map[string]any)
		if condition["type"] == "Terminating" && condition["reason"] == "InstanceDeletionFailed" {
			return true
		}
	}
	return false
}
