package extension

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension/cause"
	"github.com/fairlead/fairlead/agent/extensionconfig"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/pace"
)

// The kinds of operation, and the phases that the journal knows beside Helm's steps.
const (
	kindInstall   = "install"
	kindUpgrade   = "upgrade"
	kindRollback  = "rollback"
	kindUninstall = "uninstall"

	phaseRead      = "settings"
	phaseFetch     = "fetch"
	phaseNamespace = "namespace"
	phaseSettle    = "settle"
)

const (
	// An operation that is interrupted so often is given up: it may be what ends the process.
	maxAttempts = 8
	// What a step may take beside the waiting that somebody has allowed.
	margin = 2 * time.Minute
)

// operation is one thing that is done to an extension. Its state is always the one that was written last.
type operation struct {
	*Manager

	object  *extensionconfig.Object
	state   fairlead.ExtensionState
	before  *fairlead.ExtensionOperation // what the journal said when this one began
	waiting context.Context              //nolint:containedctx // ends when a newer wish comes, which an operation may live through
	secrets []string                     // values that no text may hold
	witness *cause.Witness               // of the pods that failed while Helm worked
	worked  bool                         // Helm was let at the release
}

func (o *operation) timeout() time.Duration {
	if seconds := o.object.Spec.TimeoutSeconds; seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	return fairlead.DefaultExtensionTimeout
}

// until returns a context that ends after a while, or when a newer wish comes.
func (o *operation) until(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, d)
	stop := context.AfterFunc(o.waiting, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// superseded returns why the operation is not to go on, if so.
func (o *operation) superseded() error {
	if o.waiting.Err() == nil {
		return nil
	}
	return context.Cause(o.waiting)
}

// begin writes into the journal that an operation begins, or goes on after its process was ended. Of the latter it says no after
// maxAttempts.
func (o *operation) begin(ctx context.Context, kind, doing string) error {
	o.before, o.worked = o.state.Operation, false
	now := o.Now().UTC().Truncate(time.Second)
	next := &fairlead.ExtensionOperation{ID: uuid.NewString(), Kind: kind, Phase: phaseRead, Holder: o.Process, Attempt: 1, StartedAt: now}
	if o.interrupted() && (o.before.Kind == kindUninstall) == (kind == kindUninstall) {
		next.ID, next.StartedAt, next.Attempt = o.before.ID, o.before.StartedAt, o.before.Attempt+1
	}
	next.Deadline = now.Add(o.timeout() + margin)
	o.state.Operation = next
	if kind != kindRollback {
		o.state.ErrorInfo = nil
	}
	o.state.ObservedGeneration, o.state.ProvisioningState = o.object.Spec.Generation, doing
	if next.Attempt > maxAttempts {
		return fmt.Errorf("the process that worked on it was ended %d times, last in phase %s", next.Attempt-1, cmp.Or(o.before.Phase, "unknown"))
	}
	return o.note(ctx, next.Phase)
}

// interrupted reports whether the journal says that this generation was being worked on by a process that is no more.
func (o *operation) interrupted() bool {
	return o.before != nil && o.state.ObservedGeneration == o.object.Spec.Generation
}

// note writes the phase that begins.
func (o *operation) note(ctx context.Context, phase string) error {
	return o.say(ctx, phase, phaseText(phase))
}

// say writes what a person is to know of a phase.
func (o *operation) say(ctx context.Context, phase, text string) error {
	o.state.Operation.Phase = phase
	o.state.Statuses = []fairlead.ExtensionStatus{o.line("Information", phase, o.state.ProvisioningState, text)}
	return o.write(ctx)
}

func (o *operation) line(level, code, display, message string) fairlead.ExtensionStatus {
	return fairlead.ExtensionStatus{Level: level, Code: code, DisplayStatus: display, Message: message, Time: o.Now().UTC().Truncate(time.Second)}
}

// end writes that the operation is over.
func (o *operation) end(ctx context.Context, message string) error {
	o.state.Operation, o.state.ErrorInfo, o.state.ProvisioningState, o.state.Drift = nil, nil, fairlead.ExtensionSucceeded, nil
	o.state.Statuses = []fairlead.ExtensionStatus{o.line("Information", "Ready", fairlead.ExtensionSucceeded, message)}
	return o.write(ctx)
}

// fail writes that the operation is over and has failed.
func (o *operation) fail(ctx context.Context, reason error) error {
	found := *o.found(ctx, reason).known
	o.state.Operation, o.state.ErrorInfo, o.state.ProvisioningState = nil, &found, fairlead.ExtensionFailed
	o.state.Statuses = []fairlead.ExtensionStatus{o.line("Error", found.Code, fairlead.ExtensionFailed, found.Message)}
	o.Log.WarnContext(ctx, "an operation of an extension has failed", slog.String("extension", o.object.Name),
		slog.String("code", found.Code), slog.String("error", found.Message))
	return o.write(ctx)
}

// customResource is the object for a server-side apply of its status.
type customResource struct {
	metav1.TypeMeta
	Metadata metav1.ObjectMeta `json:"metadata"`

	Status fairlead.ExtensionState `json:"status"`
}

// write writes the state until it is written: what comes next relies on it. Only the end of the operation's context ends it.
func (o *operation) write(ctx context.Context) error {
	o.state.Time = o.Now().UTC()
	where, backoff := kube.ExtensionConfigs(o.Namespace), pace.Backoff{Min: 100 * time.Millisecond, Max: 5 * time.Second}
	object := customResource{
		TypeMeta: where.TypeMeta(fairlead.ExtensionConfigKind), Status: o.state,
		// With the UID, no status is given to another object of the same name.
		Metadata: metav1.ObjectMeta{Name: o.object.Name, Namespace: o.Namespace, UID: o.object.UID},
	}
	for {
		_, err := o.Kube.Apply(ctx, where, o.object.Name, manager, object, "status")
		if err == nil {
			return nil
		}
		if stop := context.Cause(ctx); stop != nil {
			return fmt.Errorf("%w; the journal was not written: %w", stop, err)
		}
		if backoff.Failures%10 == 0 {
			o.Log.WarnContext(ctx, "cannot write the journal of an extension", slog.String("extension", o.object.Name), slog.String("error", err.Error()))
		}
		if pace.Wait(ctx, backoff.Next(), nil) != nil {
			return context.Cause(ctx)
		}
	}
}
