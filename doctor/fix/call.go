package fix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fairlead/fairlead/doctor"
)

// restarted is the annotation by which kubectl rollout restart makes new pods.
const restarted = "kubectl.kubernetes.io/restartedAt"

// call is what is sent to the API server. It is made once, so that what is done is what was shown, and it names the
// version of the object that it was made for.
type call struct {
	patch  types.PatchType // empty for a deletion
	body   []byte
	delete *metav1.Preconditions
}

// prepare makes the call of an action on an object as it is; before is nil when it is not there.
func (f *Fixer) prepare(action doctor.Action, before *unstructured.Unstructured) (call, error) {
	switch action.Verb {
	case doctor.MergePatch:
		return mergePatch(action.Body, before)
	case doctor.JSONPatch:
		return jsonPatch(action.Body, before)
	case doctor.Delete:
		uid, version := before.GetUID(), before.GetResourceVersion()
		return call{delete: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}}, nil
	case doctor.Apply:
		return apply(action, before)
	case doctor.Restart:
		return restart(action, before, f.now())
	}
	return call{}, fmt.Errorf("%q is not something that can be done to an object", action.Verb)
}

func mergePatch(body []byte, before *unstructured.Unstructured) (call, error) {
	patch := map[string]any{}
	if err := json.Unmarshal(body, &patch); err != nil {
		return call{}, fmt.Errorf("read the patch: %w", err)
	}
	if err := unstructured.SetNestedField(patch, before.GetResourceVersion(), "metadata", "resourceVersion"); err != nil {
		return call{}, fmt.Errorf("read the patch: %w", err)
	}
	encoded, err := json.Marshal(patch)
	return call{patch: types.MergePatchType, body: encoded}, err
}

func jsonPatch(body []byte, before *unstructured.Unstructured) (call, error) {
	var steps []json.RawMessage
	if err := json.Unmarshal(body, &steps); err != nil {
		return call{}, fmt.Errorf("read the patch: %w", err)
	}
	// To replace the version by itself changes nothing, and makes the API server refuse when it is another one by then.
	version, err := json.Marshal(map[string]string{"op": "replace", "path": "/metadata/resourceVersion", "value": before.GetResourceVersion()})
	if err != nil {
		return call{}, err
	}
	encoded, err := json.Marshal(append(steps, version))
	return call{patch: types.JSONPatchType, body: encoded}, err
}

func apply(action doctor.Action, before *unstructured.Unstructured) (call, error) {
	object := &unstructured.Unstructured{}
	if err := json.Unmarshal(action.Body, &object.Object); err != nil {
		return call{}, fmt.Errorf("read the object: %w", err)
	}
	if object.GetName() != action.Name || object.GetNamespace() != action.Namespace {
		return call{}, fmt.Errorf("the object is called %s/%s", object.GetNamespace(), object.GetName())
	}
	if before != nil {
		object.SetResourceVersion(before.GetResourceVersion())
	}
	encoded, err := json.Marshal(object.Object)
	return call{patch: types.ApplyPatchType, body: encoded}, err
}

func restart(action doctor.Action, before *unstructured.Unstructured, now time.Time) (call, error) {
	if !slices.Contains([]string{"deployments", "daemonsets", "statefulsets"}, action.Resource) {
		return call{}, fmt.Errorf("%s cannot be restarted", action.Resource)
	}
	if paused, _, _ := unstructured.NestedBool(before.Object, "spec", "paused"); paused {
		return call{}, errors.New("its rollout is paused, so that no new pods would be made: run kubectl rollout resume first")
	}
	patch := map[string]any{}
	if err := unstructured.SetNestedField(patch, now.Format(time.RFC3339), "spec", "template", "metadata", "annotations", restarted); err != nil {
		return call{}, err
	}
	encoded, err := json.Marshal(patch)
	if err != nil {
		return call{}, err
	}
	return mergePatch(encoded, before)
}

// perform makes a call, or tries it; it returns the object as it is then, nil when it is gone.
func (f *Fixer) perform(ctx context.Context, action doctor.Action, c call, dryRun []string) (*unstructured.Unstructured, error) {
	resource, err := f.resource(action)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if c.delete != nil {
		background := metav1.DeletePropagationBackground
		options := metav1.DeleteOptions{Preconditions: c.delete, PropagationPolicy: &background, DryRun: dryRun}
		return nil, resource.Delete(ctx, action.Name, options)
	}
	if c.patch == "" {
		return nil, errors.New("there is no change that was looked at before")
	}
	options := metav1.PatchOptions{FieldManager: Owner, DryRun: dryRun}
	return resource.Patch(ctx, action.Name, c.patch, c.body, options)
}
