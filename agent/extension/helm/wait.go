package helm

import (
	"context"
	"errors"
	"sync"
	"time"

	helmkube "helm.sh/helm/v4/pkg/kube"
	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/cli-runtime/pkg/resource"
)

// waiter is Helm's, and says what it begins to wait for.
type waiter struct {
	helmkube.Waiter

	objects  *objects
	strategy helmkube.WaitStrategy
}

// Wait implements kube.Waiter.
func (w *waiter) Wait(resources helmkube.ResourceList, timeout time.Duration) error {
	w.objects.progress(StepWait, names(resources))
	return w.Waiter.Wait(resources, timeout)
}

// WaitForDelete implements kube.Waiter.
func (w *waiter) WaitForDelete(resources helmkube.ResourceList, timeout time.Duration) error {
	w.objects.progress(StepDelete, names(resources))
	return w.Waiter.WaitForDelete(resources, timeout)
}

// WatchUntilReady implements kube.Waiter.
func (w *waiter) WatchUntilReady(resources helmkube.ResourceList, timeout time.Duration) error {
	w.objects.progress(StepHooks, names(resources))
	return w.Waiter.WatchUntilReady(resources, timeout)
}

// WaitWithJobs implements kube.Waiter. Each Job is waited for by itself: one that gives up ends all waiting, because the
// operation has failed, and one that is removed when it is done (ttlSecondsAfterFinished) is not missed while others run.
func (w *waiter) WaitWithJobs(resources helmkube.ResourceList, timeout time.Duration) error {
	w.objects.progress(StepWait, names(resources))
	ctx, giveUp := context.WithCancel(w.objects.waiting)
	defer giveUp()
	inner, err := w.objects.Client.GetWaiterWithOptions(w.strategy, helmkube.WithWaitContext(ctx))
	if err != nil {
		return err
	}
	jobs := resources.Filter(isJob)
	errs := make([]error, len(jobs)+1)
	var group sync.WaitGroup
	for i, job := range jobs {
		group.Go(func() {
			if errs[i] = inner.WaitWithJobs(helmkube.ResourceList{job}, timeout); errs[i] != nil {
				giveUp()
			}
		})
	}
	if others := resources.Filter(isNoJob); len(others) > 0 {
		errs[len(jobs)] = inner.Wait(others, timeout)
	}
	group.Wait()
	return errors.Join(errs...)
}

func isJob(one *resource.Info) bool {
	kind := one.Mapping.GroupVersionKind
	return kind.Group == batchv1.GroupName && kind.Kind == "Job"
}

func isNoJob(one *resource.Info) bool { return !isJob(one) }

func names(resources helmkube.ResourceList) []string {
	all := make([]string, 0, len(resources))
	for _, one := range resources {
		all = append(all, Describe(one))
	}
	return all
}
