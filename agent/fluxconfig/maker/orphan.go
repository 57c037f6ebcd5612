package maker

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/agent/fluxconfig"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/pace"
)

// fluxFinalizer is that of Flux' controllers.
const fluxFinalizer = "finalizers.fluxcd.io"

// orphans are deleted objects of images whose controller does not run: nobody would ever let them go, and a namespace with one in it
// would stay for good. All that their controller does at their end is to forget them, so they are let go in its place. That is not so
// for a release, which would be uninstalled.
type orphans struct {
	kube *kube.Client
	now  func() time.Time
	log  *slog.Logger

	mu      sync.Mutex
	running map[string]bool              // controllers; nil until the first list
	going   map[string]map[string]orphan // by resource, and NAMESPACE/NAME
	wake    chan struct{}                // holds one signal
}

// orphan is a deleted object of a kind.
type orphan struct {
	*metav1.PartialObjectMetadata

	kind imageKind
}

// imageKind is a kind of images, and who works on it.
type imageKind struct {
	controller string
	within     func(namespace string) kube.Collection
}

func imageKinds() []imageKind {
	return []imageKind{
		{fluxconfig.ImageReflector, kube.ImageRepositories},
		{fluxconfig.ImageReflector, kube.ImagePolicies},
		{fluxconfig.ImageAutomation, kube.ImageUpdateAutomations},
	}
}

func (c *Controller) orphans() *orphans {
	return &orphans{kube: c.Kube, now: c.Now, log: c.Log, going: map[string]map[string]orphan{}, wake: make(chan struct{}, 1)}
}

// run lets orphans go until the end of ctx.
func (o *orphans) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		watcher := kube.Watcher[fluxconfig.Workload, *fluxconfig.Workload]{
			Client: o.kube, What: kube.Deployments("").Labelled(fluxconfig.Optional), Log: o.log, Keep: fluxconfig.KeepWorkload, Changed: o.count,
		}
		return watcher.Run(ctx)
	})
	for _, kind := range imageKinds() {
		group.Go(func() error { return o.watch(ctx, kind) })
	}
	group.Go(func() error { return o.work(ctx) })
	return group.Wait()
}

func (o *orphans) watch(ctx context.Context, kind imageKind) error {
	watcher := kube.Watcher[metav1.PartialObjectMetadata, *metav1.PartialObjectMetadata]{
		Client: o.kube, What: kind.within("").All(), Log: o.log, Keep: keepEnd,
		Changed: func(_ context.Context, all map[string]*metav1.PartialObjectMetadata) { o.see(kind, all) },
	}
	return watcher.Run(ctx)
}

// keepEnd removes what has nothing to do with the end of an object.
func keepEnd(object *metav1.PartialObjectMetadata) {
	object.Labels, object.Annotations, object.OwnerReferences, object.ManagedFields = nil, nil, nil, nil
}

func (o *orphans) count(_ context.Context, all map[string]*fluxconfig.Workload) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.running = fluxconfig.Running(all)
	o.signal()
}

func (o *orphans) see(kind imageKind, all map[string]*metav1.PartialObjectMetadata) {
	o.mu.Lock()
	defer o.mu.Unlock()
	going := map[string]orphan{}
	for name, object := range all {
		if object.DeletionTimestamp != nil && slices.Contains(object.Finalizers, fluxFinalizer) {
			going[name] = orphan{object, kind}
		}
	}
	o.going[kind.within("").Resource] = going
	o.signal()
}

// signal wakes the worker. The lock is held.
func (o *orphans) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *orphans) work(ctx context.Context) error {
	for {
		if err := pace.Wait(ctx, o.pass(ctx), o.wake); err != nil {
			return err
		}
	}
}

// pass lets go what nobody has let go for a while, in case that somebody would, and says when to come again.
func (o *orphans) pass(ctx context.Context) time.Duration {
	next := resync
	for _, one := range o.abandoned() {
		wait := one.DeletionTimestamp.Add(patience).Sub(o.now())
		if wait <= 0 {
			wait = patience // in case that it fails
			o.release(ctx, one)
		}
		next = min(next, wait)
	}
	return next
}

func (o *orphans) abandoned() []orphan {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []orphan
	for _, going := range o.going {
		for _, one := range going {
			if o.running != nil && !o.running[one.kind.controller] {
				all = append(all, one)
			}
		}
	}
	return all
}

func (o *orphans) release(ctx context.Context, one orphan) {
	where := one.kind.within(one.Namespace)
	rest := slices.DeleteFunc(slices.Clone(one.Finalizers), func(name string) bool { return name == fluxFinalizer })
	err := o.kube.Merge(ctx, where, one.Name, manager, map[string]any{
		"metadata": map[string]any{"finalizers": rest, "resourceVersion": one.ResourceVersion},
	})
	about := []any{
		slog.String("resource", where.Resource), slog.String("namespace", one.Namespace), slog.String("name", one.Name), slog.String("controller", one.kind.controller),
	}
	switch {
	case err == nil:
		o.log.InfoContext(ctx, "a deleted object is let go, since its controller does not run", about...)
	case !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) && ctx.Err() == nil:
		o.log.WarnContext(ctx, "a deleted object whose controller does not run is not let go", append(about, slog.String("error", err.Error()))...)
	}
}
