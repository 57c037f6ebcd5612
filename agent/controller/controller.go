// Package controller is controller-manager: it puts the agents' Deployments back to what the Helm release
// says when somebody deletes, stops or changes one. It never acts while Helm works on the release or
// takes it away, and it never writes anything but those Deployments.
package controller

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/pace"
)

const (
	// What is restored is Helm's to change at the next upgrade, which would end in conflicts with another
	// field manager.
	fieldManager = "helm"
	// A change and what belongs to it (a deletion and the status of the release) may arrive in any order.
	settle = 250 * time.Millisecond
	// All is compared now and then without a reason.
	recheck = 10 * time.Minute
)

// metadata is all that is watched of an object.
type metadata = metav1.PartialObjectMetadata

// Controller is the agent.
type Controller struct {
	Kube                          *kube.Client
	Namespace                     string // of the agents
	ReleaseName, ReleaseNamespace string
	Log                           *slog.Logger
	Ready                         func(error)
	Repaired                      func(deployment string) // for metrics

	mu      sync.Mutex
	actual  map[string]int64 // generation by name, nil until listed
	changed chan struct{}

	settled map[string]int64 // generations that are known to be right, for the revision below
	of      revision
	wanted  map[string]deployment
	missing bool // the release; the log tells of it once
}

// Run repairs until the end of ctx.
func (c *Controller) Run(ctx context.Context) error {
	c.changed = make(chan struct{}, 1)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.watchDeployments(ctx) })
	group.Go(func() error { return c.watchRelease(ctx) })
	group.Go(func() error { return c.repair(ctx) })
	return group.Wait()
}

func (c *Controller) watchDeployments(ctx context.Context) error {
	watcher := kube.Watcher[metadata, *metadata]{
		Client: c.Kube, What: kube.Deployments(c.Namespace).All(), Log: c.Log,
		Changed: func(_ context.Context, all map[string]*metadata) { c.takeDeployments(all) },
	}
	return watcher.Run(ctx)
}

func (c *Controller) takeDeployments(all map[string]*metadata) {
	generations := make(map[string]int64, len(all))
	for name, object := range all {
		if object.DeletionTimestamp == nil {
			generations[name] = object.Generation
		}
	}
	c.mu.Lock()
	same := c.actual != nil && maps.Equal(c.actual, generations)
	c.actual = generations
	c.mu.Unlock()
	if !same {
		c.signal()
	}
}

func (c *Controller) watchRelease(ctx context.Context) error {
	watcher := kube.Watcher[metadata, *metadata]{
		Client: c.Kube, What: c.revisions(), Log: c.Log,
		Changed: func(context.Context, map[string]*metadata) { c.signal() },
	}
	return watcher.Run(ctx)
}

// revisions are the Secrets in which Helm keeps the release.
func (c *Controller) revisions() kube.Selection {
	return kube.Secrets(c.ReleaseNamespace).Labelled("owner=helm,name=" + c.ReleaseName)
}

func (c *Controller) signal() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

func (c *Controller) repair(ctx context.Context) error {
	backoff := pace.Backoff{Min: time.Second, Max: time.Minute}
	wait := time.Duration(0)
	for {
		if err := pace.Wait(ctx, wait, c.changed); err != nil {
			return err
		}
		if err := pace.Wait(ctx, settle, nil); err != nil {
			return err
		}
		wait = pace.Jitter(recheck)
		if err := c.once(ctx); err != nil {
			wait = backoff.Next()
			c.Log.WarnContext(ctx, "cannot compare the agents with their release", slog.String("error", err.Error()))
			continue
		}
		backoff.Reset()
	}
}

// once brings the Deployments to what the release says, if the release is at rest right now: it is
// looked up afresh, because Helm marks a release before it touches anything of it.
func (c *Controller) once(ctx context.Context) error {
	actual := c.generations()
	if actual == nil {
		return nil // the first list is under way and will wake us
	}
	release, found, err := c.release(ctx)
	if err != nil {
		c.Ready(err)
		return err
	}
	c.Ready(nil)
	if !found && !c.missing {
		c.Log.InfoContext(ctx, "waiting for the release of the agents", slog.String("release", c.ReleaseName))
	}
	c.missing = !found
	if !found || !release.repairable() {
		return nil
	}
	if err := c.load(ctx, release); err != nil {
		return err
	}
	return c.restore(ctx, release, actual)
}

func (c *Controller) generations() map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.actual
}

func (c *Controller) release(ctx context.Context) (revision, bool, error) {
	all, err := c.Kube.ListMetadata(ctx, c.revisions())
	if err != nil {
		return revision{}, false, err
	}
	last, found := newest(all)
	return last, found, nil
}

// load reads the Deployments of a revision, once.
func (c *Controller) load(ctx context.Context, release revision) error {
	if release == c.of && c.wanted != nil {
		return nil
	}
	var secret corev1.Secret
	if err := c.Kube.Get(ctx, kube.Secrets(c.ReleaseNamespace), release.name, &secret); err != nil {
		return err
	}
	wanted, err := deployments(secret, c.Namespace)
	if err != nil {
		return err
	}
	for _, object := range wanted {
		c.own(object)
	}
	c.of, c.wanted, c.settled = release, wanted, map[string]int64{}
	return nil
}

// own adds what Helm adds to every object when it installs, and would miss.
func (c *Controller) own(object deployment) {
	metadata, ok := object["metadata"].(map[string]any)
	if !ok {
		return
	}
	set(metadata, "labels", map[string]any{"app.kubernetes.io/managed-by": "Helm"})
	set(metadata, "annotations", map[string]any{
		"meta.helm.sh/release-name": c.ReleaseName, "meta.helm.sh/release-namespace": c.ReleaseNamespace,
	})
}

func set(metadata map[string]any, field string, values map[string]any) {
	present, ok := metadata[field].(map[string]any)
	if !ok {
		present = map[string]any{}
		metadata[field] = present
	}
	maps.Copy(present, values)
}

// restore applies every Deployment that is not known to be right.
func (c *Controller) restore(ctx context.Context, release revision, actual map[string]int64) error {
	var failures []error
	for name, object := range c.wanted {
		generation, there := actual[name]
		if right, known := c.settled[name]; there && (leave(release) || known && right == generation) {
			continue
		}
		err := c.apply(ctx, name, object)
		if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
			return nil // the whole namespace goes: that is meant
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// leave reports whether what exists is left as it is: after a failed upgrade nobody knows which of the
// two versions a Deployment should be, but that it should be there is certain.
func leave(release revision) bool { return release.status == statusFailed }

// apply applies one Deployment and tells when that changed something. What the watch has seen may be a
// moment old, so the generation before is looked up.
func (c *Controller) apply(ctx context.Context, name string, object deployment) error {
	var before metadata
	where := kube.Deployments(c.Namespace)
	if err := c.Kube.Get(ctx, where, name, &before); err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	after, err := c.Kube.Apply(ctx, where, name, fieldManager, object)
	if err != nil {
		return err
	}
	c.settled[name] = after.GetGeneration()
	if before.Generation != after.GetGeneration() {
		c.Log.WarnContext(ctx, "an agent's deployment was restored", slog.String("deployment", name))
		c.Repaired(name)
	}
	return nil
}
