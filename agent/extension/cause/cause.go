// Package cause finds out why a Helm operation of an extension failed. It reads Helm's error, and then the cluster: the objects
// that did not become ready, their pods and what the scheduler, the kubelet and the API server said of them. What it returns
// names the object at fault, says why in plain words, shows what was read where, and what to type. It changes nothing.
package cause

import (
	"cmp"
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"

	"github.com/fairlead/fairlead"
)

// patience bounds all reading for one explanation: an operation that failed has to say so soon.
const patience = 20 * time.Second

// Step is where in an operation something failed. Whoever knows it spares the guess by the error's words.
type Step string

// The steps. The zero Step is one that nobody knows.
const (
	StepSettings Step = "settings" // settings are read as values
	StepPull     Step = "pull"     // the chart is fetched
	StepApply    Step = "apply"    // Helm is at work
)

// Failure is what is known of an operation that failed.
type Failure struct {
	Err error
	// Code is the cause where that is known already; then only the rest is looked for.
	Code      string
	Step      Step
	Release   string
	Namespace string // of the release
	// Manifest is what the chart rendered, hooks included. When it is empty, the objects are those that the error names.
	Manifest string
	// Since is when the operation began. What happened earlier is not its fault.
	Since   time.Time
	Chart   fairlead.ExtensionChart
	Version string
	// Type is the extension type, which says where the chart is.
	Type string
	// Secrets are the values of the protected settings. No text that Explain returns holds one of them.
	Secrets []string
	// Witness saw what happened during the operation; nil when nobody watched.
	Witness *Witness
}

// Explainer reads the cluster that Helm failed in.
type Explainer struct {
	Kube     kubernetes.Interface
	Metadata metadata.Interface
	Mapper   meta.RESTMapper
	Now      func() time.Time
}

// Explain says why the operation failed. It always has an answer: what cannot be read is said in the evidence. The context
// is not the operation's, which may be over.
func (e *Explainer) Explain(ctx context.Context, f Failure) fairlead.ExtensionError {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	i := &inquiry{Explainer: e, Failure: f, text: flat(f.Err)}
	i.found = fairlead.ExtensionError{Code: cmp.Or(f.Code, codeOf(f, i.text))}
	i.inquire(ctx)
	return tidy(i.found, f.Secrets)
}

// inquiry is the search for one cause.
type inquiry struct {
	*Explainer
	Failure

	text  string // the error in one line
	found fairlead.ExtensionError
	world *world // nil until it was read
}

func (i *inquiry) inquire(ctx context.Context) {
	switch i.found.Code {
	case fairlead.CauseReadinessTimeout, fairlead.CauseBackoffLimit:
		i.unready(ctx)
	case fairlead.CauseChartDownload:
		i.download()
	case fairlead.CauseRendering:
		i.render()
	case fairlead.CauseOperationRunning, fairlead.CauseReleaseNameInUse:
		i.record(ctx)
	case fairlead.CauseResourceExists:
		i.exists(ctx)
	case fairlead.CauseNamespaceGoing:
		i.going(ctx)
	case fairlead.CauseRejected:
		i.rejected()
	default:
		i.plain()
	}
}

func (i *inquiry) say(object, text string) {
	if object != "" {
		text = object + ": " + text
	}
	i.found.Evidence = append(i.found.Evidence, text)
}

func (i *inquiry) advise(remedies ...string) {
	i.found.Remedies = append(i.found.Remedies, remedies...)
}
