package cause_test

import (
	"errors"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	metadatafake "k8s.io/client-go/metadata/fake"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension/cause"
)

func now() time.Time { return time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC) }

func ago(d time.Duration) metav1.Time { return metav1.NewTime(now().Add(-d)) }

// explainer is one of a cluster that holds these objects; of metadata alone are PartialObjectMetadata.
func explainer(t *testing.T, objects ...runtime.Object) *cause.Explainer {
	t.Helper()
	scheme := metadatafake.NewTestScheme()
	if err := metav1.AddMetaToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	var whole, outsides []runtime.Object
	for _, object := range objects {
		if _, ok := object.(*metav1.PartialObjectMetadata); ok {
			outsides = append(outsides, object)
		} else {
			whole = append(whole, object)
		}
	}
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{corev1.SchemeGroupVersion})
	mapper.Add(corev1.SchemeGroupVersion.WithKind("ConfigMap"), meta.RESTScopeNamespace)
	return &cause.Explainer{Kube: fake.NewClientset(whole...), Metadata: metadatafake.NewSimpleMetadataClient(scheme, outsides...), Mapper: mapper, Now: now}
}

// failure is one of release web in namespace shop.
func failure(text string) cause.Failure {
	return cause.Failure{
		Err: errors.New(text), Release: "web", Namespace: "shop", Since: now().Add(-5 * time.Minute), Version: "1.0.0",
		Chart: fairlead.ExtensionChart{Repository: "oci://charts.example.test/team/web"}, Manifest: manifest,
	}
}

const manifest = `---
# Source: web/templates/all.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
---
apiVersion: batch/v1
kind: Job
metadata: {name: pre, annotations: {helm.sh/hook: pre-install}}
`

const waited = "resource Deployment/shop/web not ready. status: InProgress, message: Available: 0/1\ncontext deadline exceeded"

func node(taints ...corev1.Taint) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "n1", Labels: map[string]string{corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64"}},
		Spec:       corev1.NodeSpec{Taints: taints},
		Status: corev1.NodeStatus{Allocatable: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse("2"), corev1.ResourceMemory: resource.MustParse("8Gi"),
		}},
	}
}

// web is the Deployment, its replica set and its pod, as change made the pod.
func web(change func(*corev1.Pod)) []runtime.Object {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "web-7d4-x1", CreationTimestamp: ago(4 * time.Minute),
		OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "web-7d4", Controller: new(true)}},
	}}
	pod.Spec.Containers = []corev1.Container{{Name: "main", Image: "registry.example.test/web:1"}}
	pod.Status.Phase = corev1.PodPending
	change(pod)
	return append(withoutPods(), pod)
}

func withoutPods() []runtime.Object {
	return []runtime.Object{
		&appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", CreationTimestamp: ago(4 * time.Minute)},
			Status:     appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1},
		},
		&appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "web-7d4", OwnerReferences: []metav1.OwnerReference{{Kind: "Deployment", Name: "web"}},
		}},
	}
}

func unscheduled(message string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.Conditions = []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: message, LastTransitionTime: ago(time.Minute),
		}}
	}
}

func waiting(reason, message string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.NodeName = "n1"
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{
			Name: "main", Image: p.Spec.Containers[0].Image, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
		}}
	}
}

func crashed(p *corev1.Pod) {
	waiting("CrashLoopBackOff", "back-off 40s restarting failed container")(p)
	p.Status.ContainerStatuses[0].RestartCount = 4
	p.Status.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error", FinishedAt: ago(time.Minute)}
}

// relapsed is a pod whose container has been started again a moment ago.
func relapsed(p *corev1.Pod) {
	crashed(p)
	p.Status.Phase, p.Status.ContainerStatuses[0].Ready, p.Status.ContainerStatuses[0].RestartCount = corev1.PodRunning, true, 1
	p.Status.ContainerStatuses[0].State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: ago(time.Second)}}
}

func failedJob(ago metav1.Time, reason string) *batchv1.Job {
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "pre"},
		Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{{
			Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: reason, Message: "Job has reached the specified backoff limit", LastTransitionTime: ago,
		}}},
	}
}

func jobPod(secret string) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "pre-x", Labels: map[string]string{batchv1.JobNameLabel: "pre"}, OwnerReferences: []metav1.OwnerReference{{Kind: "Job", Name: "pre", Controller: new(true)}},
	}}
	p.Spec.RestartPolicy = corev1.RestartPolicyNever
	p.Status = corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{{
		Name: "main", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", Message: secret}},
	}}}
	return p
}

func release(revision, status string, written metav1.Time) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "sh.helm.release.v1.web.v" + revision, CreationTimestamp: written,
			Labels:        map[string]string{"owner": "helm", "name": "web", "version": revision, "status": status},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "helm", Operation: metav1.ManagedFieldsOperationUpdate, Time: &written}},
		},
	}
}

func quantity(text string) *resource.Quantity {
	parsed := resource.MustParse(text)
	return &parsed
}
