package client

import (
	"cmp"
	"encoding/json"
	"errors"
	"strings"

	"github.com/fairlead/fairlead"
)

// Failure is an error as the hub sent it: Azure's code and message, what it is about, and what is inside. Callers find it with
// FailureOf; the text of the error that it came in has all of its messages.
type Failure struct {
	Code    string     `json:"code"`
	Message string     `json:"message"`
	Target  string     `json:"target,omitempty"`
	Details []Failure  `json:"details,omitempty"`
	Info    []MoreInfo `json:"additionalInfo,omitempty"`
}

// MoreInfo is something more of a failure, in a form that Type names.
type MoreInfo struct {
	Type string          `json:"type"`
	Info json.RawMessage `json:"info"`
}

// Error implements error with the message alone.
func (f *Failure) Error() string { return f.Message }

// FailureOf returns the hub's own error in a chain, nil when the failure is not the hub's.
func FailureOf(err error) *Failure {
	found, _ := errors.AsType[*Failure](err)
	return found
}

// as makes an error of it: the code in brackets, then the message, then a line for each detail.
func (f Failure) as(kind fairlead.Kind) error {
	failed := fairlead.Errorf(kind, "%s", f.Message)
	if f.Code != "" {
		failed = failed.WithCode(f.Code)
	}
	failed.Err = &f
	lines := []string{"(" + failed.Code + ") " + f.Message}
	failed.Message = strings.Join(appendDetails(lines, f.Details, "  "), "\n")
	return failed
}

// maxDepth bounds how deep details are followed.
const maxDepth = 8

func appendDetails(lines []string, details []Failure, indent string) []string {
	for _, detail := range details {
		lines = append(lines, indent+"("+detail.Code+") "+detail.Message)
		if len(indent) < 2*maxDepth {
			lines = appendDetails(lines, detail.Details, indent+"  ")
		}
	}
	return lines
}

// Extension returns what the failure says of an extension: the cause with its evidence and remedies where the hub sent them,
// otherwise the innermost code and message. Nil when the failure is about no extension.
func (f *Failure) Extension() *fairlead.ExtensionError {
	if f == nil {
		return nil
	}
	inner, told := f, f.told()
	for range maxDepth {
		if len(inner.Details) == 0 {
			break
		}
		inner = &inner.Details[0]
		if found := inner.told(); found != nil {
			told = found
		}
	}
	switch {
	case told != nil:
		return told
	case inner == f:
		return nil
	}
	return &fairlead.ExtensionError{Code: inner.Code, Message: inner.said(), Target: inner.Target}
}

// extensionFailure is the type of what the hub knows of an extension's failure beside its message.
const extensionFailure = "ExtensionFailure"

// told reads an extension's error out of what else was sent.
func (f *Failure) told() *fairlead.ExtensionError {
	for _, more := range f.Info {
		var found struct {
			Cause       string   `json:"cause"` // a code
			Explanation string   `json:"explanation"`
			Evidence    []string `json:"evidence"`
			Remedies    []string `json:"remedies"`
			DoctorID    string   `json:"doctorId"`
		}
		if more.Type == extensionFailure && json.Unmarshal(more.Info, &found) == nil {
			return &fairlead.ExtensionError{
				Code: cmp.Or(found.Cause, f.Code), Message: f.said(), Target: f.Target,
				Cause: found.Explanation, Evidence: found.Evidence, Remedies: found.Remedies, DoctorID: found.DoctorID,
			}
		}
	}
	return nil
}

// said is the message without the words that the original puts before it.
func (f *Failure) said() string {
	return strings.TrimPrefix(strings.TrimSpace(f.Message), "error: ")
}
