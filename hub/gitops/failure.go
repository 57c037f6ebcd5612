package gitops

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
)

// outcome is what a final state means for an operation: nil, or the error with what the cluster says inside.
func outcome(of configuration.Document, text json.RawMessage) error {
	var state fairlead.FluxState
	if err := json.Unmarshal(text, &state); err != nil {
		return fmt.Errorf("read the state of a configuration: %w", err)
	}
	if state.ProvisioningState != fairlead.ExtensionFailed {
		return nil
	}
	return configuration.Failed(code(of, state.SourceSyncedCommitID != ""), Reason(state))
}

func code(of configuration.Document, synced bool) string {
	switch {
	case of.Record.Deleted:
		return fairlead.CodeFluxDeletionFailed
	case synced:
		return fairlead.CodeFluxUpdateFailed
	default:
		return fairlead.CodeFluxCreationFailed
	}
}

const (
	maxEvidence = 10
	maxMessage  = 1000
)

// Reason is why a configuration is not as it should be, as far as its cluster says: what the objects that are not compliant say, and
// which of them is the first.
func Reason(state fairlead.FluxState) fairlead.ExtensionError {
	reason := fairlead.ExtensionError{Code: fairlead.CauseFlux, Message: cmp.Or(state.ErrorMessage, "The cluster gave no reason.")}
	for _, object := range state.Statuses {
		if object.ComplianceState != fairlead.FluxNonCompliant || len(reason.Evidence) >= maxEvidence {
			continue
		}
		name := object.Kind + "/" + object.Namespace + "/" + object.Name
		if reason.Target == "" {
			reason.Target = name
			reason.Remedies = []string{"kubectl describe -n " + object.Namespace + " " + strings.ToLower(object.Kind) + " " + object.Name}
		}
		for _, condition := range object.Conditions {
			if condition.Status == "False" {
				reason.Evidence = append(reason.Evidence, fmt.Sprintf("%s: %s is False: %s: %.*s", name, condition.Type, condition.Reason, maxMessage, condition.Message))
			}
		}
	}
	return reason
}
