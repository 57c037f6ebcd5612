package configuration

import (
	"context"
	"log/slog"
	"strings"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// entry is what the activity log says of what became of a configuration besides what was asked for.
func (s *Service) entry(stored store.Resource, detail string) store.Activity {
	document, err := Read(stored)
	correlation := document.Record.CorrelationID
	if err != nil || correlation == "" {
		correlation = uuid.NewString()
	}
	action := stored.Type
	if id, err := fairlead.ParseResourceID(stored.ID); err == nil {
		action = id.Type() // in its proper spelling
	}
	return store.Activity{
		ID: uuid.NewString(), OperationID: uuid.NewString(), CorrelationID: correlation, At: s.Now(), Subscription: stored.Subscription,
		ResourceGroup: stored.ResourceGroup, ResourceID: stored.ID, Action: action + "/delete", Status: store.ActivitySucceeded, Detail: detail,
		Caller: stored.UpdatedBy,
	}
}

// Replaced removes a configuration whose place in the cluster another one has taken, of which the cluster has been told. It went by
// what somebody asked for the other one, and the activity log says so.
func (s *Service) Replaced(ctx context.Context, old, by store.Resource) error {
	entry, cause := s.entry(old, "ReplacedBy: "+by.ID), s.entry(by, "")
	entry.CorrelationID, entry.Caller = cause.CorrelationID, cause.Caller
	cluster, err := Of(old.ID)
	if err != nil {
		return err
	}
	err = s.Store.RemoveResource(ctx, old.Key, store.AnyState, &entry, cluster.Key())
	if err != nil && fairlead.KindOf(err) != fairlead.NotFound {
		return err
	}
	return s.Store.DropConfiguration(ctx, old.Key)
}

// Forget is what is left of a deletion that is not waited for: the cluster is told to forget the configuration, and keeps what it
// has made of it.
func (s *Service) Forget(ctx context.Context, stored store.Resource) error {
	document, err := Read(stored)
	if err != nil {
		return err
	}
	cluster, err := Of(stored.ID)
	if err != nil {
		return err
	}
	left := s.Kind.Left(stored)
	s.Log.WarnContext(ctx, "a deletion was forced: what was made stays in the cluster", slog.String("resource", stored.ID), slog.String("left", left))
	if err := s.Store.RecordActivity(ctx, s.entry(stored, "LeftInCluster: "+left)); err != nil {
		return err
	}
	known, err := s.Store.ListConfigurations(ctx, cluster.Key(), s.Kind.Name)
	if err != nil {
		return err
	}
	forgotten := 0
	for _, one := range known {
		if one.Forgotten && one.Key != stored.Key {
			forgotten++
		}
	}
	if forgotten >= s.Kind.Max {
		return s.Store.DropConfiguration(ctx, stored.Key) // the cluster keeps an object that it reports as unknown
	}
	return s.Store.ForgetConfiguration(ctx, store.Configuration{
		Key: stored.Key, ClusterKey: cluster.Key(), Kind: s.Kind.Name, Name: strings.ToLower(stored.Name), Generation: document.Record.Generation, At: s.Now(),
	})
}
