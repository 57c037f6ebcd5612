package helm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	helmkube "helm.sh/helm/v4/pkg/kube"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clients "k8s.io/client-go/kubernetes/typed/core/v1"
)

// The steps that progress is told of.
const (
	StepHooks  = "hooks"
	StepApply  = "apply"
	StepWait   = "wait"
	StepDelete = "delete"
)

// Progress is told the step that begins, and the objects that are waited for in it, as KIND/NAMESPACE/NAME. It may be called from
// any goroutine.
type Progress func(step string, objects []string)

// NoProgress is for work that takes no time.
func NoProgress(string, []string) {}

// objects is Helm's client of the API server. It says what begins, keeps errors that Helm only logs, and leaves validation to
// the server, which refuses unknown fields of what is applied: Helm's own would fetch and hold the schemas of all kinds.
type objects struct {
	*helmkube.Client

	mapper   meta.RESTMapper
	progress Progress
	waiting  context.Context //nolint:containedctx // ends waiting; a Release lives for one operation

	mu      sync.Mutex
	refused []error
}

// Build implements kube.Interface.
func (o *objects) Build(reader io.Reader, _ bool) (helmkube.ResourceList, error) {
	return o.Client.Build(reader, false)
}

// Create implements kube.Interface.
func (o *objects) Create(resources helmkube.ResourceList, options ...helmkube.ClientCreateOption) (*helmkube.Result, error) {
	o.progress(StepApply, nil)
	return o.Client.Create(resources, options...)
}

// Update implements kube.Interface.
func (o *objects) Update(original, target helmkube.ResourceList, options ...helmkube.ClientUpdateOption) (*helmkube.Result, error) {
	o.progress(StepApply, nil)
	return o.Client.Update(original, target, options...)
}

// Delete implements kube.Interface. Helm says only that something could not be deleted.
func (o *objects) Delete(resources helmkube.ResourceList, policy metav1.DeletionPropagation) (*helmkube.Result, []error) {
	result, errs := o.Client.Delete(resources, policy)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refused = append(o.refused, errs...)
	return result, errs
}

func (o *objects) refusals() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return errors.Join(o.refused...)
}

// pods is the way to read pods, which ends with the operation.
func (o *objects) pods() (clients.PodsGetter, error) {
	set, err := o.Factory.KubernetesClientSet()
	if err != nil {
		return nil, fmt.Errorf("prepare to read pods: %w", err)
	}
	return set.CoreV1(), nil
}

// GetWaiterWithOptions implements kube.InterfaceWaitOptions.
func (o *objects) GetWaiterWithOptions(strategy helmkube.WaitStrategy, options ...helmkube.WaitOption) (helmkube.Waiter, error) {
	inner, err := o.Client.GetWaiterWithOptions(strategy, options...)
	if err != nil {
		return nil, err
	}
	return &waiter{Waiter: inner, objects: o, strategy: strategy, options: options}, nil
}
