package extensionevents

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/agent/extensionconfig"
	"github.com/fairlead/fairlead/agent/kube"
)

// owner is an extension whose release is in a place.
type owner struct {
	extension, release string
	generation         int64
	hidden             bool // it has protected settings
}

// place is a namespace in which there are releases.
type place struct {
	*Collector

	namespace string
	stop      context.CancelFunc

	mu      sync.Mutex
	owners  []owner
	labels  map[string]map[string]string // of pods
	counted map[string]int32             // how often something had happened when it was told last
	before  time.Time                    // up to when processes before this one have told
}

// look watches the places where releases are, and no others. The caller holds the lock.
func (c *Collector) look(ctx context.Context, all map[string]*extensionconfig.Object) {
	wanted := map[string][]owner{}
	for name, object := range all {
		if space := object.Spec.ReleaseNamespace; space != "" {
			wanted[space] = append(wanted[space], owner{name, object.Spec.ReleaseName, object.Spec.Generation, object.Spec.ProtectedSettings != nil})
		}
	}
	for space, there := range c.places {
		if wanted[space] == nil {
			there.stop()
			delete(c.places, space)
		}
	}
	for space, owners := range wanted {
		if c.places[space] == nil && ctx.Err() == nil {
			c.places[space] = c.watch(ctx, space)
		}
		if there := c.places[space]; there != nil {
			there.belongTo(owners)
		}
	}
}

func (c *Collector) watch(ctx context.Context, namespace string) *place {
	ctx, stop := context.WithCancel(ctx)
	p := &place{Collector: c, namespace: namespace, stop: stop, counted: map[string]int32{}, before: c.before}
	pods := kube.Watcher[corev1.Pod, *corev1.Pod]{
		Client: c.Kube, What: kube.Pods(namespace).All(), Log: c.Log, Changed: p.seePods, Keep: keepPod,
	}
	warnings := kube.Events(namespace).All()
	warnings.Fields = "type=" + corev1.EventTypeWarning
	events := kube.Watcher[corev1.Event, *corev1.Event]{
		Client: c.Kube, What: warnings, Log: c.Log, Changed: p.seeEvents, Keep: keepEvent,
	}
	for _, watcher := range []interface {
		Run(ctx context.Context) error
	}{&pods, &events} {
		c.watches.Go(func() { _ = watcher.Run(ctx) }) // it ends with ctx alone
	}
	return p
}

func (p *place) belongTo(owners []owner) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.owners = owners
}

// ownerOf returns to which extension an object belongs, as far as that can be told: by the label that charts set, by a name that
// begins as the release's, or because there is nothing else in the namespace.
func (p *place) ownerOf(name string, labels map[string]string) (owner, bool) {
	best, found := owner{}, false
	for _, one := range p.owners {
		if labels["app.kubernetes.io/instance"] == one.release {
			return one, true
		}
		if strings.HasPrefix(name, one.release) && (!found || len(one.release) > len(best.release)) {
			best, found = one, true
		}
	}
	if !found && len(p.owners) == 1 && !shared(p.namespace) {
		return p.owners[0], true
	}
	return best, found
}

// shared reports whether others than an extension are likely to live in a namespace.
func shared(namespace string) bool {
	return slices.Contains([]string{"default", "kube-system", "kube-public", "kube-node-lease", "azure-arc"}, namespace)
}

// due reports whether something that has happened a number of times is to be told (again): the first time, and whenever it has
// happened twice as often. The caller holds the lock.
func (p *place) due(key string, times int32) bool {
	last, known := p.counted[key]
	if known && times < 2*max(last, 1) {
		return false
	}
	const most = 10_000
	if len(p.counted) > most {
		clear(p.counted)
	}
	p.counted[key] = max(times, 1)
	return true
}

// fresh reports whether something has happened since the process before this one has told. What has no time is.
func (p *place) fresh(at time.Time) bool { return at.IsZero() || at.After(p.before) }
