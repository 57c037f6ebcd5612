package maker

import (
	"context"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/agent/fluxconfig"
	"github.com/fairlead/fairlead/agent/fluxconfig/plan"
	"github.com/fairlead/fairlead/agent/kube"
)

// own lists what was made for a configuration. What one of its name has left behind by force is somebody's who wants it to stay.
func (c *Controller) own(ctx context.Context, object *fluxconfig.Object, where kube.Collection) ([]metav1.PartialObjectMetadata, error) {
	all, err := c.Kube.ListMetadata(ctx, where.Labelled(fluxconfig.Of(object.Name)))
	return slices.DeleteFunc(all, func(item metav1.PartialObjectMetadata) bool { return !object.Owns(&item) }), err
}

// removeOthers deletes what a configuration has made and does not want any more, kustomizations first.
func (c *Controller) removeOthers(ctx context.Context, object *fluxconfig.Object, wanted []plan.Object) error {
	space := object.Spec.Namespace
	for _, where := range append(fluxes(space), kube.Secrets(space)) {
		all, err := c.own(ctx, object, where)
		if err != nil {
			return err
		}
		for _, item := range all {
			if slices.ContainsFunc(wanted, func(o plan.Object) bool { return o.Where == where && o.Name == item.Name }) {
				continue
			}
			if err := ignoreMissing(c.Kube.Delete(ctx, where, item.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}
