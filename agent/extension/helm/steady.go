package helm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	helmkube "helm.sh/helm/v4/pkg/kube"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/resource"
	clients "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/fairlead/fairlead/agent/extension/cause"
	"github.com/fairlead/fairlead/agent/pace"
)

const (
	podsAtOnce = 500 // read of a namespace in one call
	// How soon pods that cannot be read are asked for again.
	podsAgain = time.Second
)

// steady waits with Helm until objects are ready, and until they stay so.
func (w *waiter) steady(ctx context.Context, inner helmkube.Waiter, resources helmkube.ResourceList, timeout time.Duration) error {
	ready := func() error { return inner.Wait(resources, timeout) }
	if w.strategy == helmkube.HookOnlyStrategy {
		return ready()
	}
	look := look{of: owners(resources), pods: w.objects.pods, doubts: cause.Doubts{Now: time.Now}}
	return look.wait(ctx, ready)
}

// owners are the objects that have pods, by what their pods call them. Helm does not wait for Deployments that are paused.
func owners(resources helmkube.ResourceList) map[string]*resource.Info {
	all := map[string]*resource.Info{}
	for _, one := range resources {
		switch one.Mapping.GroupVersionKind.Kind {
		case "Deployment":
			if made, ok := helmkube.AsVersioned(one).(*appsv1.Deployment); !ok || !made.Spec.Paused {
				all[Describe(one)] = one
			}
		case "ReplicaSet": // its pods are taken for those of a Deployment
			all["Deployment/"+one.Namespace+"/"+one.Name] = one
		case "StatefulSet", "DaemonSet", "ReplicationController", "Pod":
			all[Describe(one)] = one
		}
	}
	return all
}

// look is what is looked at while objects become ready.
type look struct {
	of     map[string]*resource.Info // those that have pods
	pods   func() (clients.PodsGetter, error)
	doubts cause.Doubts
}

// wait waits until objects are ready and there is no doubt about their pods: Kubernetes' word that they are ready is not enough. After
// a doubt everything has to be ready anew.
func (l *look) wait(ctx context.Context, ready func() error) error {
	for {
		if err := ready(); err != nil || len(l.of) == 0 {
			return err
		}
		again, reason := l.reason(ctx)
		if reason == nil {
			return nil
		}
		if pace.Wait(ctx, again, nil) != nil || ctx.Err() != nil { // both may end at once
			return errors.Join(reason, ctx.Err())
		}
	}
}

// reason returns why to go on waiting, and when to look again; nil when there is no reason. Where pods must not be read there is none.
func (l *look) reason(ctx context.Context) (again time.Duration, reason error) {
	client, err := l.pods()
	if err != nil {
		return podsAgain, err
	}
	spaces := map[string]bool{}
	for _, one := range l.of {
		spaces[one.Namespace] = true
	}
	var worst *cause.Doubt
	for space := range spaces {
		doubt, err := l.namespace(ctx, client.Pods(space))
		if err != nil && !apierrors.IsForbidden(err) {
			return podsAgain, fmt.Errorf("look whether pods stay ready: %w", err)
		}
		worst = cause.Longer(worst, doubt)
	}
	if worst == nil {
		return 0, nil
	}
	return worst.After, notReady(l.of[worst.Owner], status.Result{Status: status.InProgressStatus, Message: worst.Text})
}

// namespace returns the doubt that lasts longest about pods of a namespace.
func (l *look) namespace(ctx context.Context, pods clients.PodInterface) (*cause.Doubt, error) {
	var worst *cause.Doubt
	options := metav1.ListOptions{Limit: podsAtOnce}
	for {
		some, err := pods.List(ctx, options)
		if err != nil {
			return nil, err
		}
		for n := range some.Items {
			if doubt := l.doubts.About(&some.Items[n]); doubt != nil && l.of[doubt.Owner] != nil {
				worst = cause.Longer(worst, doubt)
			}
		}
		if options.Continue = some.Continue; options.Continue == "" {
			return worst, nil
		}
	}
}
