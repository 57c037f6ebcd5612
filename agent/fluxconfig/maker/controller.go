// Package maker is fluxconfig-controller: of each FluxConfig it makes the objects that Flux works on, keeps them as the hub wants
// them, and takes them back in an order in which Flux can clean up. What becomes of them it does not look at.
package maker

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/pace"
)

const manager = fairlead.FluxConfigController

const (
	// What exists is applied again that often, whatever has been seen of it.
	resync = 5 * time.Minute
	// What goes is looked at that often.
	glance = time.Second
)

// Controller is the agent.
type Controller struct {
	Kube *kube.Client
	// Namespace is that of the FluxConfigs.
	Namespace string
	// NodeIdentity says that registries of Azure are read as the nodes' identity when nothing else authenticates.
	NodeIdentity bool
	Now          func() time.Time
	Log          *slog.Logger
	Ready        func(error)

	mu     sync.Mutex
	wanted map[string]*fluxconfig.Object // nil until the first list
	owned  map[string]map[string]int64   // generations of what Flux works on, by collection and name
	wake   chan struct{}                 // holds one signal
	done   map[string]*memory            // by configuration
}

// memory is what the controller remembers of a configuration.
type memory struct {
	print    string    // of what was seen when it was last served
	next     time.Time // when it is served whatever is seen
	backoff  pace.Backoff
	released types.UID // of the object that was let go, which may be seen a moment longer
}

// Run works until the end of ctx.
func (c *Controller) Run(ctx context.Context) error {
	c.wake, c.owned, c.done = make(chan struct{}, 1), map[string]map[string]int64{}, map[string]*memory{}
	c.Ready(errors.New("the configurations have not been listed yet"))
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		watcher := kube.Watcher[fluxconfig.Object, *fluxconfig.Object]{
			Client: c.Kube, What: kube.FluxConfigs(c.Namespace).All(), Log: c.Log, Changed: c.take, Keep: keep,
		}
		return watcher.Run(ctx)
	})
	for _, where := range fluxes("") {
		group.Go(func() error { return c.watch(ctx, where) })
	}
	group.Go(func() error { return c.orphans().run(ctx) })
	group.Go(func() error { return c.work(ctx) })
	return group.Wait()
}

// keep removes what this agent does not read.
func keep(object *fluxconfig.Object) { object.Status.FluxState = fairlead.FluxState{} }

// fluxes are the collections of Flux in which there are objects of configurations, those that prune first, in one namespace or in all.
func fluxes(space string) []kube.Collection {
	return []kube.Collection{kube.Kustomizations(space), kube.GitRepositories(space), kube.OCIRepositories(space), kube.Buckets(space)}
}

func (c *Controller) watch(ctx context.Context, where kube.Collection) error {
	watcher := kube.Watcher[metav1.PartialObjectMetadata, *metav1.PartialObjectMetadata]{
		Client: c.Kube, What: where.Labelled(fluxconfig.Managed), Log: c.Log,
		Changed: func(_ context.Context, all map[string]*metav1.PartialObjectMetadata) { c.see(where.Resource, all) },
	}
	return watcher.Run(ctx)
}

func (c *Controller) take(_ context.Context, all map[string]*fluxconfig.Object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wanted = all
	maps.DeleteFunc(c.done, func(name string, _ *memory) bool { return all[name] == nil })
	c.Ready(nil)
	c.signal()
}

// see notes the generations: what somebody else has changed or deleted is made again.
func (c *Controller) see(resource string, all map[string]*metav1.PartialObjectMetadata) {
	c.mu.Lock()
	defer c.mu.Unlock()
	generations := make(map[string]int64, len(all))
	for name, object := range all {
		generations[name] = object.Generation
	}
	if !maps.Equal(generations, c.owned[resource]) {
		c.owned[resource] = generations
		c.signal()
	}
}

func (c *Controller) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *Controller) work(ctx context.Context) error {
	for {
		if err := pace.Wait(ctx, c.pass(ctx), c.wake); err != nil {
			return err
		}
	}
}

// pass serves the configurations that are due, and says when to come again.
func (c *Controller) pass(ctx context.Context) time.Duration {
	c.mu.Lock()
	wanted := maps.Clone(c.wanted)
	c.mu.Unlock()
	next := resync
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		next = min(next, c.serve(ctx, wanted[name]))
	}
	return max(next, 10*time.Millisecond)
}

// serve makes or takes back one configuration when there is a reason to, and says when to come again.
func (c *Controller) serve(ctx context.Context, object *fluxconfig.Object) time.Duration {
	memory, print := c.recall(object)
	if memory.print == print && c.Now().Before(memory.next) {
		return memory.next.Sub(c.Now())
	}
	work := c.make
	if object.Going() {
		work = c.unmake
	}
	again, err := work(ctx, object, memory)
	if err != nil && ctx.Err() == nil {
		again = memory.backoff.Next()
		c.Log.WarnContext(ctx, "a configuration is not as it is wanted", slog.String("configuration", object.Name), slog.String("error", err.Error()))
	} else {
		memory.backoff.Reset()
	}
	memory.print, memory.next = print, c.Now().Add(again)
	return again
}
