// Package fluxlogs is flux-logs-agent: it tells the hub what the controllers of Flux write about the objects of configurations. It
// reads their logs only while there are configurations, and changes nothing.
package fluxlogs

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/kube"
)

// Hub is what this agent asks of the hub.
type Hub interface {
	FluxLogs(ctx context.Context, lines []fairlead.FluxLog) error
}

// Logs is where logs are read; *kube.Client reads those of the cluster.
type Logs interface {
	FollowLog(ctx context.Context, of kube.Container, since time.Time, last int64) (io.ReadCloser, error)
}

// Agent is the agent.
type Agent struct {
	Kube   *kube.Client
	Logs   Logs
	Hub    Hub
	Holder *identity.Holder
	// Namespace is that of the FluxConfigs.
	Namespace string
	Log       *slog.Logger
	Ready     func(error)

	queue  queue
	filter filter

	mu       sync.Mutex
	stop     context.CancelFunc // of the watch of the controllers; nil while there are no configurations
	watching sync.WaitGroup
}

// Run reads and posts until the end of ctx.
func (a *Agent) Run(ctx context.Context) error {
	a.queue.changed = make(chan struct{}, 1)
	a.filter.say = a.queue.add
	a.Ready(errors.New("the configurations have not been listed yet"))
	group, ctx := errgroup.WithContext(ctx)
	defer a.watching.Wait()
	group.Go(func() error {
		watcher := kube.Watcher[fluxconfig.Object, *fluxconfig.Object]{
			Client: a.Kube, What: kube.FluxConfigs(a.Namespace).All(), Log: a.Log, Keep: keepConfiguration,
			Changed: func(_ context.Context, all map[string]*fluxconfig.Object) { a.take(ctx, all) },
		}
		return watcher.Run(ctx)
	})
	group.Go(func() error { return a.post(ctx) })
	return group.Wait()
}

// take notes which objects belong to configurations, and reads logs while there are any.
func (a *Agent) take(ctx context.Context, all map[string]*fluxconfig.Object) {
	a.filter.belong(all)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case len(all) == 0 && a.stop != nil:
		a.stop()
		a.stop = nil
	case len(all) > 0 && a.stop == nil && ctx.Err() == nil:
		watched, stop := context.WithCancel(ctx)
		a.stop = stop
		a.watching.Go(func() { a.watch(watched) })
	}
	a.Ready(nil)
}

// controllers selects the pods of Flux' controllers, by the label that they have wherever they come from.
const controllers = "app in (source-controller, kustomize-controller, helm-controller, notification-controller, image-automation-controller, image-reflector-controller)"

// watch reads the logs of the controllers that there are, until the end of ctx.
func (a *Agent) watch(ctx context.Context) {
	followed := &followers{agent: a, running: map[string]context.CancelFunc{}}
	watcher := kube.Watcher[corev1.Pod, *corev1.Pod]{
		Client: a.Kube, What: kube.Pods(fairlead.FluxNamespace).Labelled(controllers), Log: a.Log, Changed: followed.take, Keep: keepPod,
	}
	_ = watcher.Run(ctx) // it ends with ctx alone
	followed.wait()
}

// keepConfiguration leaves of a configuration what names its objects.
func keepConfiguration(object *fluxconfig.Object) {
	spec := fairlead.FluxSpec{Namespace: object.Spec.Namespace, SourceKind: object.Spec.SourceKind, Kustomizations: map[string]fairlead.FluxKustomization{}}
	for name := range object.Spec.Kustomizations {
		spec.Kustomizations[name] = fairlead.FluxKustomization{}
	}
	object.Spec, object.Annotations = spec, nil
	for i := range object.Status.Statuses {
		one := &object.Status.Statuses[i]
		one.Conditions, one.AppliedBy = nil, nil
	}
}

// keepPod leaves of a pod what it is called.
func keepPod(pod *corev1.Pod) {
	pod.Spec, pod.Status, pod.Annotations, pod.OwnerReferences = corev1.PodSpec{}, corev1.PodStatus{}, nil, nil
}
