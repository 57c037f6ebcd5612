package maker

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig"
	"github.com/fairlead/fairlead/agent/kube"
)

// patience is how long something may take to go before people are told what it is.
const patience = 20 * time.Second

// unmake takes a configuration back: kustomizations first, whose end it waits for since Flux prunes by them, then the source and
// its Secrets, then account and namespace where nobody else needs them. When all is gone the object is let go.
func (c *Controller) unmake(ctx context.Context, object *fluxconfig.Object, memory *memory) (time.Duration, error) {
	if !object.Held() {
		return resync, nil // it waits for somebody else
	}
	waiting, err := c.dismantle(ctx, object)
	if err == nil && waiting == "" {
		return c.release(ctx, object, memory)
	}
	if err != nil {
		waiting = err.Error()
	}
	if c.Now().Sub(object.DeletionTimestamp.Time) > patience {
		if noted := c.note(ctx, object, fluxconfig.Applied{Generation: object.Spec.Generation, Waiting: waiting}); noted != nil && err == nil {
			err = noted
		}
	}
	return glance, err
}

// dismantle takes the next step, and says what has to go before the one after it.
func (c *Controller) dismantle(ctx context.Context, object *fluxconfig.Object) (waiting string, err error) {
	space := object.Spec.Namespace
	for _, where := range append(fluxes(space), kube.Secrets(space)) {
		waiting, err := c.remove(ctx, object, where)
		if err != nil || waiting != "" {
			return waiting, err
		}
	}
	return c.sweep(ctx, object)
}

// remove deletes all that a configuration has in a collection, and names one that is not gone yet.
func (c *Controller) remove(ctx context.Context, object *fluxconfig.Object, where kube.Collection) (waiting string, err error) {
	all, err := c.own(ctx, object, where)
	if err != nil {
		return "", err
	}
	for _, item := range all {
		if item.DeletionTimestamp == nil {
			if err := ignoreMissing(c.Kube.Delete(ctx, where, item.Name)); err != nil {
				return "", err
			}
		}
		waiting = left(where, &item)
	}
	return waiting, nil
}

// sweep removes the account of the namespace when no configuration is left in it, and the namespace if it was made for one and
// nothing in it stays. It says that this is still going. Kustomizations that somebody left behind by force keep the account by which they work.
func (c *Controller) sweep(ctx context.Context, going *fluxconfig.Object) (waiting string, err error) {
	space := going.Spec.Namespace
	if c.inUse(going) {
		return "", nil
	}
	others, err := c.Kube.ListMetadata(ctx, kube.Kustomizations(space).Labelled(fluxconfig.Managed))
	if err != nil || len(others) > 0 {
		return "", err
	}
	if waiting, err := c.working(ctx, space); err != nil || waiting != "" {
		return waiting, err
	}
	return c.leave(ctx, space)
}

// working names something that was applied and whose end needs the account: a release is uninstalled by it, and a kustomization pruned.
// Flux waits for neither when it prunes.
func (c *Controller) working(ctx context.Context, space string) (string, error) {
	for _, where := range []kube.Collection{kube.HelmReleases(space), kube.Kustomizations(space)} {
		all, err := c.Kube.ListMetadata(ctx, where.All())
		if err := ignoreMissing(err); err != nil {
			return "", err
		}
		for _, item := range all {
			if item.DeletionTimestamp != nil {
				return left(where, &item), nil
			}
		}
	}
	return "", nil
}

// left says that an object is being deleted, and who keeps it.
func left(where kube.Collection, item *metav1.PartialObjectMetadata) string {
	text := where.Resource + " " + item.Namespace + "/" + item.Name + " is still there"
	if len(item.Finalizers) > 0 {
		text += ", kept by " + strings.Join(item.Finalizers, ", ")
	}
	return text
}

// leave removes account and rights in a namespace, and the namespace if it is ours and nothing in it stays. What goes is waited for.
func (c *Controller) leave(ctx context.Context, space string) (waiting string, err error) {
	for _, one := range []struct {
		where kube.Collection
		name  string
	}{
		{kube.ClusterRoleBindings(), fluxconfig.Applier + "-" + space},
		{kube.RoleBindings(space), fluxconfig.Applier},
		{kube.ServiceAccounts(space), fluxconfig.Applier},
	} {
		if err := ignoreMissing(c.Kube.Delete(ctx, one.where, one.name)); err != nil {
			return "", err
		}
	}
	var found metav1.PartialObjectMetadata
	if err := c.Kube.Get(ctx, kube.Namespaces(), space, &found); err != nil {
		return "", ignoreMissing(err)
	}
	if found.Annotations[fluxconfig.AnnotationMade] != manager {
		return "", nil
	}
	if found.DeletionTimestamp == nil {
		holds, err := c.Kube.Contents(ctx, space)
		if err != nil || len(holds.Stay) > 0 {
			c.Log.InfoContext(ctx, "a namespace is kept", slog.String("namespace", space), slog.Any("holds", holds.Stay), slog.Any("error", err))
			return "", nil
		}
		if len(holds.Go) > 0 {
			return holds.Go[0] + " in namespace " + space + " is still being deleted", nil
		}
		if err := c.Kube.Delete(ctx, kube.Namespaces(), space); err != nil {
			return "", ignoreMissing(err)
		}
	}
	return "namespace " + space + " is still being deleted", nil
}

// release lets the object go. When something was written to it meanwhile, such as its status, it is tried again with what is seen then.
func (c *Controller) release(ctx context.Context, object *fluxconfig.Object, memory *memory) (time.Duration, error) {
	rest := slices.DeleteFunc(slices.Clone(object.Finalizers), func(name string) bool { return name == fairlead.FluxConfigFinalizer })
	err := c.Kube.Merge(ctx, kube.FluxConfigs(c.Namespace), object.Name, manager, map[string]any{
		"metadata": map[string]any{"finalizers": rest, "resourceVersion": object.ResourceVersion},
	})
	if apierrors.IsConflict(err) {
		return glance, nil
	}
	if err := ignoreMissing(err); err != nil {
		return resync, err
	}
	memory.released = object.UID
	return resync, nil
}
