package extension

import (
	"context"
	"errors"
	"fmt"
	"time"

	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension/cause"
	"github.com/fairlead/fairlead/agent/extension/charts"
	"github.com/fairlead/fairlead/agent/extension/values"
	"github.com/fairlead/fairlead/agent/extensionconfig"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/pace"
	"github.com/fairlead/fairlead/agent/protected"
)

// Fetching is tried so often, and takes so long at most; a registry that restarts is back by then.
const (
	fetchAttempts = 4
	fetchFor      = 3 * time.Minute
	// How long the Secret with the protected settings may be behind the spec that names it.
	settingsFor = 20 * time.Second
)

// goal is what an extension's release is to be.
type goal struct {
	chart  *chartv2.Chart
	values map[string]any
	labels map[string]string
}

// reconcile makes the release what the spec says.
func (o *operation) reconcile(ctx context.Context) error {
	kind, doing := kindUpgrade, fairlead.ExtensionUpdating
	if o.state.CurrentVersion == "" {
		kind, doing = kindInstall, fairlead.ExtensionCreating
	}
	if err := o.hold(ctx); err != nil {
		return err
	}
	if failed := o.state.ErrorInfo; failed != nil && o.halfRolledBack() {
		return o.give(ctx, o.resume(ctx, &fault{known: failed, reason: errInterrupted}))
	}
	return o.give(ctx, o.insist(ctx, kind, doing, o.pursue))
}

// insist does an operation, again and again as long as what keeps it from its end is that the API server is away.
func (o *operation) insist(ctx context.Context, kind, doing string, do func(context.Context) error) error {
	for {
		if err := o.begin(ctx, kind, doing); err != nil {
			return err
		}
		err := do(ctx)
		if err == nil || ctx.Err() != nil || o.superseded() != nil {
			return err
		}
		reason := o.found(ctx, err)
		if reason.known.Code != fairlead.CauseUnreachable || o.await(ctx) != nil {
			return reason
		}
	}
}

// awayFor is how long an API server may be away before an operation fails for it.
const awayFor = 10 * time.Minute

// await waits for the API server.
func (o *operation) await(ctx context.Context) error {
	ctx, cancel := o.until(ctx, awayFor)
	defer cancel()
	backoff := pace.Backoff{Min: 200 * time.Millisecond, Max: 5 * time.Second}
	for {
		if _, err := o.Kube.Version(ctx); err == nil {
			return nil
		}
		if err := pace.Wait(ctx, backoff.Next(), nil); err != nil {
			return err
		}
	}
}

// errInterrupted is behind the error of an upgrade that has failed in a process that is no more.
var errInterrupted = errors.New("the process ended while the last good revision was being put back")

// halfRolledBack reports whether the process ended after the upgrade to this generation had failed, and before the last good
// revision was back.
func (o *operation) halfRolledBack() bool {
	before := o.state.Operation
	return before != nil && before.Kind == kindRollback && o.state.ObservedGeneration == o.object.Spec.Generation
}

// resume puts the last good revision back; the upgrade is not done again, since it has failed.
func (o *operation) resume(ctx context.Context, reason *fault) error {
	if err := o.begin(ctx, kindRollback, fairlead.ExtensionUpdating); err != nil {
		return err
	}
	history, err := o.quiet(ctx)
	if err != nil {
		return err
	}
	return o.restore(ctx, history, reason)
}

// give ends the operation with what came of it, unless a newer wish or the end of the process has ended it before.
func (o *operation) give(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case o.superseded() != nil:
		return o.superseded()
	}
	return o.fail(ctx, err)
}

// hold makes sure that the extension cannot go without being uninstalled; one that a person made may lack the finalizer.
func (o *operation) hold(ctx context.Context) error {
	if o.object.Held() {
		return nil
	}
	return o.Kube.Merge(ctx, kube.ExtensionConfigs(o.Namespace), o.object.Name, manager, map[string]any{"metadata": map[string]any{
		"resourceVersion": o.object.ResourceVersion, "finalizers": append(o.object.Finalizers, fairlead.ExtensionFinalizer),
	}})
}

func (o *operation) pursue(ctx context.Context) error {
	wanted, err := o.goal(ctx)
	if err != nil {
		return err
	}
	if err := o.prepareNamespace(ctx); err != nil {
		return err
	}
	history, err := o.settle(ctx, wanted)
	if err != nil {
		return err
	}
	if len(history) == 0 {
		return o.install(ctx, wanted)
	}
	return o.upgrade(ctx, wanted, history)
}

// goal reads the settings and fetches the chart.
func (o *operation) goal(ctx context.Context) (*goal, error) {
	protected, err := o.protected(ctx)
	if err != nil {
		return nil, &fault{step: cause.StepSettings, reason: err}
	}
	for _, value := range protected {
		o.secrets = append(o.secrets, value)
	}
	made, err := values.Of(o.object.Spec.Settings, protected)
	if err != nil {
		return nil, &fault{step: cause.StepSettings, reason: err}
	}
	chart, err := o.fetch(ctx)
	if err != nil {
		return nil, err
	}
	return &goal{chart: chart, values: made, labels: o.marks()}, nil
}

