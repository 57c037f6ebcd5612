package collect

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

type unstructuredObject = unstructured.Unstructured

// maxEvents bounds the warnings that are read; the newest can be among the rest only on a cluster that has far more troubles.
const maxEvents = 5000

// pageSize bounds what is decoded at once of resources that can be many and large: the answer, its copy and what the decoder leaves
// behind would otherwise take several times the memory of what is kept.
const pageSize = 500

// maxRoom bounds how much room is made for what the API server announces.
const maxRoom = 100_000

// reader lists one resource in a namespace, or everywhere, and keeps what it gets.
type reader func(ctx context.Context, namespace string) error

// cached asks for what the API server has at hand, which costs it least.
func cached() metav1.ListOptions { return metav1.ListOptions{ResourceVersion: "0"} }

// keep lists with a typed client and adds the items to a list of the snapshot, pruned.
func keep[L any, T any](c *collector, into *[]T, list func(context.Context, metav1.ListOptions) (L, error), items func(L) []T, prune func(*T)) func(context.Context, metav1.ListOptions) error {
	return func(ctx context.Context, options metav1.ListOptions) error {
		found, err := list(ctx, options)
		if err != nil {
			return err
		}
		all := items(found)
		for i := range all {
			prune(&all[i])
		}
		c.mutex.Lock()
		defer c.mutex.Unlock()
		*into = append(*into, all...)
		return nil
	}
}

// keepPages is keep for resources of which there can be thousands.
func keepPages[L metav1.ListInterface, T any](c *collector, into *[]T, list func(context.Context, metav1.ListOptions) (L, error), items func(L) []T, prune func(*T)) func(context.Context) error {
	return func(ctx context.Context) error {
		page := metav1.ListOptions{Limit: pageSize}
		next := func(ctx context.Context, options metav1.ListOptions) (L, error) {
			found, err := list(ctx, options)
			if err == nil {
				page.Continue = found.GetContinue()
				c.mutex.Lock()
				*into = slices.Grow(*into, len(items(found))+int(remaining(found)))
				c.mutex.Unlock()
			}
			return found, err
		}
		for {
			if err := keep(c, into, next, items, prune)(ctx, page); err != nil || page.Continue == "" {
				return err
			}
		}
	}
}

// remaining is how many items the pages that follow hold, as far as the API server tells: so room for all is made once.
func remaining(page metav1.ListInterface) int64 {
	if count := page.GetRemainingItemCount(); count != nil {
		return min(max(*count, 0), maxRoom)
	}
	return 0
}

// lists returns a step for each resource that is needed.
func (c *collector) lists() []func(context.Context) {
	readers := c.readers()
	var steps []func(context.Context)
	for _, resource := range slices.Sorted(mapsKeys(readers)) {
		if needs := c.needs(resource); len(needs) > 0 {
			steps = append(steps, func(ctx context.Context) { c.listNeeded(ctx, resource, readers[resource], needs) })
		}
	}
	if len(c.needs(snapshot.ConfigMaps)) > 0 {
		steps = append(steps, c.readConfigMaps)
	}
	return steps
}

// needs returns what is needed of a resource.
func (c *collector) needs(resource snapshot.Resource) []snapshot.Need {
	var found []snapshot.Need
	for _, need := range c.wanted.Needs {
		// Helm keeps releases in Secrets.
		inSecrets := resource == snapshot.Secrets && need.Resource == snapshot.Releases
		if (need.Resource == resource || inSecrets) && !slices.Contains(found, need) {
			found = append(found, need)
		}
	}
	return found
}

// listNeeded lists everywhere when that is needed, or cheaper than namespace by namespace; when it is forbidden it tries the
// namespaces that doctor looks at anyway.
func (c *collector) listNeeded(ctx context.Context, resource snapshot.Resource, read reader, needs []snapshot.Need) {
	namespaces := namespacesOf(needs)
	if !resource.Namespaced() || len(namespaces) != 1 || namespaces[0] == "" {
		err := c.call(ctx, func(ctx context.Context) error { return read(ctx, "") })
		c.cover(resource, snapshot.Need{Resource: resource}, err)
		if reasonOf(err) != snapshot.Forbidden || !resource.Namespaced() {
			return
		}
		namespaces = c.usual(namespaces)
	}
	for _, namespace := range namespaces {
		err := c.call(ctx, func(ctx context.Context) error { return read(ctx, namespace) })
		c.cover(resource, snapshot.In(namespace, resource), err)
	}
}

func namespacesOf(needs []snapshot.Need) []string {
	var all []string
	for _, need := range needs {
		if !slices.Contains(all, need.Namespace) {
			all = append(all, need.Namespace)
		}
	}
	return all
}

// usual returns the namespaces to try when not all may be listed.
func (c *collector) usual(needed []string) []string {
	all := []string{fairlead.AgentNamespace, fairlead.ReleaseNamespace, metav1.NamespaceSystem, "flux-system", "arc-osm-system"}
	for _, namespace := range append(needed, c.wanted.Namespace) {
		if namespace != "" && !slices.Contains(all, namespace) {
			all = append(all, namespace)
		}
	}
	return all
}

func (c *collector) call(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return do(ctx)
}

// readConfigMaps reads the few that are needed by name.
func (c *collector) readConfigMaps(ctx context.Context) {
	for _, need := range c.needs(snapshot.ConfigMaps) {
		if need.Name == "" {
			continue
		}
		var found *corev1.ConfigMap
		err := c.call(ctx, func(ctx context.Context) (err error) {
			found, err = c.api.CoreV1().ConfigMaps(need.Namespace).Get(ctx, need.Name, metav1.GetOptions{})
			return err
		})
		err = absentIsFine(err)
		c.coverOne(snapshot.ConfigMaps, need, err)
		if err == nil && found != nil && found.Name != "" {
			c.pruneConfigMap(found)
			c.mutex.Lock()
			c.snapshot.ConfigMaps = append(c.snapshot.ConfigMaps, *found)
			c.mutex.Unlock()
		}
	}
}
