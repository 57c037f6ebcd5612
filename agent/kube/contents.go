package kube

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
)

// Contents are the objects in a namespace, as RESOURCE/NAME, in order.
type Contents struct {
	Stay []string
	// Go are those that are being deleted, and those whose owner is gone, which the cluster deletes soon.
	Go []string
}

// Contents names objects of every kind that are in a namespace, but those that come by themselves: events, and what the cluster's own
// controllers put into each namespace. A kind that cannot be listed is an error: nobody knows what is there.
func (c *Client) Contents(ctx context.Context, namespace string) (Contents, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	lists, err := c.discovery.ServerPreferredNamespacedResourcesWithContext(ctx)
	if err != nil {
		return Contents{}, fmt.Errorf("ask which kinds of objects there are: %w", err)
	}
	all := inventory{kinds: map[schema.GroupKind]bool{}}
	for _, list := range discovery.FilteredBy(discovery.SupportsAllVerbs{Verbs: []string{"list", "delete"}}, lists) {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return Contents{}, fmt.Errorf("read a version of the API server: %w", err)
		}
		for _, kind := range list.APIResources {
			all.kinds[schema.GroupKind{Group: version.Group, Kind: kind.Kind}] = true
			found, err := c.contents(ctx, collection(version.Group, version.Version, kind.Name, namespace))
			if err != nil {
				return Contents{}, err
			}
			all.objects = append(all.objects, found...)
		}
	}
	return all.sorted(), nil
}

func (c *Client) contents(ctx context.Context, where Collection) ([]stored, error) {
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
	var found []stored
	for _, item := range all.Items {
		if name := where.Resource + "/" + item.Name; !comesByItself(name) {
			found = append(found, stored{name, item.ObjectMeta})
		}
	}
	return found, nil
}

func comesByItself(name string) bool {
	return slices.Contains([]string{
		"serviceaccounts/default", "configmaps/kube-root-ca.crt", "configmaps/openshift-service-ca.crt", "configmaps/istio-ca-root-cert",
	}, name)
}

// stored is an object of a namespace.
type stored struct {
	name string // RESOURCE/NAME
	metav1.ObjectMeta
}

// inventory is all that is in a namespace, and the kinds that were looked for.
type inventory struct {
	objects []stored
	kinds   map[schema.GroupKind]bool
}

// sorted tells what stays from what goes. What belongs to several stays with any of them.
func (i inventory) sorted() Contents {
	stay := map[types.UID]bool{}
	for before := -1; before != len(stay); {
		before = len(stay)
		for _, one := range i.objects {
			if one.DeletionTimestamp == nil && (len(one.OwnerReferences) == 0 || slices.ContainsFunc(one.OwnerReferences, func(owner metav1.OwnerReference) bool {
				return stay[owner.UID] || !i.kinds[schema.FromAPIVersionAndKind(owner.APIVersion, owner.Kind).GroupKind()] // it is elsewhere
			})) {
				stay[one.UID] = true
			}
		}
	}
	var told Contents
	for _, one := range i.objects {
		if stay[one.UID] {
			told.Stay = append(told.Stay, one.name)
		} else {
			told.Go = append(told.Go, one.name)
		}
	}
	slices.Sort(told.Stay)
	slices.Sort(told.Go)
	return told
}
