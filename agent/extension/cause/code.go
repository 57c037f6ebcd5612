package cause

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fairlead/fairlead"
)

// form is how one cause shows in an error's words.
type form struct {
	code string
	form *regexp.Regexp
}

// forms are in the order in which they are tried: what can only mean one thing comes first. Messages of charts and of webhooks
// are inside some of them and may say anything, so the outer words have to decide.
var forms = []form{ //nolint:gochecknoglobals // a constant
	{fairlead.CauseOperationRunning, regexp.MustCompile(`another operation \(install/upgrade/rollback\) is in progress|release: already exists`)},
	{fairlead.CauseReleaseNameInUse, regexp.MustCompile(`cannot re-?use a name that is still in use`)},
	{fairlead.CauseRendering, regexp.MustCompile(`execution error (?:at|in) \(|(?:^|: )template: \S+:\d+|executing "[^"]*" at <|parse error (?:at|in) \(|values don't meet the specifications of the schema|YAML parse error on|chart requires kubeVersion|error during tpl function|chart dependencies processing failed|error converting YAML to JSON`)},
	{fairlead.CauseNamespaceGoing, regexp.MustCompile(`because it is being terminated`)},
	{fairlead.CauseBackoffLimit, regexp.MustCompile(`BackoffLimitExceeded|resource Job/\S+ not ready\. status: Failed`)},
	{fairlead.CauseReadinessTimeout, regexp.MustCompile(`not ready\. status: |still exists\. status: |[Tt]imed? out waiting`)},
	{fairlead.CauseResourceExists, regexp.MustCompile(`exists and cannot be imported into the current release|invalid ownership metadata|Apply failed with \d+ conflict|"[^"]+" already exists`)},
	{fairlead.CauseRejected, regexp.MustCompile(`admission webhook|ValidatingAdmissionPolicy|exceeded quota|violates PodSecurity|denied the request|failed calling webhook|is forbidden: |is invalid: |no matches for kind|strict decoding error|field not declared in schema`)},
	{fairlead.CauseChartDownload, regexp.MustCompile(`FetchReference|not a valid chart repository|failed to fetch https?://|no chart version found|failed to do request|failed to resolve reference|not found in https?://\S+ repository`)},
	{fairlead.CauseUnreachable, regexp.MustCompile(`cluster unreachable|dial tcp|connection refused|i/o timeout|TLS handshake timeout|unexpected EOF|client connection lost|etcdserver: |the server is currently unable`)},
	{fairlead.CauseReadinessTimeout, regexp.MustCompile(`deadline exceeded`)},
}

// codeOf chooses the cause by the step, by the API server's own reason, and by the words.
func codeOf(f Failure, text string) string {
	switch {
	case f.Step == StepSettings:
		return fairlead.CauseInvalidSettings
	case f.Step == StepPull && !errors.Is(f.Err, context.Canceled):
		return fairlead.CauseChartDownload
	case apierrors.HasStatusCause(f.Err, corev1.NamespaceTerminatingCause):
		return fairlead.CauseNamespaceGoing
	}
	for _, one := range forms {
		if one.form.MatchString(text) {
			return one.code
		}
	}
	if broken(f.Err) {
		return fairlead.CauseUnreachable
	}
	return fairlead.CauseOther
}

// broken reports whether a connection to the API server could not be made, or ended in the middle of a request. What the server
// itself could not reach, such as a webhook, is in the words of its answer only; and a chart's way is known by its step, or its words.
func broken(err error) bool {
	_, is := errors.AsType[*url.Error](err)
	return is
}

// flat is an error in one line.
func flat(err error) string {
	if err == nil {
		return "the operation failed, and nothing says why"
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

// plain is for errors about which the cluster has nothing to add.
func (i *inquiry) plain() {
	i.found.Message = i.text
	switch i.found.Code {
	case fairlead.CauseInvalidSettings:
		i.found.DoctorID = "HLM-07"
		i.found.Cause = "The configuration settings cannot be read as Helm values: keys are dotted paths, as of helm --set."
		i.advise("Correct the setting that the message names, and update the extension.")
	case fairlead.CauseUnreachable:
		i.found.Message, i.found.DoctorID = "Kubernetes cluster unreachable: "+i.text, "CLI-06"
		i.found.Cause = "The cluster's API server did not answer the agent."
		i.advise("kubectl get --raw /readyz", "kubectl get pods -n "+fairlead.AgentNamespace)
	default:
		i.found.Cause = "Helm failed for a reason that is not known here; its own words are in the message."
		i.advise("helm status "+i.Release+" -n "+i.Namespace, "kubectl get events -n "+i.Namespace+" --field-selector type=Warning")
	}
}
