package extension

import (
	"encoding/json"
	"fmt"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
)

// outcome is what a final state means for an operation: nil, or the error with the cause inside.
func outcome(of configuration.Document, text json.RawMessage) error {
	var state fairlead.ExtensionState
	if err := json.Unmarshal(text, &state); err != nil {
		return fmt.Errorf("read the state of an extension: %w", err)
	}
	if state.ProvisioningState != fairlead.ExtensionFailed {
		return nil
	}
	reason := state.ErrorInfo
	if reason == nil {
		reason = &fairlead.ExtensionError{Code: fairlead.CauseOther, Message: "The cluster gave no reason."}
	}
	return configuration.Failed(code(of, state.CurrentVersion != "" || state.ReleaseRevision > 1), *reason)
}

func code(of configuration.Document, installed bool) string {
	switch {
	case of.Record.Deleted:
		return fairlead.CodeExtensionDeletionFailed
	case installed:
		return fairlead.CodeExtensionUpdateFailed
	default:
		return fairlead.CodeExtensionCreationFailed
	}
}
