package extensionevents

import (
	"context"
	"log/slog"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/pace"
)

// takeEpoch takes a number that no process before has had, and reads up to when these have told. The API server refuses it to
// one of two that ask at once. The chart makes the Lease.
func (c *Collector) takeEpoch(ctx context.Context) (int64, error) {
	backoff := pace.Backoff{Min: 200 * time.Millisecond, Max: 30 * time.Second}
	for {
		epoch, err := c.tryEpoch(ctx)
		if err == nil {
			return epoch, nil
		}
		c.Ready(err)
		if backoff.Failures%10 == 0 {
			c.Log.WarnContext(ctx, "cannot take the number from which events are counted", slog.String("error", err.Error()))
		}
		if err := pace.Wait(ctx, backoff.Next(), nil); err != nil {
			return 0, err
		}
	}
}

func (c *Collector) tryEpoch(ctx context.Context) (int64, error) {
	where := kube.Leases(c.Namespace)
	var lease coordinationv1.Lease
	if err := c.Kube.Get(ctx, where, manager, &lease); err != nil {
		return 0, err
	}
	epoch := int32(1)
	if lease.Spec.LeaseTransitions != nil {
		epoch = *lease.Spec.LeaseTransitions + 1
	}
	if lease.Spec.RenewTime != nil {
		c.before, c.told = lease.Spec.RenewTime.Time, lease.Spec.RenewTime.Time
	}
	return int64(epoch), c.Kube.Merge(ctx, where, manager, manager, map[string]any{
		"metadata": map[string]any{"resourceVersion": lease.ResourceVersion}, "spec": map[string]any{"leaseTransitions": epoch},
	})
}

// remember notes up to when the hub was told, for the process that comes after this one. Without it some events are told twice.
func (c *Collector) remember(ctx context.Context, events []fairlead.ExtensionEvent) {
	newest := slices.MaxFunc(events, func(a, b fairlead.ExtensionEvent) int { return a.Time.Compare(b.Time) }).Time
	if !newest.After(c.told) {
		return
	}
	c.told = newest
	change := map[string]any{"spec": map[string]any{"renewTime": metav1.NewMicroTime(newest)}}
	if err := c.Kube.Merge(ctx, kube.Leases(c.Namespace), manager, manager, change); err != nil {
		c.Log.DebugContext(ctx, "cannot note what the hub was told", slog.String("error", err.Error()))
	}
}
