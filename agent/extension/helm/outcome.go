package helm

import (
	"fmt"
	"sync"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/engine"
	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/statusreaders"
	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	helmkube "helm.sh/helm/v4/pkg/kube"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/resource"
)

// outcomes are how Jobs have ended. Helm goes by what it saw last, and of a Job that is removed as soon as it is done
// (ttlSecondsAfterFinished) that is often enough that it is not there.
type outcomes struct {
	mu   sync.Mutex
	seen map[types.NamespacedName]status.Result
}

// jobReader tells Helm the status of Jobs and keeps how they ended.
type jobReader struct{ engine.StatusReader }

// Supports implements engine.StatusReader.
func (jobReader) Supports(kind schema.GroupKind) bool { return kind == jobKind }

// reader returns what Helm asks for the status of Jobs.
func (o *outcomes) reader(mapper meta.RESTMapper) engine.StatusReader {
	return jobReader{statusreaders.NewGenericStatusReader(mapper, o.read)}
}

func (o *outcomes) read(object *unstructured.Unstructured) (*status.Result, error) {
	var job batchv1.Job
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &job); err != nil {
		return nil, fmt.Errorf("read a Job: %w", err)
	}
	result := outcome(&job)
	if result.Status != status.InProgressStatus {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.seen == nil {
			o.seen = map[types.NamespacedName]status.Result{}
		}
		o.seen[types.NamespacedName{Namespace: job.Namespace, Name: job.Name}] = result
	}
	return &result, nil
}

func outcome(job *batchv1.Job) status.Result {
	for _, c := range job.Status.Conditions {
		switch {
		case c.Status != corev1.ConditionTrue:
		case c.Type == batchv1.JobComplete:
			return status.Result{Status: status.CurrentStatus, Message: "Job completed"}
		case c.Type == batchv1.JobFailed:
			return status.Result{Status: status.FailedStatus, Message: fmt.Sprintf("Job failed. %s: %s", c.Reason, c.Message)}
		}
	}
	return status.Result{Status: status.InProgressStatus, Message: "Job in progress"}
}

// judge returns the error of waiting for objects, as it would be had all Jobs stayed as they were when they ended.
func (o *outcomes) judge(objects helmkube.ResourceList, err error) error {
	if err == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, one := range objects {
		result, ended := o.seen[types.NamespacedName{Namespace: one.Namespace, Name: one.Name}]
		if !ended || !isJob(one) {
			return err
		}
		if result.Status == status.FailedStatus {
			return notReady(one, result)
		}
	}
	return nil
}

// notReady is the error in Helm's words, which are what causes are found by.
func notReady(one *resource.Info, result status.Result) error {
	return fmt.Errorf("resource %s/%s/%s not ready. status: %s, message: %s",
		one.Mapping.GroupVersionKind.Kind, one.Namespace, one.Name, result.Status, result.Message)
}
