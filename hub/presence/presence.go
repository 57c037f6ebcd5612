// Package presence knows which clusters are alive: when each was last heard of, when its
// certificate ends, and what it said of itself. It keeps that in memory, writes it to the store
// in batches, and derives the connectivity status when somebody asks, so that ten thousand
// clusters cost no timer and no goroutine each. It authenticates nobody.
package presence

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// Store keeps presence across restarts; *store.DB is one.
type Store interface {
	SavePresence(ctx context.Context, batch []store.Presence) error
	LoadPresence(ctx context.Context) ([]store.Presence, error)
	DeletePresence(ctx context.Context, key string) error
}

// Tracker follows the clusters' signs of life. Clusters are named by fairlead.ResourceID.Key.
type Tracker struct {
	Store Store
	Now   func() time.Time
	Log   *slog.Logger

	saving sync.Mutex // held while the store is written, so that what is forgotten stays so

	mu       sync.Mutex
	clusters map[string]*cluster
	changed  map[string]struct{}
	marked   time.Time // when the hub's own sign of life was last saved
	loaded   bool
	failing  bool
}

// View is what the inventory shows of a cluster. The pointers are nil until the cluster has said
// something; what they lead to must not be changed.
type View struct {
	Status              fairlead.ConnectivityStatus
	LastSeen            time.Time
	CertificateNotAfter time.Time
	MetadataHash        string
	Metadata            *fairlead.ClusterMetadata
	AgentStatus         *fairlead.AgentStatus
	Configurations      []fairlead.ConfigurationStatus
	Conflict            *Conflict // two clusters report as this one
	TrustGeneration     int64     // of the statement of the hub's authorities that the agents follow
}

// Beat notes a sign of life.
func (t *Tracker) Beat(key string) {
	now := t.Now()
	t.change(key, func(c *cluster) { c.seen(now) })
}

// CertificateIssued notes until when a cluster's newest certificate is valid.
func (t *Tracker) CertificateIssued(key string, notAfter time.Time) {
	t.change(key, func(c *cluster) {
		c.view.CertificateNotAfter, c.unsaved.certificate = notAfter, true
	})
}

// Metadata notes what a cluster found out about itself, and the hash by which it will ask whether
// the hub knows that already.
func (t *Tracker) Metadata(key, hash string, metadata fairlead.ClusterMetadata) {
	t.change(key, func(c *cluster) {
		c.view.MetadataHash, c.view.Metadata, c.unsaved.metadata = hash, &metadata, true
	})
}

// Trusts notes which statement of the hub's authorities a cluster follows.
func (t *Tracker) Trusts(key string, generation int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.cluster(key)
	if known.view.TrustGeneration == generation {
		return
	}
	known.view.TrustGeneration, known.unsaved.metadata = generation, true
	t.changed[key] = struct{}{}
}

// AgentStatus notes how a cluster's agents are.
func (t *Tracker) AgentStatus(key string, status fairlead.AgentStatus) {
	t.change(key, func(c *cluster) { c.view.AgentStatus, c.unsaved.status = &status, true })
}

// Configurations notes what became of the desired state, until the hub restarts.
func (t *Tracker) Configurations(key string, statuses []fairlead.ConfigurationStatus) {
	t.change(key, func(c *cluster) { c.view.Configurations = statuses })
}

// View returns what is known of a cluster now. One that was never heard of is Connecting.
func (t *Tracker) View(key string) View {
	now := t.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	known, ok := t.clusters[key]
	if !ok {
		return View{Status: fairlead.Connecting}
	}
	view := known.view
	view.Status, view.Conflict, view.LastSeen = known.status(now), known.origins.current(now), known.lastSeen(now)
	return view
}

// Forget removes all that is known of a cluster. It is called when one is deleted, and again when one is
// created, lest a late heartbeat of the old one speak for the new one.
func (t *Tracker) Forget(ctx context.Context, key string) error {
	t.saving.Lock()
	defer t.saving.Unlock()
	t.mu.Lock()
	delete(t.clusters, key)
	delete(t.changed, key)
	t.mu.Unlock()
	return t.Store.DeletePresence(ctx, key)
}

func (t *Tracker) change(key string, apply func(*cluster)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	apply(t.cluster(key))
	t.changed[key] = struct{}{}
}

// cluster returns the cluster of that key, a new one if need be; the caller holds the lock.
func (t *Tracker) cluster(key string) *cluster {
	if t.clusters == nil {
		t.clusters, t.changed = map[string]*cluster{}, map[string]struct{}{}
	}
	if t.clusters[key] == nil {
		t.clusters[key] = &cluster{}
	}
	return t.clusters[key]
}
