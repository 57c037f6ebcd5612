package provider

import (
	"context"
	"log/slog"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/hub/gitops"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

// fluxSeconds is the original's default of every duration.
const fluxSeconds = 600

// view adds to a configuration what its cluster says of it.
func (f fluxes) view(ctx context.Context, stored store.Resource, shown resource.Document) {
	shown.Drop(configuration.RecordPath)
	known, state, ok := seen(ctx, f.Deps, stored, gitops.Read)
	if !ok {
		return
	}
	showSources(shown)
	showKustomizations(shown)
	if !shown.Has(protectedPath) {
		shown.Set(protectedPath, map[string]any{})
	}
	showFlux(shown, known, state)
}

// seen reads a configuration's document and what its cluster last said. Not ok, and noted in the log, when one cannot be read.
func seen[D any](ctx context.Context, d Deps, stored store.Resource, read func(store.Resource) (D, error)) (known D, state *fairlead.FluxState, ok bool) {
	known, err := read(stored)
	if err == nil {
		state, err = d.Flux.State(ctx, stored.Key)
	}
	if err != nil {
		d.Log.ErrorContext(ctx, "a configuration, or its state, cannot be read", slog.String("configuration", stored.Key), slog.Any("err", err))
	}
	return known, state, err == nil
}

// showSources shows every source, those of other kinds with null, and the defaults of the one that there is.
func showSources(shown resource.Document) {
	for _, property := range sources() {
		path := "properties." + property
		source := shown.Object(path)
		if source == nil {
			shown.Set(path, nil)
			continue
		}
		for _, name := range []string{"timeoutInSeconds", "syncIntervalInSeconds"} {
			whenMissing(source, name, fluxSeconds)
		}
		for _, name := range []string{"repositoryRef", "localAuthRef"} {
			whenMissing(source, name, nil)
		}
	}
}

// showKustomizations shows each with its name and its defaults.
func showKustomizations(shown resource.Document) {
	const at = "properties.kustomizations"
	if !shown.Has(at) {
		shown.Set(at, map[string]any{})
	}
	for name, value := range shown.Object(at) {
		one, ok := value.(map[string]any)
		if !ok {
			continue
		}
		one["name"] = name
		for property, value := range map[string]any{
			"path": "", "dependsOn": []string{}, "timeoutInSeconds": fluxSeconds, "syncIntervalInSeconds": fluxSeconds, "retryIntervalInSeconds": nil,
			"prune": false, "force": false, "wait": true, "postBuild": nil,
		} {
			whenMissing(one, property, value)
		}
	}
}

func whenMissing(object map[string]any, name string, value any) {
	if object[name] == nil {
		object[name] = value
	}
}

// showFlux shows what the cluster has reported. What it said of an earlier wish is no longer how things stand.
func showFlux(shown resource.Document, known gitops.Document, state *fairlead.FluxState) {
	set := func(name string, value any) { shown.Set("properties."+name, value) }
	for name, value := range map[string]any{
		"statuses": []any{}, "sourceSyncedCommitId": nil, "sourceUpdatedAt": nil, "statusUpdatedAt": nil, "repositoryPublicKey": "", "errorMessage": "",
		"complianceState": fairlead.FluxPending,
	} {
		set(name, value)
	}
	observed := int64(0)
	if state != nil {
		observed = state.ObservedGeneration
	}
	if reason := known.Record.Unreported(observed); reason != nil {
		set("errorMessage", reason.Message)
	}
	if state == nil {
		set("provisioningState", provisioning(known.Properties.ProvisioningState, known.Record, 0, ""))
		return
	}
	set("provisioningState", provisioning(known.Properties.ProvisioningState, known.Record, state.ObservedGeneration, state.ProvisioningState))
	if state.ObservedGeneration >= known.Record.Generation {
		if state.ComplianceState != "" {
			set("complianceState", state.ComplianceState)
		}
		set("errorMessage", state.ErrorMessage)
	}
	if len(state.Statuses) > 0 {
		set("statuses", state.Statuses)
	}
	if state.SourceSyncedCommitID != "" {
		set("sourceSyncedCommitId", state.SourceSyncedCommitID)
	}
	if state.SourceUpdatedAt != nil {
		set("sourceUpdatedAt", state.SourceUpdatedAt.UTC().Format(time.RFC3339Nano))
	}
	if !state.StatusUpdatedAt.IsZero() {
		set("statusUpdatedAt", state.StatusUpdatedAt.UTC().Format(time.RFC3339Nano))
	}
	set("repositoryPublicKey", state.RepositoryPublicKey)
}
