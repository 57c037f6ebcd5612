// Package upgrade keeps extensions at the newest version of their release trains: minor versions and patches, as the policy of
// their type says. It asks hub/extension/rollout what is to be begun, writes that, and takes back what has failed.
package upgrade

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/hub/extension"
	"github.com/fairlead/fairlead/hub/extension/catalogue"
	"github.com/fairlead/fairlead/hub/extension/rollout"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

// every is how often the hub looks for something to upgrade.
const every = time.Minute

// Upgrader looks after automatic upgrades. Change writes a resource for the hub itself; *resource.API does.
type Upgrader struct {
	Store     *store.DB
	Service   *extension.Service
	Catalogue *catalogue.Catalogue
	Change    func(ctx context.Context, id fairlead.ResourceID, change func(resource.Document) (resource.Document, error)) error
	Now       func() time.Time
	Log       *slog.Logger

	said map[string]string // what the log was told last of each type and version
}

// Run looks every minute until ctx ends.
func (u *Upgrader) Run(ctx context.Context) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := u.Look(ctx); err != nil && ctx.Err() == nil {
				u.Log.WarnContext(ctx, "automatic upgrades of extensions have to wait", slog.Any("err", err))
			}
		}
	}
}

// Look does once what is to be done now.
func (u *Upgrader) Look(ctx context.Context) error {
	types, err := u.Catalogue.Types(ctx)
	if err != nil || len(types) == 0 {
		return err
	}
	all, err := u.candidates(ctx)
	if err != nil {
		return err
	}
	var problems []error
	for _, kind := range types {
		if mine := all[kind.Name]; len(mine) > 0 {
			problems = append(problems, u.lookAt(ctx, kind, mine))
		}
	}
	return errors.Join(problems...)
}

// candidate is an extension that is upgraded automatically.
type candidate struct {
	stored   store.Resource
	document extension.Document
	cluster  fairlead.ResourceID
	state    *fairlead.ExtensionState
	since    time.Time
}

