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
	if mode == withoutHooks {
		// Custom resources may wait for agents that are no more.
		if err := k.loosen(ctx); err != nil {
			return err
		}
	}
	if err := k.removeRelease(mode, report); err != nil {
		return err
	}
	if err := k.removeNamespace(ctx, fairlead.AgentNamespace); err != nil {
		return err
	}
	if err := k.awaitGone(ctx, fairlead.AgentNamespace, report); err != nil {
		return err
	}
	if err := k.removeNamespace(ctx, fairlead.ReleaseNamespace); err != nil {
		return err
	}
	if err := k.awaitGone(ctx, fairlead.ReleaseNamespace, report); err != nil {
		return err
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

// kind is a kind of cluster-wide object that the agents' chart makes.
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

// sweep deletes cluster-wide objects of the release that Helm has left, and fails when some stay.
func (k *Cluster) sweep(ctx context.Context, report Reporter) error {
	var failed []error
	for _, one := range wide() {
		names, err := k.owned(ctx, one.resource)
		if err != nil {
			failed = append(failed, err)
		}
		for _, name := range names {
			report.Note("removing " + one.name + " " + name)
			err := k.objects.Resource(one.resource).Delete(ctx, name, metav1.DeleteOptions{})
			if err != nil && !apierrors.IsNotFound(err) {
				failed = append(failed, fmt.Errorf("%s %s is left: %w", one.name, name, err))
			}
		}
	}
	return errors.Join(failed...)
}

// owned returns the objects of a cluster-wide kind that carry the release's annotations.
func (k *Cluster) owned(ctx context.Context, resource schema.GroupVersionResource) ([]string, error) {
	var names []string
	options := metav1.ListOptions{Limit: 500, LabelSelector: "app.kubernetes.io/managed-by=Helm"}
	for {
		list, err := k.objects.Resource(resource).List(ctx, options)
		if err != nil {
			return nil, fmt.Errorf("look for what is left of the agents (%s): %w", resource.Resource, err)
		}
		for i := range list.Items {
			if isOurs(&list.Items[i]) && list.Items[i].GetDeletionTimestamp() == nil {
				names = append(names, list.Items[i].GetName())
			}
		}
		if options.Continue = list.GetContinue(); options.Continue == "" {
			return names, nil
		}
	}
}

func isOurs(object *unstructured.Unstructured) bool {
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
