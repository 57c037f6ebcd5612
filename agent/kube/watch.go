package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// pointer is a pointer to an object's struct, by which generic code reads its metadata.
type pointer[T any] interface {
	*T
	metav1.Object
}

// Watcher keeps its caller informed of objects, whatever happens to connections. Of a Watcher of
// metav1.PartialObjectMetadata the server sends nothing but metadata.
type Watcher[T any, P pointer[T]] struct {
	Client *Client
	What   Selection
	Log    *slog.Logger
	// Keep removes from an object what is not read, which is most of the memory; nil keeps all.
	Keep func(object P)
	// Changed gets all objects by name, those of all namespaces by NAMESPACE/NAME, after the first list and after changes. It runs
	// on the watcher's goroutine and must change nothing in the map.
	Changed func(ctx context.Context, all map[string]P)

	failures rate.Sometimes
	changed  chan struct{} // holds one signal
}

// Run watches until the end of ctx, whose error it returns.
func (w *Watcher[T, P]) Run(ctx context.Context) error {
	w.changed, w.failures = make(chan struct{}, 1), rate.Sometimes{First: 1, Interval: 30 * time.Second}
	informer, listed, err := w.informer()
	if err != nil {
		return fmt.Errorf("watch %s: %w", w.What.Resource, err)
	}
	var group errgroup.Group
	group.Go(func() error {
		informer.RunWithContext(ctx)
		return ctx.Err()
	})
	group.Go(func() error { return w.follow(ctx, informer.GetStore(), listed.Done()) })
	return group.Wait()
}

func (w *Watcher[T, P]) informer() (cache.SharedIndexInformer, cache.DoneChecker, error) {
	informer := cache.NewSharedIndexInformer(w.source(), nil, 0, cache.Indexers{})
	signal := func() {
		select {
		case w.changed <- struct{}{}:
		default:
		}
	}
	registered, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { signal() }, UpdateFunc: func(any, any) { signal() }, DeleteFunc: func(any) { signal() },
	})
	if err != nil {
		return nil, nil, err
	}
	err = errors.Join(informer.SetTransform(w.transform), informer.SetWatchErrorHandlerWithContext(
		func(ctx context.Context, _ *cache.Reflector, err error) { w.complain(ctx, err) }))
	return informer, registered.HasSyncedChecker(), err
}

// follow tells of all objects at first and then whenever something has changed.
func (w *Watcher[T, P]) follow(ctx context.Context, store cache.Store, ready <-chan struct{}) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ready:
		}
		all := map[string]P{}
		for _, item := range store.List() {
			if object, ok := item.(P); ok {
				all[w.key(object)] = object
			}
		}
		w.Changed(ctx, all)
		ready = w.changed
	}
}

func (w *Watcher[T, P]) key(object P) string {
	if w.What.Namespace == "" && object.GetNamespace() != "" {
		return object.GetNamespace() + "/" + object.GetName()
	}
	return object.GetName()
}

// source lists and watches. Informers of client-go are silent about a server that refuses connections, so
// errors are told from here.
func (w *Watcher[T, P]) source() cache.ListerWatcher {
	list := func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		return w.Client.in(w.What.Collection).List(ctx, options)
	}
	start := w.Client.in(w.What.Collection).Watch
	if _, only := any(new(T)).(*metav1.PartialObjectMetadata); only {
		list = func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return w.Client.metadataIn(w.What.Collection).List(ctx, options)
		}
		start = w.Client.metadataIn(w.What.Collection).Watch
	}
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			all, err := list(ctx, w.What.narrow(options))
			w.complain(ctx, err)
			return all, err
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			events, err := start(ctx, w.What.narrow(options))
			w.complain(ctx, err)
			return events, err
		},
	}
}

// complain logs what keeps the watcher from its work, not more often than somebody may want to read it.
func (w *Watcher[T, P]) complain(ctx context.Context, err error) {
	routine := apierrors.IsResourceExpired(err) || apierrors.IsGone(err) || errors.Is(err, io.EOF) // the list begins again
	if err == nil || routine || ctx.Err() != nil {
		return
	}
	w.failures.Do(func() {
		w.Log.WarnContext(ctx, "cannot watch the cluster",
			slog.String("collection", w.What.Resource), slog.String("error", err.Error()))
	})
}

// transform makes of an answer what is kept of it.
func (w *Watcher[T, P]) transform(answer any) (any, error) {
	object, ok := answer.(P)
	if untyped, is := answer.(*unstructured.Unstructured); is {
		object, ok = P(new(T)), true
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(untyped.Object, object); err != nil {
			return nil, fmt.Errorf("decode one of %s: %w", w.What.Resource, err)
		}
	}
	if !ok {
		return answer, nil // the informer's note of an object that went unseen
	}
	object.SetManagedFields(nil)
	if w.Keep != nil {
		w.Keep(object)
	}
	return object, nil
}
