package provider

import (
	"context"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/hub/gitops"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

// view adds to a configuration of Flux v1 what its cluster says of it, in the words of v1.
func (s sourceControls) view(ctx context.Context, stored store.Resource, shown resource.Document) {
	shown.Drop(configuration.RecordPath)
	known, state, ok := seen(ctx, s.Deps, stored, gitops.ReadSourceControl)
	if !ok {
		return
	}
	if !shown.Has(protectedPath) {
		shown.Set(protectedPath, map[string]any{})
	}
	shown.Set("properties.enableHelmOperator", bool(known.Properties.EnableHelmOperator))
	_, notes, err := known.Flux()
	if err != nil {
		notes = []string{err.Error()}
	}
	showSourceControl(shown, known, state, notes)
}

func showSourceControl(shown resource.Document, known gitops.SourceControl, state *fairlead.FluxState, notes []string) {
	compliance := map[string]any{"complianceState": "Pending", "lastConfigApplied": nil, "message": strings.Join(notes, "; "), "messageLevel": "Information"}
	if len(notes) > 0 {
		compliance["messageLevel"] = "Warning"
	}
	observed, reported, key := int64(0), "", ""
	if state != nil {
		observed, reported, key = state.ObservedGeneration, state.ProvisioningState, state.RepositoryPublicKey
	}
	if state != nil && observed >= known.Record.Generation {
		compliance["complianceState"] = earlierCompliance(state.ComplianceState)
		if state.SourceUpdatedAt != nil {
			compliance["lastConfigApplied"] = state.SourceUpdatedAt.UTC().Format(time.RFC3339Nano)
		}
		if state.ErrorMessage != "" {
			compliance["message"], compliance["messageLevel"] = strings.Join(append([]string{state.ErrorMessage}, notes...), "; "), "Error"
		}
	}
	shown.Set("properties.complianceStatus", compliance)
	shown.Set("properties.repositoryPublicKey", key)
	shown.Set("properties.provisioningState", earlierState(provisioning(known.Properties.ProvisioningState, known.Record.Record, observed, reported)))
}

// earlierCompliance is a compliance state in the words of v1.
func earlierCompliance(state string) string {
	switch state {
	case fairlead.FluxCompliant:
		return "Installed"
	case fairlead.FluxNonCompliant:
		return "Noncompliant"
	default:
		return "Pending"
	}
}

// earlierState is a provisioning state in the words of v1.
func earlierState(state string) string {
	switch state {
	case fairlead.ExtensionCreating, fairlead.ExtensionUpdating:
		return "Running"
	default:
		return state
	}
}
