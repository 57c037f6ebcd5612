package configuration

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// maxName bounds the names that a cluster may say.
const maxName = 253

// Report is what a cluster says of one configuration, whatever its kind: State, of a Generation, with the provisioning state in it.
type Report struct {
	Name         string
	Generation   int64
	Provisioning string
	State        any
}

// Reported keeps what a cluster says. What it says of others than the hub knows is logged and dropped.
func (s *Service) Reported(ctx context.Context, cluster fairlead.ResourceID, reports []Report) error {
	if most := 2 * s.Kind.Max; len(reports) > most {
		return fairlead.Errorf(fairlead.TooLarge, "a post may hold %d reports", most)
	}
	var keep []store.Configuration
	for _, report := range reports {
		state, err := s.checked(report)
		if err != nil {
			return err
		}
		key, known, err := s.find(ctx, cluster.Key(), report.Name)
		if err != nil {
			return err
		}
		if !known {
			s.stranger(ctx, cluster, report)
			continue
		}
		keep = append(keep, store.Configuration{
			Key: key, ClusterKey: cluster.Key(), Kind: s.Kind.Name, Name: strings.ToLower(report.Name), State: state, Observed: report.Generation, At: s.Now(),
		})
	}
	if err := s.Store.SaveConfigurationStates(ctx, keep); err != nil {
		return err
	}
	s.counted.reports.Add(int64(len(keep)))
	return s.buryAll(ctx, keep, reports)
}

func (s *Service) checked(report Report) (json.RawMessage, error) {
	if report.Name == "" || len(report.Name) > maxName || strings.ContainsAny(report.Name, "/%\\ ") {
		return nil, fairlead.Errorf(fairlead.Invalid, "%.64q is no name of %s", report.Name, s.Kind.Name)
	}
	states := []string{
		"", fairlead.ExtensionCreating, fairlead.ExtensionUpdating, fairlead.ExtensionDeleting, fairlead.ExtensionSucceeded,
		fairlead.ExtensionFailed, fairlead.ExtensionGone,
	}
	if !slices.Contains(states, report.Provisioning) {
		return nil, fairlead.Errorf(fairlead.Invalid, "%.64q is no provisioning state of %s", report.Provisioning, s.Kind.Name)
	}
	text, err := json.Marshal(report.State)
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "the state of %s %.64q cannot be kept: %w", s.Kind.Name, report.Name, err)
	}
	if len(text) > s.Kind.MaxState {
		return nil, fairlead.Errorf(fairlead.TooLarge, "the state of %s %.64q is larger than %d bytes", s.Kind.Name, report.Name, s.Kind.MaxState)
	}
	return text, nil
}

// Knows reports whether a configuration has a resource, or had one and waits for its cluster to forget it.
func (s *Service) Knows(ctx context.Context, cluster fairlead.ResourceID, name string) (bool, error) {
	_, known, err := s.find(ctx, cluster.Key(), name)
	return known, err
}

func (s *Service) stranger(ctx context.Context, cluster fairlead.ResourceID, report Report) {
	if report.Provisioning == fairlead.ExtensionGone {
		return // said again, because the acknowledgement was lost
	}
	s.counted.unknown.Add(1)
	if s.strangers.First(Key(cluster.Key(), s.Kind.Types[0], report.Name)) {
		s.Log.WarnContext(ctx, "a cluster has a configuration that is unknown to this hub; it is left alone: create it here with the same name to manage it, "+
			"or delete the object in namespace azure-arc", slog.String("cluster", cluster.String()), slog.String("kind", s.Kind.Name), slog.String("name", report.Name))
	}
}

// buryAll does what is left to do for configurations that clusters report as gone.
func (s *Service) buryAll(ctx context.Context, kept []store.Configuration, reports []Report) error {
	gone := map[string]bool{}
	for _, report := range reports {
		if report.Provisioning == fairlead.ExtensionGone {
			gone[strings.ToLower(report.Name)] = true
		}
	}
	for _, one := range kept {
		if !gone[one.Name] {
			continue
		}
		if err := s.bury(ctx, one); err != nil {
			return err
		}
	}
	return nil
}

// bury forgets a configuration that is gone. While an operation waits for that, the operation does it.
func (s *Service) bury(ctx context.Context, gone store.Configuration) error {
	stored, err := s.Store.GetResource(ctx, gone.Key)
	if err != nil {
		if fairlead.KindOf(err) != fairlead.NotFound {
			return err
		}
		return s.Store.DropConfiguration(ctx, gone.Key)
	}
	document, err := Read(stored)
	if err != nil || !document.Record.Deleted || gone.Observed < document.Record.Generation || document.Properties.ProvisioningState == deletingState {
		return err
	}
	s.Log.InfoContext(ctx, "something is gone whose deletion had been given up", slog.String("resource", stored.ID))
	entry := s.entry(stored, "UninstalledLate")
	if err := s.Store.RemoveResource(ctx, stored.Key, store.MatchETag(stored.ETag), &entry, gone.ClusterKey); err != nil {
		return err
	}
	return s.Store.DropConfiguration(ctx, gone.Key)
}

// deletingState is the engine's word for a deletion that runs.
const deletingState = "Deleting"
