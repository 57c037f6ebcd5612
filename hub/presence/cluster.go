package presence

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// cluster is what the tracker holds of one cluster. The view's status is never set here: it
// depends on the time at which somebody looks.
type cluster struct {
	view       View
	graceUntil time.Time // after a restart of the hub, until when silence is the hub's own fault
	unsaved    fields
	origins    origins
	polls      []*poll
}

// fields says which parts of a cluster's presence the store lacks.
type fields struct{ lastSeen, certificate, metadata, status bool }

// savedMetadata is how metadata lies in the store: with its hash, which only its cluster can make.
type savedMetadata struct {
	Hash     string                    `json:"hash"`
	Metadata *fairlead.ClusterMetadata `json:"metadata"`
	Trust    int64                     `json:"trustGeneration,omitempty"`
}

func (c *cluster) seen(now time.Time) {
	if now.After(c.view.LastSeen) {
		c.view.LastSeen, c.unsaved.lastSeen = now, true
	}
}

func (c *cluster) status(now time.Time) fairlead.ConnectivityStatus {
	last := c.lastSeen(now)
	switch {
	case last.IsZero():
		return fairlead.Connecting
	case now.Sub(last) < fairlead.OfflineAfter, now.Before(c.graceUntil):
		return fairlead.Connected
	case !c.view.CertificateNotAfter.IsZero() && now.After(c.view.CertificateNotAfter):
		return fairlead.Expired
	default:
		return fairlead.Offline
	}
}

// take returns what the store lacks and notes that it lacks it no more.
func (c *cluster) take(key string) (store.Presence, error) {
	saved := store.Presence{ClusterKey: key}
	if c.unsaved.lastSeen {
		saved.LastSeen = c.view.LastSeen
	}
	if c.unsaved.certificate {
		saved.CertificateNotAfter = c.view.CertificateNotAfter
	}
	var err error
	if c.unsaved.metadata {
		if saved.Metadata, err = json.Marshal(savedMetadata{c.view.MetadataHash, c.view.Metadata, c.view.TrustGeneration}); err != nil {
			return store.Presence{}, fmt.Errorf("encode metadata of %s: %w", key, err)
		}
	}
	if c.unsaved.status {
		if saved.AgentStatus, err = json.Marshal(c.view.AgentStatus); err != nil {
			return store.Presence{}, fmt.Errorf("encode agent status of %s: %w", key, err)
		}
	}
	c.unsaved = fields{}
	return saved, nil
}

// giveBack undoes take after the store refused what was taken.
func (c *cluster) giveBack(taken store.Presence) {
	c.unsaved.lastSeen = c.unsaved.lastSeen || !taken.LastSeen.IsZero()
	c.unsaved.certificate = c.unsaved.certificate || !taken.CertificateNotAfter.IsZero()
	c.unsaved.metadata = c.unsaved.metadata || taken.Metadata != nil
	c.unsaved.status = c.unsaved.status || taken.AgentStatus != nil
}

// restore adds what the store had to what has been heard since the hub started.
func (c *cluster) restore(saved store.Presence) error {
	if saved.LastSeen.After(c.view.LastSeen) {
		c.view.LastSeen = saved.LastSeen
	}
	if c.view.CertificateNotAfter.IsZero() {
		c.view.CertificateNotAfter = saved.CertificateNotAfter
	}
	if c.view.Metadata == nil && saved.Metadata != nil {
		var known savedMetadata
		if err := json.Unmarshal(saved.Metadata, &known); err != nil {
			return fmt.Errorf("read metadata of %s: %w", saved.ClusterKey, err)
		}
		c.view.MetadataHash, c.view.Metadata = known.Hash, known.Metadata
		if c.view.TrustGeneration == 0 {
			c.view.TrustGeneration = known.Trust
		}
	}
	if c.view.AgentStatus == nil && saved.AgentStatus != nil {
		if err := json.Unmarshal(saved.AgentStatus, &c.view.AgentStatus); err != nil {
			return fmt.Errorf("read agent status of %s: %w", saved.ClusterKey, err)
		}
	}
	return nil
}

// TrustGeneration reads out of what is saved which statement of the hub's authorities a cluster follows.
func TrustGeneration(saved store.Presence) int64 {
	var known savedMetadata
	if json.Unmarshal(saved.Metadata, &known) != nil {
		return 0 // it has said nothing yet
	}
	return known.Trust
}
