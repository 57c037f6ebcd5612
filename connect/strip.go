package connect

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fairlead/fairlead"
)

// strip removes the agents and everything of theirs from the cluster, and makes sure of it.
func (k *Cluster) strip(ctx context.Context, mode hooks, report Reporter) error {
	// Custom resources wait for agents that will be no more. What extensions have installed stays.
	if err := k.loosen(ctx); err != nil {
		return err
	}
	if err := k.removeRelease(mode, report); err != nil {
		return err
	}
	for _, namespace := range []string{fairlead.AgentNamespace, fairlead.ReleaseNamespace} {
		if err := k.vacate(ctx, namespace, report); err != nil {
			return err
		}
	}
	return k.sweep(ctx, report)
}

func (k *Cluster) removeRelease(mode hooks, report Reporter) error {
	report.Note("removing release " + fairlead.ReleaseName)
	helm, err := k.helm()
	if err != nil {
		return err
	}
	return helm.uninstall(mode)
}

// kind is a kind of object that the agents' chart makes.
type kind struct {
	resource schema.GroupVersionResource
	name     string
}

func wide() []kind {
	return []kind{
		{schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}, "CustomResourceDefinition"},
		{schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"}, "ClusterRoleBinding"},
		{schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}, "ClusterRole"},
		{schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"}, "ValidatingWebhookConfiguration"},
		{schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingwebhookconfigurations"}, "MutatingWebhookConfiguration"},
	}
}

// sweep deletes cluster-wide objects of the release that Helm has left, and waits until none is there any more:
// definitions go only after their custom resources.
func (k *Cluster) sweep(ctx context.Context, report Reporter) error {
	if err := k.removeOwned(ctx, metav1.NamespaceAll, wide(), report); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, goneTimeout, errSlow)
	defer cancel()
	left := ""
	err := until(ctx, func(ctx context.Context) (bool, error) {
		for _, one := range wide() {
			objects, err := k.owned(ctx, one.resource, metav1.NamespaceAll)
			if err != nil {
				return false, ignoreBlip(ctx, err)
			}
			for i := range objects {
				k.nudge(ctx, one, &objects[i])
			}
			if len(objects) > 0 {
				left = one.name + " " + objects[0].GetName()
				report.Note(left + " is going")
				return false, nil
			}
		}
		return true, nil
	})
	if errors.Is(err, errSlow) {
		return fairlead.Errorf(fairlead.Unavailable, "%s is going, and not gone after %s", left, goneTimeout).WithCode("ObjectTerminating")
	}
	return err
}

// removeOwned deletes the release's objects of some kinds, in a namespace or cluster-wide, as far as they can be.
func (k *Cluster) removeOwned(ctx context.Context, namespace string, kinds []kind, report Reporter) error {
	var failed []error
	for _, one := range kinds {
		objects, err := k.owned(ctx, one.resource, namespace)
		if err != nil {
			failed = append(failed, err)
		}
		for i := range objects {
			failed = append(failed, k.remove(ctx, one, &objects[i], report))
		}
	}
	return errors.Join(failed...)
}

func (k *Cluster) remove(ctx context.Context, one kind, object *unstructured.Unstructured, report Reporter) error {
	if object.GetDeletionTimestamp() != nil {
		return nil
	}
	report.Note("removing " + one.name + " " + object.GetName())
	background := metav1.DeletePropagationBackground
	err := k.objects.Resource(one.resource).Namespace(object.GetNamespace()).Delete(ctx, object.GetName(), metav1.DeleteOptions{PropagationPolicy: &background})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("%s %s is left: %w", one.name, object.GetName(), err)
	}
	return nil
}

// owned returns the objects of a kind, in a namespace or cluster-wide, that carry the release's annotations.
func (k *Cluster) owned(ctx context.Context, resource schema.GroupVersionResource, namespace string) ([]unstructured.Unstructured, error) {
	var found []unstructured.Unstructured
	options := metav1.ListOptions{Limit: 500, LabelSelector: "app.kubernetes.io/managed-by=Helm"}
	for {
		list, err := k.objects.Resource(resource).Namespace(namespace).List(ctx, options)
		if err != nil {
			return nil, fmt.Errorf("look for what is left of the agents (%s): %w", resource.Resource, err)
		}
		for i := range list.Items {
			if isOurs(&list.Items[i]) {
				found = append(found, list.Items[i])
			}
		}
		if options.Continue = list.GetContinue(); options.Continue == "" {
			return found, nil
		}
	}
}

// isOurs reports whether an object carries the release's annotations.
func isOurs(object metav1.Object) bool {
	annotations := object.GetAnnotations()
	return annotations["meta.helm.sh/release-name"] == fairlead.ReleaseName && annotations["meta.helm.sh/release-namespace"] == fairlead.ReleaseNamespace
}

// loosen takes the finalizers off the agents' custom resources.
func (k *Cluster) loosen(ctx context.Context) error {
	definitions, err := k.objects.Resource(wide()[0].resource).List(ctx, metav1.ListOptions{Limit: 5000})
	if err != nil {
		return fmt.Errorf("look for the agents' custom resources: %w", err)
	}
	for i := range definitions.Items {
		if resource, ok := customResource(&definitions.Items[i]); ok {
			if err := k.loosenAll(ctx, resource); err != nil {
				return err
			}
		}
	}
	return nil
}

func customResource(definition *unstructured.Unstructured) (schema.GroupVersionResource, bool) {
	group, _, _ := unstructured.NestedString(definition.Object, "spec", "group")
	plural, _, _ := unstructured.NestedString(definition.Object, "spec", "names", "plural")
	versions, _, _ := unstructured.NestedSlice(definition.Object, "spec", "versions")
	if !isOurs(definition) || !strings.HasSuffix(group, ".azure.com") || len(versions) == 0 {
		return schema.GroupVersionResource{}, false
	}
	version, _ := versions[0].(map[string]any)
	name, _ := version["name"].(string)
	return schema.GroupVersionResource{Group: group, Version: name, Resource: plural}, name != ""
}

func (k *Cluster) loosenAll(ctx context.Context, resource schema.GroupVersionResource) error {
	list, err := k.objects.Resource(resource).List(ctx, metav1.ListOptions{Limit: 5000})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list %s: %w", resource.Resource, err)
	}
	for _, object := range list.Items {
		if len(object.GetFinalizers()) == 0 {
			continue
		}
		_, err := k.objects.Resource(resource).Namespace(object.GetNamespace()).Patch(ctx, object.GetName(), types.MergePatchType,
			[]byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("take the finalizers off %s %s: %w", resource.Resource, object.GetName(), err)
		}
	}
	return nil
}
