package extensionevents

import (
	"slices"
	"strings"
)

// notShown stands for what pods of an extension with protected settings say. This agent may not read these settings, so it cannot
// know one when it meets it; extension-manager, which can, shows the last lines of a log without them when an operation fails.
const notShown = "(what it says is not shown, as the extension has protected settings)"

// about returns a warning's message, or as much of it as cannot hold a protected setting: probes and starts quote what a program
// writes and how it is called, and refusals quote values.
func (o owner) about(reason, message string) string {
	if !o.hidden {
		return message
	}
	quiet := []string{
		"BackOff", "FailedScheduling", "FailedMount", "FailedAttachVolume", "ProvisioningFailed", "FailedBinding", "BackoffLimitExceeded",
	}
	switch {
	case slices.Contains(quiet, reason), reason == "FailedCreate" && !strings.Contains(message, "Invalid value"), reason == "Failed" && strings.Contains(message, "pull image"):
		return message
	}
	return notShown
}
