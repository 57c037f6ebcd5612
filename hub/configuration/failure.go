package configuration

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// saysError begins the message of a detail, as the original has it.
const saysError = " error: "

// Failed is the error of a failed operation as the original words it, with the reason inside.
func Failed(code string, reason fairlead.ExtensionError) error {
	detail := fairlead.ErrorDetail{Code: code, Message: saysError + reason.Message, Target: reason.Target, AdditionalInfo: Info(reason)}
	failed := fairlead.Errorf(fairlead.Conflict, "The resource operation completed with terminal provisioning state 'Failed'.").
		WithCode(fairlead.CodeResourceOperationFailure)
	failed.Details = []fairlead.ErrorDetail{detail}
	return failed
}

// Reason is the reason inside the error of a failed operation, nil for one that has succeeded.
func Reason(ended store.Operation) *fairlead.ExtensionError {
	if ended.Status != store.Failed {
		return nil
	}
	var details []struct {
		Message, Target string
		AdditionalInfo  []struct {
			Info struct {
				Cause, Explanation, DoctorID string
				Evidence, Remedies           []string
			}
		}
	}
	if err := json.Unmarshal([]byte(ended.ErrorDetails), &details); err != nil || len(details) == 0 || len(details[0].AdditionalInfo) == 0 {
		return &fairlead.ExtensionError{Code: ended.ErrorCode, Message: ended.ErrorMessage}
	}
	told, known := details[0], details[0].AdditionalInfo[0].Info
	return &fairlead.ExtensionError{
		Code: known.Cause, Message: strings.TrimPrefix(told.Message, saysError), Target: told.Target,
		Cause: known.Explanation, Evidence: known.Evidence, Remedies: known.Remedies, DoctorID: known.DoctorID,
	}
}

// Info is what is known of a failure beside its message, in the form in which Azure's errors carry more.
func Info(reason fairlead.ExtensionError) []fairlead.ErrorInfo {
	return []fairlead.ErrorInfo{{Type: "ExtensionFailure", Info: map[string]any{
		"cause": reason.Code, "explanation": reason.Cause, "evidence": orEmpty(reason.Evidence), "remedies": orEmpty(reason.Remedies), "doctorId": reason.DoctorID,
	}}}
}

func orEmpty(all []string) []string {
	if all == nil {
		return []string{}
	}
	return all
}

// failed is Failed with the code of an operation that has brought nothing about.
func (s *Service) failed(of Document, reason fairlead.ExtensionError) error {
	const installed = false
	return Failed(s.Kind.Code(of, installed), reason)
}

func (s *Service) silent(cluster fairlead.ResourceID, of Document, quiet time.Duration) error {
	view := s.Presence.View(cluster.Key())
	cause := "The cluster has never called this hub."
	if !view.LastSeen.IsZero() {
		cause = "The cluster's last sign of life was at " + view.LastSeen.UTC().Format(time.RFC3339) + "."
	}
	return s.failed(of, fairlead.ExtensionError{
		Code: fairlead.CauseAgentSilent, Cause: cause, DoctorID: "EXT-01",
		Message: "Unable to get a response from the agent in time: nothing was heard of the cluster for " + quiet.Round(time.Second).String() +
			". When it comes back it does what was asked for, and this resource then says so.",
		Remedies: []string{"kubectl get pods -n azure-arc", "fairlead doctor"},
	})
}

func (s *Service) notApplied(of Document, why string) error {
	const most = 1000
	if len(why) > most {
		why = strings.ToValidUTF8(why[:most], "") + "…"
	}
	return s.failed(of, fairlead.ExtensionError{
		Code: fairlead.CauseRejected, Message: "The cluster's config-agent cannot take what is wanted: " + why,
		Remedies: []string{"kubectl logs -n azure-arc deployment/config-agent"},
	})
}

func (s *Service) notPopulated(of Document, quiet time.Duration) error {
	remedies := []string{"kubectl get pods -n azure-arc"}
	for _, agent := range append(s.Kind.Agents, "-n azure-arc deployment/config-agent") {
		remedies = append(remedies, "kubectl logs "+agent)
	}
	return s.failed(of, fairlead.ExtensionError{
		Code: fairlead.CauseStatusNotPopulated, DoctorID: "EXT-01",
		Cause: "The agents are there, and said nothing of this " + s.Kind.Noun + " for " + quiet.Round(time.Second).String() + ".",
		Message: "Unable to get the status from the local CRD with the error : {Error : Retry for given duration didn't get any results " +
			"with err {status not populated}}",
		Remedies: remedies,
	})
}