// candidates are all such extensions, by their types.
func (u *Upgrader) candidates(ctx context.Context) (map[string][]candidate, error) {
	found := map[string][]candidate{}
	query := store.Query{Type: strings.ToLower(extension.TypeName), Limit: page}
	for {
		stored, err := u.Store.ListResources(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, one := range stored {
			made, ok, err := u.candidate(ctx, one)
			if err != nil {
				return nil, err
			}
			if ok {
				kind := made.document.Properties.ExtensionType
				found[kind] = append(found[kind], made)
			}
		}
		if len(stored) < page {
			return found, nil
		}
		query.After = stored[len(stored)-1].Key
	}
}

const page = 500

func (u *Upgrader) candidate(ctx context.Context, stored store.Resource) (candidate, bool, error) {
	document, err := extension.Read(stored)
	if err != nil {
		return candidate{}, false, err
	}
	upgrades := document.Properties.AutoUpgradeMinorVersion
	if document.Record.Deleted || document.Record.Version == "" || upgrades == nil || !*upgrades {
		return candidate{}, false, nil
	}
	made := candidate{stored: stored, document: document}
	if made.cluster, err = configuration.Of(stored.ID); err != nil {
		return made, false, err
	}
	made.state, made.since, err = u.Service.State(ctx, stored.Key)
	return made, err == nil, err
}

// current is the state that the cluster reports of the present generation, nil before it has.
func (c candidate) current() *fairlead.ExtensionState {
	if c.state == nil || c.state.ObservedGeneration < c.document.Record.Generation {
		return nil
	}
	return c.state
}

// lookAt takes back what has failed of a type, and begins what is to begin.
func (u *Upgrader) lookAt(ctx context.Context, kind catalogue.Type, all []candidate) error {
	groups := map[string][]candidate{}
	var problems []error
	for _, one := range all {
		if one.failed() {
			problems = append(problems, u.takeBack(ctx, one))
			continue
		}
		goal, err := u.goal(ctx, kind, one)
		if err != nil {
			return errors.Join(append(problems, err)...)
		}
		if goal != "" {
			groups[goal] = append(groups[goal], one)
		}
	}
	for _, goal := range slices.Sorted(maps.Keys(groups)) {
		problems = append(problems, u.roll(ctx, kind, goal, groups[goal]))
	}
	return errors.Join(problems...)
}

// failed reports that an upgrade of the hub's has, which is to be taken back.
func (c candidate) failed() bool {
	state := c.current()
	before := c.document.Record.Previous
	return state != nil && state.ProvisioningState == fairlead.ExtensionFailed && before != nil && before.Version != c.document.Record.Version
}

// goal is the newest version of the train within the major version that an extension has; empty when there is none.
func (u *Upgrader) goal(ctx context.Context, kind catalogue.Type, one candidate) (string, error) {
	has, err := semver.NewVersion(one.document.Record.Version)
	if err != nil {
		return "", nil //nolint:nilerr // nothing can be newer than what is no version
	}
	versions, err := u.Catalogue.Versions(ctx, kind, one.document.Properties.ReleaseTrain)
	if err != nil {
		if fairlead.CodeOf(err) == catalogue.CodeNoTrain {
			return "", nil // the train was taken away: its extensions stay as they are
		}
		return "", err
	}
	for _, version := range versions { // newest first
		if version.Major() == has.Major() && !version.LessThan(has) {
			return version.Original(), nil
		}
	}
	return "", nil
}

// roll begins what the policy lets begin of one version.
func (u *Upgrader) roll(ctx context.Context, kind catalogue.Type, goal string, all []candidate) error {
	targets := make([]rollout.Target, 0, len(all))
	pending := false
	for _, one := range all {
		tags, err := u.tags(ctx, kind.Upgrade, one.cluster)
		if err != nil {
			return err
		}
		made := rollout.Target{ID: one.stored.ID, Tags: tags, State: u.stateOf(one, goal), Since: one.since}
		pending = pending || made.State == rollout.Pending
		targets = append(targets, made)
	}
	if !pending {
		return nil
	}
	decided := kind.Upgrade.Decide(targets, u.Now())
	u.say(ctx, kind, goal, decided)
	var problems []error
	for _, one := range all {
		if slices.Contains(decided.Begin, one.stored.ID) {
			problems = append(problems, u.begin(ctx, kind, goal, one))
		}
	}
	return errors.Join(problems...)
}

func (u *Upgrader) say(ctx context.Context, kind catalogue.Type, goal string, decided rollout.Decision) {
	if u.said == nil || len(u.said) > maxSaid {
		u.said = map[string]string{}
	}
	if key := kind.Name + " " + goal; u.said[key] != decided.Why {
		u.said[key] = decided.Why
		if decided.Why != "" {
			u.Log.InfoContext(ctx, "automatic upgrades wait", slog.String("extension_type", kind.Name), slog.String("version", goal), slog.String("why", decided.Why))
		}
	}
}

const maxSaid = 10_000

// tags are those of a cluster, if the policy asks for any.
func (u *Upgrader) tags(ctx context.Context, policy rollout.Policy, cluster fairlead.ResourceID) (map[string]string, error) {
	if len(policy.Waves) == 0 {
		return nil, nil
	}
	stored, err := u.Store.GetResource(ctx, cluster.Key())
	if err != nil {
		return nil, err
	}
	document, err := resource.ReadDocument(stored.Body)
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	given, _ := document["tags"].(map[string]any)
	for name, value := range given {
		if text, ok := value.(string); ok {
			tags[name] = text
		}
	}
	return tags, nil
}

// stateOf says how far an extension is with a version. One that is not well as it is, or is being changed, waits aside.
func (u *Upgrader) stateOf(one candidate, goal string) rollout.State {
	state, record := one.current(), one.document.Record
	away := u.Service.Presence.View(one.cluster.Key()).Status != fairlead.Connected
	switch {
	case slices.Contains(record.Held, goal):
		return rollout.Failed
	case record.Version == goal && state != nil && state.ProvisioningState == fairlead.ExtensionSucceeded:
		return rollout.Done
	case record.Version == goal && state != nil && state.ProvisioningState == fairlead.ExtensionFailed && record.Previous == nil:
		return rollout.Away // it was never well, which says nothing of the version
	case record.Version == goal && state != nil && state.ProvisioningState == fairlead.ExtensionFailed:
		return rollout.Failed
	case away:
		return rollout.Away
	case record.Version == goal:
		return rollout.Running
	case state != nil && state.ProvisioningState == fairlead.ExtensionSucceeded:
		return rollout.Pending
	default:
		return rollout.Away
	}
}
