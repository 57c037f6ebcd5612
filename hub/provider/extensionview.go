package provider

import (
	"context"
	"log/slog"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/hub/extension"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

// view adds to an extension what its cluster says of it.
func (e extensions) view(ctx context.Context, stored store.Resource, shown resource.Document) {
	shown.Drop(configuration.RecordPath)
	known, err := extension.Read(stored)
	if err != nil {
		e.Log.ErrorContext(ctx, "an extension's document cannot be read", slog.String("extension", stored.Key), slog.Any("err", err))
		return
	}
	state, _, err := e.Extensions.State(ctx, stored.Key)
	if err != nil {
		e.Log.ErrorContext(ctx, "an extension's state cannot be read", slog.String("extension", stored.Key), slog.Any("err", err))
		return
	}
	shown.Set("properties.isSystemExtension", known.Record.System)
	shown.Set("properties.packageUri", nil)
	for _, path := range []string{settingsPath, protectedPath} {
		if !shown.Has(path) {
			shown.Set(path, map[string]any{})
		}
	}
	if known.Properties.Version == "" {
		shown.Set("properties.version", nil)
	}
	showState(shown, known, state)
	showHeld(shown, known.Record)
}

// showHeld says which versions are not tried again.
func showHeld(shown resource.Document, record extension.Record) {
	all, _ := shown.Get("properties.statuses").([]map[string]any)
	for _, version := range record.Held {
		all = append(all, map[string]any{
			"code": "UpgradeHeldBack", "displayStatus": "Upgrade held back", "level": "Warning", "time": record.RequestedAt.Format(time.RFC3339Nano),
			"message": "The automatic upgrade to version " + version + " failed and was taken back. It is not tried again here; the next version of the release train is. " +
				"To try this one again, set 'version' to it and 'autoUpgradeMinorVersion' to false.",
		})
	}
	if len(record.Held) > 0 {
		shown.Set("properties.statuses", all)
	}
}

func showState(shown resource.Document, known extension.Document, state *fairlead.ExtensionState) {
	observed, reported := int64(0), ""
	if state != nil {
		observed, reported = state.ObservedGeneration, state.ProvisioningState
	}
	shown.Set("properties.provisioningState", provisioning(known.Properties.ProvisioningState, known.Record.Record, observed, reported))
	shown.Set("properties.currentVersion", nil)
	shown.Set("properties.installedVersion", nil)
	shown.Set("properties.statuses", []map[string]any{})
	shown.Set("properties.errorInfo", nil)
	if reason := known.Record.Unreported(observed); reason != nil {
		shown.Set("properties.errorInfo", errorInfo(*reason))
	}
	if state == nil {
		return
	}
	if state.CurrentVersion != "" {
		shown.Set("properties.currentVersion", state.CurrentVersion)
		shown.Set("properties.installedVersion", state.CurrentVersion)
	}
	shown.Set("properties.statuses", statuses(state.Statuses))
	if state.ErrorInfo != nil && known.Record.Unreported(observed) == nil {
		shown.Set("properties.errorInfo", errorInfo(*state.ErrorInfo))
	}
	if len(state.Drift) > 0 {
		shown.Set("properties.drift", state.Drift)
	}
	if state.Operation != nil {
		shown.Set("properties.operation", state.Operation)
	}
}

// provisioning is the state in the words of the original. While an operation runs it is the hub's; afterwards that of the
// cluster, which may do late what an operation did not wait for. Reported is what the cluster says of the generation observed.
func provisioning(before string, record configuration.Record, observed int64, reported string) string {
	current := observed > 0 && observed >= record.Generation
	switch {
	case before == "Accepted":
		return fairlead.ExtensionCreating
	case before == "Updating", before == "Deleting":
		return before
	case current && reported == fairlead.ExtensionGone:
		return fairlead.ExtensionDeleting
	case current && reported != "" && !record.Deleted:
		return reported
	default:
		return before
	}
}

func statuses(all []fairlead.ExtensionStatus) []map[string]any {
	shown := make([]map[string]any, 0, len(all))
	for _, one := range all {
		shown = append(shown, map[string]any{
			"code": one.Code, "displayStatus": one.DisplayStatus, "level": one.Level, "message": one.Message,
			"time": one.Time.UTC().Format(time.RFC3339Nano),
		})
	}
	return shown
}

// errorInfo is a failure in the form of Azure's errors.
func errorInfo(reason fairlead.ExtensionError) map[string]any {
	details := []fairlead.ErrorDetail{}
	if reason.Cause != "" {
		details = append(details, fairlead.ErrorDetail{Code: reason.Code, Message: reason.Cause, Target: reason.Target})
	}
	shown := map[string]any{"code": reason.Code, "message": reason.Message, "details": details, "additionalInfo": configuration.Info(reason)}
	if reason.Target != "" {
		shown["target"] = reason.Target
	}
	return shown
}
