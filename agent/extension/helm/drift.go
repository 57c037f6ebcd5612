package helm

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	helmkube "helm.sh/helm/v4/pkg/kube"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/fairlead/fairlead"
)

const (
	// How many fields of one object, and how many objects, are named.
	maxFields  = 5
	maxDrifted = 20
)

// Versions remembers of objects that were found as installed in which version that was, so that only those are looked at closely
// that have changed since.
type Versions map[string]string

// Drift returns the objects of a revision that are not as they were installed: those that are missing, and those of which the
// API server says that applying the revision once more would change them. Nothing is changed, and no value is shown.
func (r *Release) Drift(revision *releasev1.Release, known Versions) ([]fairlead.ExtensionDrift, error) {
	all, err := r.objects.Build(strings.NewReader(revision.Manifest), false)
	if err != nil {
		return nil, fmt.Errorf("compare release %s with what there is: %w", r.Name, err)
	}
	var drift []fairlead.ExtensionDrift
	for _, one := range all {
		if r.ctx.Err() != nil || r.waiting.Err() != nil {
			return nil, fmt.Errorf("compare release %s with what there is: %w", r.Name, r.waiting.Err())
		}
		what, err := r.compare(one, known)
		if err != nil {
			return nil, fmt.Errorf("compare %s with what there is: %w", Describe(one), err)
		}
		if what != "" && len(drift) < maxDrifted {
			drift = append(drift, fairlead.ExtensionDrift{Object: Describe(one), What: what})
		}
	}
	return drift, nil
}

// compare says how an object differs from what was installed, nothing when it does not. An object that is changed while it is looked
// at is looked at again; one that is changed all the time is left to the next comparison.
func (r *Release) compare(one *resource.Info, known Versions) (what string, err error) {
	for range 3 {
		if what, err = r.compareOnce(one, known); !apierrors.IsConflict(err) {
			return what, err
		}
	}
	return "", nil
}

func (r *Release) compareOnce(one *resource.Info, known Versions) (string, error) {
	wanted, ok := one.Object.(*unstructured.Unstructured)
	if !ok || one.Name == "" {
		return "", nil // its name was made by the API server, and nobody knows it
	}
	found, err := resource.NewHelper(one.Client, one.Mapping).Get(one.Namespace, one.Name)
	switch {
	case apierrors.IsNotFound(err) && endsByItself(one, wanted):
		return "", nil
	case apierrors.IsNotFound(err):
		return "it is missing", nil
	case err != nil:
		return "", err
	}
	live, ok := found.(*unstructured.Unstructured)
	if !ok || known[Describe(one)] == version(live) {
		return "", nil
	}
	fields, err := r.wouldChange(one, wanted, live)
	if err != nil {
		return "", err
	}
	if len(fields) == 0 {
		known[Describe(one)] = version(live)
		return "", nil
	}
	more := ""
	if len(fields) > maxFields {
		more = fmt.Sprintf(" and %d more", len(fields)-maxFields)
	}
	return "it differs in " + strings.Join(fields[:min(len(fields), maxFields)], ", ") + more, nil
}

// endsByItself reports whether an object is a Job that is removed when it is done.
func endsByItself(one *resource.Info, wanted *unstructured.Unstructured) bool {
	_, found, err := unstructured.NestedFieldNoCopy(wanted.Object, "spec", "ttlSecondsAfterFinished")
	return isJob(one) && found && err == nil
}

// version changes whenever what was installed may have: with its generation, where an object has one, which its status leaves alone.
func version(object *unstructured.Unstructured) string {
	if generation := object.GetGeneration(); generation > 0 {
		return string(object.GetUID()) + "/" + strconv.FormatInt(generation, 10)
	}
	return string(object.GetUID()) + "/" + object.GetResourceVersion()
}

// wouldChange asks the API server what applying the object would change in a version of it. It returns a conflict when that is not the
// newest any more.
func (r *Release) wouldChange(one *resource.Info, wanted, live *unstructured.Unstructured) ([]string, error) {
	wanted = wanted.DeepCopy()
	mark(wanted, r.Name, r.Namespace)
	wanted.SetResourceVersion(live.GetResourceVersion())
	body, err := json.Marshal(wanted)
	if err != nil {
		return nil, err
	}
	force := true
	helper := resource.NewHelper(one.Client, one.Mapping).DryRun(true).WithFieldManager(helmkube.ManagedFieldsManager)
	answer, err := helper.Patch(one.Namespace, one.Name, types.ApplyPatchType, body, &metav1.PatchOptions{Force: &force})
	if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) {
		return []string{"a field that cannot be changed back"}, nil
	}
	if err != nil {
		return nil, err
	}
	applied, ok := answer.(*unstructured.Unstructured)
	if !ok {
		return nil, nil
	}
	return differences("", essence(live), essence(applied)), nil
}

// mark adds what Helm adds to every object.
func mark(object *unstructured.Unstructured, release, namespace string) {
	labels, notes := object.GetLabels(), object.GetAnnotations()
	if labels == nil {
		labels = map[string]string{}
	}
	if notes == nil {
		notes = map[string]string{}
	}
	labels["app.kubernetes.io/managed-by"] = "Helm"
	notes["meta.helm.sh/release-name"], notes["meta.helm.sh/release-namespace"] = release, namespace
	object.SetLabels(labels)
	object.SetAnnotations(notes)
}

// essence is an object without what the API server keeps of it.
func essence(object *unstructured.Unstructured) map[string]any {
	content := maps.Clone(object.Object)
	delete(content, "status")
	if metadata, ok := content["metadata"].(map[string]any); ok {
		kept := map[string]any{}
		for _, field := range []string{"labels", "annotations"} {
			kept[field] = metadata[field]
		}
		content["metadata"] = kept
	}
	return content
}

// differences returns the paths of the fields in which two objects differ.
func differences(path string, a, b any) []string {
	if reflect.DeepEqual(a, b) {
		return nil
	}
	left, isMap := a.(map[string]any)
	right, areMaps := b.(map[string]any)
	if isMap && areMaps {
		var all []string
		keys := maps.Clone(left)
		maps.Copy(keys, right)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			all = append(all, differences(strings.TrimPrefix(path+"."+key, "."), left[key], right[key])...)
		}
		return all
	}
	former, isList := a.([]any)
	latter, areLists := b.([]any)
	if isList && areLists && len(former) == len(latter) {
		var all []string
		for i := range former {
			all = append(all, differences(path+"["+strconv.Itoa(i)+"]", former[i], latter[i])...)
		}
		return all
	}
	return []string{path}
}
