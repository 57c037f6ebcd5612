package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Reason is the class of what keeps a probe from running.
type Reason string

// The reasons.
const (
	Quota          Reason = "Quota"          // a ResourceQuota or LimitRange of the namespace
	PodSecurity    Reason = "PodSecurity"    // the level of Pod Security that the namespace enforces
	Policy         Reason = "Policy"         // an admission webhook or policy
	Forbidden      Reason = "Forbidden"      // the caller may not
	NoNamespace    Reason = "NoNamespace"    // the namespace is missing, or on its way out
	NoNode         Reason = "NoNode"         // no node that is ready and of a known kind
	NoImage        Reason = "NoImage"        // no image on the node can be used
	NoProgram      Reason = "NoProgram"      // this build has no program for the node
	Unschedulable  Reason = "Unschedulable"  // the scheduler or the node refuses the pod
	Mount          Reason = "Mount"          // a volume cannot be mounted
	NotStarted     Reason = "NotStarted"     // the container cannot be started, or nothing happens in time
	Crashed        Reason = "Crashed"        // the program ended without a result
	LogsUnreadable Reason = "LogsUnreadable" // the program ran, but the API server does not give its output
	Unreachable    Reason = "Unreachable"    // the API server fails or does not answer
)

// CannotRun says why a probe could not run. It is a finding in its own right.
type CannotRun struct {
	Reason  Reason
	Message string
}

// Error tells what happened, and why.
func (e *CannotRun) Error() string { return "the probe cannot run: " + e.Message }

// refusal classes what the API server said to an attempt to do something. The end of the caller's context stays what it is.
func refusal(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", what, ctx.Err())
	}
	return &CannotRun{classify(err), what + ": " + err.Error()}
}

// classify goes by the code, and by words only where the server has one code for many causes.
func classify(err error) Reason {
	text := err.Error()
	has := func(words ...string) bool {
		for _, word := range words {
			if strings.Contains(text, word) {
				return true
			}
		}
		return false
	}
	var network net.Error
	switch {
	case has("violates PodSecurity"):
		return PodSecurity
	case has("exceeded quota", "failed quota", "status unknown for quota", "must specify limits", "usage per Pod is", "usage per Container is"):
		return Quota
	case has("admission webhook", "failed calling webhook", "ValidatingAdmissionPolicy", "denied request", "denied the request", "unable to validate against any security context constraint"):
		return Policy
	case has("because it is being terminated"), apierrors.IsNotFound(err):
		return NoNamespace
	case apierrors.IsUnauthorized(err), apierrors.IsForbidden(err) && has("cannot "):
		return Forbidden
	case apierrors.IsForbidden(err), apierrors.IsInvalid(err):
		return Policy
	case errors.As(err, &network):
		return Unreachable
	}
	return Unreachable
}

// Leftover says what a probe could not take away.
type Leftover struct {
	Namespace string
	Objects   []string
	Err       error
}

// Error tells how to remove it.
func (e *Leftover) Error() string {
	return fmt.Sprintf("the probe could not remove %s: %v; remove it with: kubectl delete pod,configmap,secret -n %s -l %s=%s",
		strings.Join(e.Objects, ", "), e.Err, e.Namespace, Label, LabelValue)
}

// Unwrap gives what the API server said.
func (e *Leftover) Unwrap() error { return e.Err }
