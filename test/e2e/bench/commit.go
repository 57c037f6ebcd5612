package main

import (
	"context"
	"fmt"
	"time"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

const (
	// The hub is asked that often whether it knows, once the cluster does.
	askEvery = 20 * time.Millisecond
	// Commits come at other moments of the interval each time: after this part of it more than the one before.
	golden = 0.618
)

// arrival is when the parts came to know of a commit, since the repository had it.
type arrival struct {
	fetched time.Duration // source-controller
	applied time.Duration // kustomize-controller: the Kustomization is ready at that revision
	told    time.Duration // fluxconfig-agent: the FluxConfig is compliant at it
	hub     time.Duration // the hub says so
}

func commit(ctx context.Context, git *rig.Git, number int) (string, error) {
	return git.Commit(ctx, fmt.Sprintf("note %d", number), map[string]string{
		"app/note.yaml": fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: note, namespace: %s}\ndata: {text: 'number %d'}\n", configuration, number),
	})
}

// follow makes a commit and times who knows of it when.
func follow(ctx context.Context, git *rig.Git, hub *arm, seen *sightings, number int) (arrival, error) {
	if err := pause(ctx, interval+time.Duration(golden*float64(number)*float64(interval))%interval); err != nil {
		return arrival{}, err
	}
	made, err := commit(ctx, git, number)
	if err != nil {
		return arrival{}, err
	}
	began, err := git.Moved("main")
	if err != nil {
		return arrival{}, err
	}
	var took arrival
	for _, next := range []struct {
		word string
		took *time.Duration
	}{{"fetched", &took.fetched}, {"applied", &took.applied}, {"told", &took.told}} {
		at, err := seen.when(ctx, next.word+" "+made)
		if err != nil {
			return arrival{}, err
		}
		*next.took = at.Sub(began)
	}
	at, err := knows(ctx, hub, made)
	took.hub = at.Sub(began)
	return took, err
}

// knows returns when the hub says that the cluster complies at a commit. Before the cluster says so, there is no use in asking.
func knows(ctx context.Context, hub *arm, commit string) (time.Time, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("the hub did not know of commit %s within %s", commit, patience))
	defer cancel()
	for {
		var shown struct {
			Properties rig.FluxState `json:"properties"`
		}
		if err := hub.get(ctx, resource{"fluxConfigurations", configuration, "2025-04-01"}, &shown); err != nil {
			return time.Time{}, err
		}
		now := time.Now()
		if state := shown.Properties; state.ComplianceState == rig.FluxCompliant && commitOf(state.SourceSyncedCommitID) == commit {
			return now, nil
		}
		if pause(ctx, askEvery) != nil {
			return now, context.Cause(ctx)
		}
	}
}
