// Package configuration knows what all custom resources have in common that a hub wants in its clusters: what a cluster is told of
// each, what it has reported, when an operation on one has ended, and with which error. Extensions are one Kind, Flux
// configurations another. What a document may say is hub/provider's.
package configuration

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/limit"
	"github.com/fairlead/fairlead/hub/presence"
	"github.com/fairlead/fairlead/store"
)

// Kind is what one kind of custom resource has of its own.
type Kind struct {
	// APIVersion and Name are those of the custom resource, Noun is what people call one.
	APIVersion, Name, Noun string
	// Types are the resource types at the hub that become one. Of two resources of a name, that of the first type counts.
	Types []string
	// Max is how many a cluster has at most, and how many forgotten ones are remembered. MaxState bounds what a cluster may say of
	// one, in bytes.
	Max, MaxState int
	// Agents are those that work on one, as kubectl logs names them: their logs say why nothing is heard.
	Agents []string

	// Spec is what a cluster is told of a resource, Orphan what it is told of one that it is to forget.
	Spec   func(stored store.Resource) (any, error)
	Orphan func(known store.Configuration) any
	// Code is that of an operation's error.
	Code func(of Document, installed bool) string
	// Outcome is what the final state of an operation means: nil, or its error.
	Outcome func(of Document, state json.RawMessage) error
	// Left says what a forced deletion leaves in the cluster.
	Left func(stored store.Resource) string
	// Step, when set, is how long a cluster may work on one without saying anything.
	Step func(stored store.Resource) time.Duration
	// Footing, when set, says of what a configuration needs in its cluster whether it is still to come, or why it will not.
	Footing func(ctx context.Context, cluster fairlead.ResourceID, of Document) (pending bool, err error)
}

// Presence tells of a cluster's signs of life; *presence.Tracker does.
type Presence interface {
	View(key string) presence.View
}

// Box seals what nobody may read in the database; *authority.Box is one.
type Box interface {
	Seal(name string, secret []byte) []byte
	Open(name string, sealed []byte) ([]byte, error)
}

// Patience says when operations end by themselves: Silence after the last sign of life of the cluster, Unreported when the
// cluster is there and says nothing of the configuration, Refused when it says that it cannot take what is wanted, Grace after the
// deadline of a step that was reported.
type Patience struct{ Silence, Unreported, Refused, Grace time.Duration }

// DefaultPatience is that of a hub.
func DefaultPatience() Patience {
	return Patience{Silence: 10 * time.Minute, Unreported: 10 * time.Minute, Refused: time.Minute, Grace: 5 * time.Minute}
}

// Surroundings are what a Service works with. Started is when this process began to hear clusters.
type Surroundings struct {
	Store    *store.DB
	Box      Box
	Presence Presence
	Patience Patience
	Now      func() time.Time
	Started  time.Time
	Log      *slog.Logger
}

// Service is the hub's knowledge of one kind.
type Service struct {
	Surroundings

	Kind Kind

	remembered remembered
	strangers  limit.Once
	counted    counted
}

// Key is the key of a resource of a type on a cluster; cluster is a resource id or key.
func Key(cluster, kind, name string) string { return strings.ToLower(prefix(cluster, kind) + name) }

func prefix(cluster, kind string) string { return cluster + "/providers/" + kind + "/" }

// Of returns the id of the cluster that a resource is on.
func Of(id string) (fairlead.ResourceID, error) {
	parsed, err := fairlead.ParseResourceID(id)
	if err != nil {
		return parsed, err
	}
	return fairlead.ParseResourceID(parsed.Scope)
}

// find returns the key of the resource behind the name that a cluster has for it, and whether there is one, or was one that
// waits for its cluster to forget it.
func (s *Service) find(ctx context.Context, cluster, name string) (string, bool, error) {
	for _, kind := range s.Kind.Types {
		key := Key(cluster, kind, name)
		_, err := s.Store.GetResource(ctx, key)
		if err == nil || fairlead.KindOf(err) != fairlead.NotFound {
			return key, err == nil, err
		}
	}
	for _, kind := range s.Kind.Types {
		key := Key(cluster, kind, name)
		known, err := s.Store.GetConfiguration(ctx, key)
		if err == nil && known.Forgotten {
			return key, true, nil
		}
		if err != nil && fairlead.KindOf(err) != fairlead.NotFound {
			return key, false, err
		}
	}
	return "", false, nil
}
