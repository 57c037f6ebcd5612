// Package metadata is cluster-metadata-operator: it finds out what cluster this is, keeps the hub
// informed of that, and is the cluster's sign of life. What it told and whether it got through stands
// in the status of ConnectedCluster clustermetadata.
package metadata

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/pace"
	"github.com/fairlead/fairlead/agent/settings"
)

const (
	manager         = fairlead.ClusterMetadataOperator // as which this agent owns fields
	versionEvery    = 2 * time.Minute                  // how often the API server is asked for its version
	defaultInterval = fairlead.HeartbeatInterval       // until the hub names one
	maxInterval     = 10 * time.Minute                 // the most that a hub can ask for
	firstRetry      = 200 * time.Millisecond           // after a lost heartbeat, at most
	settle          = 100 * time.Millisecond           // in which a burst of changes becomes one message
)

// Hub is what this agent asks of the hub.
type Hub interface {
	Heartbeat(ctx context.Context, beat fairlead.Heartbeat) (fairlead.HeartbeatResponse, error)
}

// Operator is the agent.
type Operator struct {
	Kube      *kube.Client
	Hub       Hub
	Holder    *identity.Holder
	Settings  settings.Settings
	Namespace string
	Log       *slog.Logger
	Ready     func(error)

	mu      sync.Mutex
	found   *facts
	version string
	changed chan struct{} // holds one signal
	acked   string        // hash of the metadata that the hub has
	origin  origin
	warned  string // what the hub warned of last

	told        *report
	failures    rate.Sometimes // so that the log tells of a long outage, but not every few seconds
	warnings    rate.Sometimes // likewise
	unpublished chan status    // holds what the cluster has not been told yet
	created     bool           // the object whose status is written
}

// Run observes and reports until the end of ctx.
func (o *Operator) Run(ctx context.Context) error {
	o.prepare()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return o.watchNodes(ctx) })
	group.Go(func() error { return o.watchVersion(ctx) })
	group.Go(func() error { return o.identify(ctx) })
	group.Go(func() error { return o.publishAll(ctx) })
	group.Go(func() error { return o.beat(ctx) })
	return group.Wait()
}

func (o *Operator) prepare() {
	o.changed, o.unpublished = make(chan struct{}, 1), make(chan status, 1)
	o.failures = rate.Sometimes{Interval: time.Minute}
}

func (o *Operator) watchNodes(ctx context.Context) error {
	watcher := kube.Watcher[corev1.Node, *corev1.Node]{
		Client: o.Kube, What: kube.Nodes().All(), Log: o.Log, Keep: reduce, Changed: o.takeNodes,
	}
	return watcher.Run(ctx)
}

func (o *Operator) takeNodes(_ context.Context, all map[string]*corev1.Node) {
	found := factsOf(all)
	o.mu.Lock()
	same := o.found != nil && *o.found == found
	o.found = &found
	o.mu.Unlock()
	if !same {
		o.signal()
	}
}

func (o *Operator) watchVersion(ctx context.Context) error {
	backoff := pace.Backoff{Min: 200 * time.Millisecond, Max: 30 * time.Second}
	for {
		wait := pace.Jitter(versionEvery)
		if version, err := o.Kube.Version(ctx); err != nil {
			wait = backoff.Next()
			o.Log.WarnContext(ctx, "cannot ask for the version of the cluster", slog.String("error", err.Error()))
		} else {
			backoff.Reset()
			o.takeVersion(version)
		}
		if err := pace.Wait(ctx, wait, nil); err != nil {
			return err
		}
	}
}

func (o *Operator) takeVersion(version string) {
	o.mu.Lock()
	same := o.version == version
	o.version = version
	o.mu.Unlock()
	if !same {
		o.signal()
	}
}

func (o *Operator) signal() {
	select {
	case o.changed <- struct{}{}:
	default:
	}
}

// known returns the metadata once everything has been observed.
func (o *Operator) known() (fairlead.ClusterMetadata, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.found == nil || o.version == "" {
		return fairlead.ClusterMetadata{}, false
	}
	return o.metadata(*o.found, o.version), true
}

func hashOf(metadata fairlead.ClusterMetadata) string {
	text, err := json.Marshal(metadata)
	if err != nil {
		return "" // strings and numbers always encode
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
