package extension

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/release/common"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension/helm"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/pace"
)

// remove uninstalls what an extension has installed and lets its object go.
func (o *operation) remove(ctx context.Context) error {
	if err := o.insist(ctx, kindUninstall, fairlead.ExtensionDeleting, o.uninstall); err != nil {
		return o.give(ctx, err)
	}
	return o.letGo(ctx)
}

func (o *operation) uninstall(ctx context.Context) error {
	if err := o.note(ctx, phaseSettle); err != nil {
		return err
	}
	history, err := o.quiet(ctx)
	if err != nil || len(history) == 0 {
		return err
	}
	last := history[len(history)-1]
	if !o.mine(last) {
		return nil // it was there before, and was never ours
	}
	if last.Info.Status == common.StatusFailed && helm.Good(history) != nil {
		if history, err = o.back(ctx, history); err != nil {
			return err
		}
		last = history[len(history)-1]
	}
	if last.Info.Status != common.StatusUninstalled {
		err = o.helm(ctx, func(release *helm.Release) error { return release.Uninstall(helm.Thorough, o.timeout()) })
	}
	if left := o.left(ctx, last); left != nil {
		return left
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) { // what was waited for may have gone at the last moment
		return err
	}
	return o.record(ctx, (*helm.Release).Purge)
}

// errLeft is behind the error that names what is left.
var errLeft = errors.New("objects are left")

// kindAndName makes of KIND/NAMESPACE/NAME what kubectl takes.
func kindAndName(object string) string {
	parts := strings.Split(object, "/")
	if len(parts) == 3 {
		return parts[0] + " " + parts[2] + " -n " + parts[1]
	}
	return strings.Join(parts, " ")
}

// left returns an error that names what is going and not gone, if there is something.
func (o *operation) left(ctx context.Context, last *releasev1.Release) error {
	var left []string
	err := o.record(ctx, func(release *helm.Release) (err error) {
		left, err = release.Left(last)
		return err
	})
	if err != nil || len(left) == 0 {
		return err
	}
	const shown = 10
	more := ""
	if len(left) > shown {
		more = fmt.Sprintf(", and %d more", len(left)-shown)
	}
	target, _, _ := strings.Cut(left[0], ",")
	return &fault{reason: errLeft, known: &fairlead.ExtensionError{
		Code: fairlead.CauseOther, Target: target, Evidence: left[:min(len(left), shown)],
		Message:  fmt.Sprintf("uninstalled, and still there after %s: %s%s", o.timeout(), strings.Join(left[:min(len(left), shown)], "; "), more),
		Cause:    "Finalizers keep objects until whoever set them has done his part. He is gone, or waits for something else.",
		Remedies: []string{"Let whoever set the finalizer do his part; the deletion is tried again every " + againAfter.String() + " or so.", "kubectl get " + kindAndName(target) + " -o yaml"},
	}}
}

// letGo takes the finalizer off, with which the object goes.
func (o *operation) letGo(ctx context.Context) error {
	backoff := pace.Backoff{Min: 100 * time.Millisecond, Max: 5 * time.Second}
	for {
		err := o.tryLetGo(ctx)
		if err == nil || pace.Wait(ctx, backoff.Next(), nil) != nil {
			return err
		}
	}
}

func (o *operation) tryLetGo(ctx context.Context) error {
	others := slices.DeleteFunc(slices.Clone(o.object.Finalizers), func(name string) bool { return name == fairlead.ExtensionFinalizer })
	err := o.Kube.Merge(ctx, kube.ExtensionConfigs(o.Namespace), o.object.Name, manager, map[string]any{"metadata": map[string]any{"finalizers": others}})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
