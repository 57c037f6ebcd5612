package kube

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// Contents names objects of every kind that are in a namespace, as RESOURCE/NAME, but those that come by themselves: events, and
// what the cluster's own controllers put into each namespace. A kind that cannot be listed is an error: nobody knows what is there.
func (c *Client) Contents(ctx context.Context, namespace string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	lists, err := c.discovery.ServerPreferredNamespacedResourcesWithContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask which kinds of objects there are: %w", err)
	}
	var names []string
	for _, list := range discovery.FilteredBy(discovery.SupportsAllVerbs{Verbs: []string{"list", "delete"}}, lists) {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, fmt.Errorf("read a version of the API server: %w", err)
		}
		for _, kind := range list.APIResources {
			found, err := c.contents(ctx, collection(version.Group, version.Version, kind.Name, namespace))
			if err != nil {
				return nil, err
			}
			names = append(names, found...)
		}
	}
	slices.Sort(names)
	return names, nil
}

func (c *Client) contents(ctx context.Context, where Collection) ([]string, error) {
	if where.Resource == "events" {
		return nil, nil
	}
	all, err := c.metadataIn(where).List(ctx, metav1.ListOptions{})
	if err != nil && (apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err)) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", where.Resource, err)
	}
	var names []string
	for _, item := range all.Items {
		if name := where.Resource + "/" + item.Name; !comesByItself(name) {
			names = append(names, name)
		}
	}
	return names, nil
}

func comesByItself(name string) bool {
	return slices.Contains([]string{
		"serviceaccounts/default", "configmaps/kube-root-ca.crt", "configmaps/openshift-service-ca.crt", "configmaps/istio-ca-root-cert",
	}, name)
}
