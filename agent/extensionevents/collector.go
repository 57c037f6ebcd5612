// Package extensionevents is extension-events-collector: it tells the hub what happens to extensions, in order and without
// doubles. It changes nothing in the cluster but the Lease from which its events are counted.
package extensionevents

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extensionconfig"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/doctor/redact"
)

// manager is the agent's name: of its Lease, and in the fields that it writes.
const manager = fairlead.ExtensionEvents

// Hub is what this agent asks of the hub.
type Hub interface {
	ExtensionEvents(ctx context.Context, events []fairlead.ExtensionEvent) error
}

// Collector is the agent.
type Collector struct {
	Kube      *kube.Client
	Hub       Hub
	Holder    *identity.Holder
	Namespace string
	Now       func() time.Time
	Log       *slog.Logger
	Ready     func(error)

	queue    queue
	redactor *redact.Redactor
	// before is the time of the newest event that a process before this one has posted, told that of all.
	before, told time.Time

	mu      sync.Mutex
	seen    map[string]extensionconfig.Object
	places  map[string]*place
	watches sync.WaitGroup
}

// Run collects and posts until the end of ctx.
func (c *Collector) Run(ctx context.Context) error {
	c.redactor, c.queue.changed = redact.New([]byte(rand.Text())), make(chan struct{}, 1)
	c.places = map[string]*place{}
	epoch, err := c.takeEpoch(ctx)
	if err != nil {
		return err
	}
	c.queue.begin(epoch)
	c.Ready(nil)
	group, ctx := errgroup.WithContext(ctx)
	defer c.watches.Wait()
	group.Go(func() error { return c.follow(ctx) })
	group.Go(func() error { return c.post(ctx) })
	return group.Wait()
}

// follow watches the extensions' own journals.
func (c *Collector) follow(ctx context.Context) error {
	watcher := kube.Watcher[extensionconfig.Object, *extensionconfig.Object]{
		Client: c.Kube, What: kube.ExtensionConfigs(c.Namespace).All(), Log: c.Log, Changed: c.take,
		Keep: func(object *extensionconfig.Object) {
			object.Spec = fairlead.ExtensionSpec{
				Generation: object.Spec.Generation, ReleaseName: object.Spec.ReleaseName, ReleaseNamespace: object.Spec.ReleaseNamespace,
				ProtectedSettings: object.Spec.ProtectedSettings,
			}
			object.Status.Drift = nil
		},
	}
	return watcher.Run(ctx)
}

// longestText bounds what one event says.
const longestText = 2 << 10

// say puts an event into the queue, without what looks like a secret. The hub must not learn what a chart's pods write to their
// logs by mistake.
func (c *Collector) say(event fairlead.ExtensionEvent) {
	event.Message = c.redactor.Text(event.Message)
	if len(event.Message) > longestText {
		event.Message = cut(event.Message, longestText)
	}
	c.queue.add(event)
}