// protected reads the protected settings, and waits for them a little: they are written before the spec is.
func (o *operation) protected(ctx context.Context) (map[string]string, error) {
	named := o.object.Spec.ProtectedSettings
	if named == nil {
		return nil, nil
	}
	ctx, cancel := o.until(ctx, settingsFor)
	defer cancel()
	var reason error
	for {
		settings, err := o.read(ctx, named)
		if err == nil {
			return settings, nil
		}
		reason = stillThat(ctx, reason, err)
		if pace.Wait(ctx, time.Second, nil) != nil {
			return nil, reason
		}
	}
}

func (o *operation) read(ctx context.Context, named *fairlead.ProtectedSettings) (map[string]string, error) {
	name := extensionconfig.SecretName(o.object.Name)
	if named.SecretName != name {
		return nil, fairlead.Errorf(fairlead.Invalid, "the protected settings of an extension are in Secret %s, not in %.100q", name, named.SecretName)
	}
	var secret corev1.Secret
	if err := o.Kube.Get(ctx, kube.Secrets(o.Namespace), name, &secret); err != nil {
		return nil, fmt.Errorf("read the protected settings: %w", err)
	}
	if secret.Annotations[protected.Hash] != named.Hash {
		return nil, fairlead.Errorf(fairlead.Unavailable, "Secret %s holds the protected settings of another generation", name)
	}
	return protected.Settings(&secret)
}

func (o *operation) fetch(ctx context.Context) (*chartv2.Chart, error) {
	if err := o.note(ctx, phaseFetch); err != nil {
		return nil, err
	}
	ctx, cancel := o.until(ctx, fetchFor)
	defer cancel()
	backoff := pace.Backoff{Min: time.Second, Max: 30 * time.Second}
	var reason error
	for {
		chart, err := o.fetchOnce(ctx)
		if err == nil {
			return chart, nil
		}
		reason = stillThat(ctx, reason, err)
		kind := fairlead.KindOf(err)
		hopeless := kind == fairlead.Invalid || kind == fairlead.NotFound || kind == fairlead.Forbidden || backoff.Failures+1 >= fetchAttempts
		if hopeless || pace.Wait(ctx, backoff.Next(), nil) != nil {
			return nil, &fault{step: cause.StepPull, reason: reason}
		}
	}
}

// fetchOnce reads the credentials each time: they may have been replaced since. Whether there are any is the hub's business.
func (o *operation) fetchOnce(ctx context.Context) (*chartv2.Chart, error) {
	var secret corev1.Secret
	err := o.Kube.Get(ctx, kube.Secrets(o.Namespace), fairlead.ExtensionRegistryPrefix+o.object.Name, &secret)
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("read the credentials for the chart's registry: %w", err)
	}
	given := charts.Credentials{
		Host: string(secret.Data[fairlead.RegistryHost]), Username: string(secret.Data[fairlead.RegistryUsername]),
		Password: string(secret.Data[fairlead.RegistryPassword]),
	}
	o.secrets = append(o.secrets, given.Secrets()...)
	return o.Charts.Fetch(ctx, o.object.Spec.Chart, o.object.Spec.Version, given)
}

// prepareNamespace makes the release's namespace, after one of the same name that is going has gone.
func (o *operation) prepareNamespace(ctx context.Context) error {
	if err := o.note(ctx, phaseNamespace); err != nil {
		return err
	}
	ctx, cancel := o.until(ctx, o.timeout())
	defer cancel()
	var reason error
	for {
		err := o.ensureNamespace(ctx)
		if err == nil {
			return nil
		}
		reason = stillThat(ctx, reason, err)
		if pace.Wait(ctx, time.Second, nil) != nil {
			return reason
		}
	}
}

// stillThat returns why something is waited for. What ends with the waiting itself, in the middle of a call, is no reason of its own.
func stillThat(ctx context.Context, before, now error) error {
	if before != nil && ctx.Err() != nil {
		return before
	}
	return now
}

func (o *operation) ensureNamespace(ctx context.Context) error {
	name := o.object.Spec.ReleaseNamespace
	var found corev1.Namespace
	err := o.Kube.Get(ctx, kube.Namespaces(), name, &found)
	switch {
	case apierrors.IsNotFound(err):
		made := map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}
		_, err := o.Kube.Apply(ctx, kube.Namespaces(), name, manager, made)
		return err
	case err != nil:
		return err
	case found.DeletionTimestamp != nil:
		return fmt.Errorf("nothing can be made in namespace %s because it is being terminated, and was not gone after %s", name, o.timeout())
	}
	return nil
}
