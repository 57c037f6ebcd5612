package extension

import (
	"context"
	"errors"
	"fmt"
	"strings"

	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension/cause"
	"github.com/fairlead/fairlead/agent/extension/helm"
)

// fault is an error of which more is known than its words: where it arose, or all that there is to say.
type fault struct {
	step   cause.Step
	known  *fairlead.ExtensionError
	reason error
}

// Error implements error.
func (f *fault) Error() string {
	if f.known != nil {
		return f.known.Message
	}
	return f.reason.Error()
}

// Unwrap leads to what was behind it.
func (f *fault) Unwrap() error { return f.reason }

// amend returns an error of the same cause that says more.
func (f *fault) amend(more string) error {
	said := *f.known
	said.Message += more
	return &fault{known: &said, reason: f.reason}
}

// found returns why an operation has failed. No text of it holds a protected setting.
func (o *operation) found(ctx context.Context, reason error) *fault {
	failure := cause.Failure{
		Err: reason, Release: o.object.Spec.ReleaseName, Namespace: o.object.Spec.ReleaseNamespace,
		Chart: o.object.Spec.Chart, Version: o.object.Spec.Version, Type: o.object.Spec.ExtensionType, Secrets: o.secrets, Witness: o.witness,
	}
	if known, ok := errors.AsType[*fault](reason); ok {
		if known.known != nil {
			said := cause.Tidy(*known.known, o.secrets)
			return &fault{known: &said, reason: known.reason}
		}
		failure.Step, failure.Err = known.step, known.reason
	}
	if o.state.Operation != nil {
		failure.Since = o.state.Operation.StartedAt
	}
	if o.worked && failure.Step == "" {
		failure.Step, failure.Manifest = cause.StepApply, o.manifest(ctx)
	}
	said := o.explainer.Explain(ctx, failure)
	return &fault{known: &said, reason: reason}
}

// manifest is what the operation's own revision consists of, hooks included.
func (o *operation) manifest(ctx context.Context) string {
	var text string
	_ = o.record(ctx, func(release *helm.Release) error { // without it, the error's words have to do
		history, err := release.History()
		if err == nil && len(history) > 0 && o.ours(history[len(history)-1]) {
			text = manifestOf(history[len(history)-1])
		}
		return err
	})
	return text
}

func manifestOf(revision *releasev1.Release) string {
	var text strings.Builder
	text.WriteString(revision.Manifest)
	for _, hook := range revision.Hooks {
		text.WriteString("\n---\n" + hook.Manifest)
	}
	return text.String()
}

// newExplainer returns who finds out causes, on a way of its own: an operation that has failed may have none any more.
func newExplainer(api *rest.Config, m *Manager) (*cause.Explainer, error) {
	client, err := kubernetes.NewForConfig(api)
	if err != nil {
		return nil, fmt.Errorf("prepare the client of the API server: %w", err)
	}
	names, err := metadata.NewForConfig(api)
	if err != nil {
		return nil, fmt.Errorf("prepare the client of the API server: %w", err)
	}
	return &cause.Explainer{Kube: client, Metadata: names, Mapper: m.cluster.Mapper(), Now: m.Now}, nil
}

// phaseText is what a person reads of a phase.
func phaseText(phase string) string {
	switch phase {
	case phaseRead:
		return "reading the settings"
	case phaseFetch:
		return "fetching the chart"
	case phaseNamespace:
		return "preparing the namespace"
	case phaseSettle:
		return "looking at the Helm release that is there"
	case helm.StepHooks:
		return "waiting for the chart's hooks"
	case helm.StepApply:
		return "applying the chart's objects"
	case helm.StepWait:
		return "waiting for the objects to become ready"
	case helm.StepDelete:
		return "waiting for the objects to be gone"
	case kindRollback:
		return "putting the release back to its last good revision"
	default:
		return phase
	}
}
