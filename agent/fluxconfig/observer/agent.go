// Package observer is fluxconfig-agent: it watches the objects of Flux, and says in the status of each FluxConfig what has become
// of it: whether the cluster is as the source says, at which revision, and what is wrong in words. It changes nothing else.
package observer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/pace"
)

const manager = fairlead.FluxConfigAgent

const (
	// Changes that come together are told together.
	gather = 100 * time.Millisecond
	// All is looked at again that often, in case that a status was not taken.
	again = time.Minute
)

// Agent is the agent.
type Agent struct {
	Kube *kube.Client
	// Namespace is that of the FluxConfigs.
	Namespace string
	Now       func() time.Time
	Log       *slog.Logger
	Ready     func(error)

	mu      sync.Mutex
	wanted  map[string]*fluxconfig.Object // nil until the first list
	objects map[string]map[string]*Object // by kind
	running map[string]bool               // controllers that one may do without; nil until the first list
	changed chan struct{}                 // holds one signal
}

// watched is a kind of Flux.
type watched struct {
	kind  string
	where kube.Collection
}

// kinds are those of which there may be some in a configuration.
func kinds() []watched {
	return []watched{
		{"GitRepository", kube.GitRepositories("")},
		{"OCIRepository", kube.OCIRepositories("")},
		{"Bucket", kube.Buckets("")},
		{"HelmRepository", kube.HelmRepositories("")},
		{"HelmChart", kube.HelmCharts("")},
		{"Kustomization", kube.Kustomizations("")},
		{"HelmRelease", kube.HelmReleases("")},
		{imageRepository, kube.ImageRepositories("")},
		{imagePolicy, kube.ImagePolicies("")},
		{imageAutomation, kube.ImageUpdateAutomations("")},
	}
}

// Run watches and tells until the end of ctx.
func (a *Agent) Run(ctx context.Context) error {
	a.changed, a.objects = make(chan struct{}, 1), map[string]map[string]*Object{}
	a.Ready(errors.New("the objects of Flux have not been listed yet"))
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		watcher := kube.Watcher[fluxconfig.Object, *fluxconfig.Object]{
			Client: a.Kube, What: kube.FluxConfigs(a.Namespace).All(), Log: a.Log, Changed: a.take,
		}
		return watcher.Run(ctx)
	})
	for _, one := range kinds() {
		group.Go(func() error { return a.watch(ctx, one) })
	}
	group.Go(func() error { return a.watchControllers(ctx) })
	group.Go(func() error { return a.tell(ctx) })
	return group.Wait()
}

func (a *Agent) watchControllers(ctx context.Context) error {
	watcher := kube.Watcher[fluxconfig.Workload, *fluxconfig.Workload]{
		Client: a.Kube, What: kube.Deployments("").Labelled(fluxconfig.Optional), Log: a.Log, Keep: fluxconfig.KeepWorkload, Changed: a.count,
	}
	return watcher.Run(ctx)
}

// count notes which controllers run. What becomes of their pods is no news.
func (a *Agent) count(_ context.Context, all map[string]*fluxconfig.Workload) {
	a.mu.Lock()
	defer a.mu.Unlock()
	running := fluxconfig.Running(all)
	if a.running != nil && maps.Equal(running, a.running) {
		return
	}
	a.running = running
	a.settle()
}

func (a *Agent) watch(ctx context.Context, one watched) error {
	watcher := kube.Watcher[Object, *Object]{
		Client: a.Kube, What: one.where.All(), Log: a.Log, Keep: keep,
		Changed: func(_ context.Context, all map[string]*Object) { a.see(one.kind, all) },
	}
	return watcher.Run(ctx)
}

func (a *Agent) take(_ context.Context, all map[string]*fluxconfig.Object) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wanted = all
	a.settle()
}

func (a *Agent) see(kind string, all map[string]*Object) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.objects[kind] = all
	a.settle()
}

// settle wakes the teller, once all has been listed: before that, half of it would look like failures. The lock is held.
func (a *Agent) settle() {
	if a.wanted == nil || a.running == nil || len(a.objects) < len(kinds()) {
		return
	}
	a.Ready(nil)
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

func (a *Agent) tell(ctx context.Context) error {
	backoff := pace.Backoff{Min: 500 * time.Millisecond, Max: 30 * time.Second}
	if err := pace.Wait(ctx, 1<<62, a.changed); err != nil {
		return err
	}
	for {
		if err := pace.Wait(ctx, gather, nil); err != nil {
			return err
		}
		wait := again
		if err := a.tellAll(ctx); err != nil && ctx.Err() == nil {
			a.Log.WarnContext(ctx, "cannot say how a configuration is", slog.String("error", err.Error()))
			wait = backoff.Next()
		} else {
			backoff.Reset()
		}
		if err := pace.Wait(ctx, wait, a.changed); err != nil {
			return err
		}
	}
}

func (a *Agent) tellAll(ctx context.Context) error {
	wanted, all := a.look()
	var failures []error
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		failures = append(failures, a.write(ctx, wanted[name], all.judge(wanted[name])))
	}
	return errors.Join(failures...)
}

func (a *Agent) look() (map[string]*fluxconfig.Object, view) {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := view{}
	for kind, objects := range a.objects {
		for _, object := range objects {
			object.Kind = kind // lists leave it out
			object.lacks(a.running)
			all[key(kind, object.Namespace, object.Name)] = object
		}
	}
	return maps.Clone(a.wanted), all
}

// write writes a state into the status, when it is news.
func (a *Agent) write(ctx context.Context, object *fluxconfig.Object, state fairlead.FluxState) error {
	state.StatusUpdatedAt = object.Status.StatusUpdatedAt
	if same(state, object.Status.FluxState) {
		return nil
	}
	state.StatusUpdatedAt = a.Now().UTC().Truncate(time.Second)
	where := kube.FluxConfigs(a.Namespace)
	body := map[string]any{
		"apiVersion": where.GroupVersion().String(), "kind": fairlead.FluxConfigKind,
		"metadata": map[string]any{"name": object.Name, "namespace": a.Namespace}, "status": state,
	}
	if _, err := a.Kube.Apply(ctx, where, object.Name, manager, body, "status"); err != nil {
		return fmt.Errorf("write the status of configuration %s: %w", object.Name, err)
	}
	return nil
}

// same compares what would be written: times of the API server have no fractions.
func same(a, b fairlead.FluxState) bool {
	first, err := json.Marshal(a)
	second, other := json.Marshal(b)
	return err == nil && other == nil && bytes.Equal(first, second)
}
