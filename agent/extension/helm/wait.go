package helm

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	helmkube "helm.sh/helm/v4/pkg/kube"
	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"
)

// jobKind is what Jobs are, of any version.
var jobKind = schema.GroupKind{Group: batchv1.GroupName, Kind: "Job"} //nolint:gochecknoglobals // a constant

// waiter is Helm's, says what it begins to wait for, and remembers how Jobs have ended.
type waiter struct {
	helmkube.Waiter

	objects  *objects
	strategy helmkube.WaitStrategy
	options  []helmkube.WaitOption
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
	inner, seen, err := w.remembering(w.options...)
	if err != nil {
		return err
	}
	return seen.judge(resources, inner.WatchUntilReady(resources, timeout))
}

// WaitWithJobs implements kube.Waiter. Each Job is waited for by itself: one that gives up ends all waiting, because the
// operation has failed, and one that is removed when it is done (ttlSecondsAfterFinished) is not missed while others run. What else
// there is counts when it stays ready.
func (w *waiter) WaitWithJobs(resources helmkube.ResourceList, timeout time.Duration) error {
	w.objects.progress(StepWait, names(resources))
	ctx, giveUp := context.WithTimeout(w.objects.waiting, cmp.Or(timeout, helmkube.DefaultStatusWatcherTimeout))
	defer giveUp()
	inner, seen, err := w.remembering(helmkube.WithWaitContext(ctx))
	if err != nil {
		return err
	}
	jobs := resources.Filter(isJob)
	errs := make([]error, len(jobs)+1)
	var group sync.WaitGroup
	for i, job := range jobs {
		group.Go(func() {
			alone := helmkube.ResourceList{job}
			if errs[i] = seen.judge(alone, inner.WaitWithJobs(alone, timeout)); errs[i] != nil {
				giveUp()
			}
		})
	}
	if others := resources.Filter(isNoJob); len(others) > 0 {
		errs[len(jobs)] = w.steady(ctx, inner, others, timeout)
	}
	group.Wait()
	return errors.Join(errs...)
}

// remembering returns Helm's waiter, and how the Jobs that it looks at have ended.
func (w *waiter) remembering(options ...helmkube.WaitOption) (helmkube.Waiter, *outcomes, error) {
	seen := &outcomes{}
	options = append(slices.Clip(options), helmkube.WithKStatusReaders(seen.reader(w.objects.mapper)))
	inner, err := w.objects.Client.GetWaiterWithOptions(w.strategy, options...)
	return inner, seen, err
}

func isJob(one *resource.Info) bool {
	return one.Mapping.GroupVersionKind.GroupKind() == jobKind
}

func isNoJob(one *resource.Info) bool { return !isJob(one) }

func names(resources helmkube.ResourceList) []string {
	all := make([]string, 0, len(resources))
	for _, one := range resources {
		all = append(all, Describe(one))
	}
	return all
}
