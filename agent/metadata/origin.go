package metadata

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/pace"
)

const (
	// The Lease in which a process takes its epoch: the number of transitions, which the API server counts up once
	// for each holder. The chart makes the object.
	epochLease = manager
	// Whether the epoch is still the newest is asked so often; after staleAfter without an answer it is not claimed.
	confirmEvery = 30 * time.Second
	staleAfter   = time.Minute
	// The UID of this namespace tells one cluster from another; a cluster keeps it for life.
	systemNamespace = "kube-system"
)

// origin is who we are to the hub. The zero value is one that knows nothing yet.
type origin struct {
	mu        sync.Mutex
	known     fairlead.Origin
	confirmed time.Time
}

// next returns the origin of the next heartbeat, nil as long as nothing is known.
func (o *origin) next(now time.Time) *fairlead.Origin {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known.Instance == "" {
		return nil
	}
	o.known.Sequence++
	said := o.known
	said.Confirmed = said.Epoch > 0 && now.Sub(o.confirmed) < staleAfter
	return &said
}

func (o *origin) learn(uid, instance string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.known.ClusterUID, o.known.Instance = uid, instance
}

func (o *origin) unconfirm() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.confirmed = time.Time{}
}

func (o *origin) confirm(epoch int64, at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.known.Epoch, o.confirmed = epoch, at
}

// identify finds out which cluster this is and takes an epoch, then confirms that until the end of ctx, or until a
// newer process has taken the next. Heartbeats do not wait for any of it.
func (o *Operator) identify(ctx context.Context) error {
	instance := rand.Text()
	for _, step := range []func(context.Context, string) error{o.findCluster, o.takeEpoch} {
		if err := o.insist(ctx, func(ctx context.Context) error { return step(ctx, instance) }); err != nil {
			return err
		}
	}
	for newest := true; newest; {
		if err := pace.Wait(ctx, pace.Jitter(confirmEvery), nil); err != nil {
			return err
		}
		err := o.insist(ctx, func(ctx context.Context) (err error) {
			newest, err = o.confirmEpoch(ctx, instance)
			return err
		})
		if err != nil {
			return err
		}
	}
	o.Log.InfoContext(ctx, "a newer process of this agent has taken over")
	<-ctx.Done()
	return ctx.Err()
}

// insist tries until it works or ctx ends.
func (o *Operator) insist(ctx context.Context, try func(context.Context) error) error {
	backoff, news := pace.Backoff{Min: 200 * time.Millisecond, Max: 30 * time.Second}, rate.Sometimes{First: 1, Interval: 10 * time.Minute}
	for {
		err := try(ctx)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		news.Do(func() {
			o.Log.WarnContext(ctx, "cannot tell this cluster from a copy of it", slog.String("error", err.Error()))
		})
		if err := pace.Wait(ctx, backoff.Next(), nil); err != nil {
			return err
		}
	}
}

func (o *Operator) findCluster(ctx context.Context, instance string) error {
	var namespace corev1.Namespace
	if err := o.Kube.Get(ctx, kube.Namespaces(), systemNamespace, &namespace); err != nil {
		return err
	}
	o.origin.learn(string(namespace.UID), instance)
	return nil
}

// takeEpoch makes this process the holder. The API server refuses that when another one was faster, which then
// has that epoch, and this one tries for the next.
func (o *Operator) takeEpoch(ctx context.Context, instance string) error {
	var lease coordinationv1.Lease
	if err := o.Kube.Get(ctx, kube.Leases(o.Namespace), epochLease, &lease); err != nil {
		return err
	}
	asked, transitions := time.Now(), int32(1)
	if lease.Spec.LeaseTransitions != nil {
		transitions = *lease.Spec.LeaseTransitions + 1
	}
	where := kube.Leases(o.Namespace)
	taken := coordinationv1.Lease{
		TypeMeta:   where.TypeMeta("Lease"),
		ObjectMeta: metav1.ObjectMeta{Name: epochLease, Namespace: o.Namespace, ResourceVersion: lease.ResourceVersion},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &instance, LeaseTransitions: &transitions},
	}
	if _, err := o.Kube.Apply(ctx, where, epochLease, manager, taken); err != nil {
		return err
	}
	o.origin.confirm(int64(transitions), asked)
	return nil
}

// confirmEpoch reports whether this process still has the newest epoch.
func (o *Operator) confirmEpoch(ctx context.Context, instance string) (newest bool, err error) {
	var lease coordinationv1.Lease
	asked := time.Now()
	if err := o.Kube.Get(ctx, kube.Leases(o.Namespace), epochLease, &lease); err != nil {
		return true, err
	}
	if lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity != instance {
		o.origin.unconfirm()
		return false, nil
	}
	o.origin.confirm(int64(*lease.Spec.LeaseTransitions), asked)
	return true, nil
}
