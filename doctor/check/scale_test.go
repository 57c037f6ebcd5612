package check

import (
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// scaleCluster is a connected cluster with 200 nodes and 5,000 pods of 250 Deployments; of the pods, every nth cannot start and has a
// warning; 0 is none.
func scaleCluster(nth int) *snapshot.Snapshot {
	s := arcAzure()
	for i := range 199 {
		node := *s.Nodes[0].DeepCopy()
		node.Name = fmt.Sprintf("berth-%d", i)
		s.Nodes = append(s.Nodes, node)
	}
	for i := range 250 {
		scaleWorkload(s, fmt.Sprintf("team-%d", i%25), fmt.Sprintf("ferry-%d", i), nth)
	}
	for i := range 25 {
		s.Namespaces = append(s.Namespaces, corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("team-%d", i)}})
	}
	return s
}

func scaleWorkload(s *snapshot.Snapshot, namespace, name string, nth int) {
	const replicas = 20
	old, count, yes := metav1.NewTime(arcNow().Add(-24*time.Hour)), int32(replicas), true
	labels := map[string]string{"app.kubernetes.io/instance": name}
	meta := metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels, CreationTimestamp: old}
	d := appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Replicas: &count, Selector: &metav1.LabelSelector{MatchLabels: labels}}}
	d.Status = appsv1.DeploymentStatus{Replicas: count, UpdatedReplicas: count, ReadyReplicas: count, AvailableReplicas: count}
	s.Deployments = append(s.Deployments, d)
	set := meta
	set.Name, set.OwnerReferences = name+"-5d8f", []metav1.OwnerReference{{Kind: "Deployment", Name: name, Controller: &yes}}
	s.ReplicaSets = append(s.ReplicaSets, appsv1.ReplicaSet{ObjectMeta: set})
	slice := discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: name}}}
	for i := range replicas {
		pod := corev1.Pod{ObjectMeta: meta}
		pod.Name, pod.OwnerReferences = fmt.Sprintf("%s-5d8f-%d", name, i), []metav1.OwnerReference{{Kind: "ReplicaSet", Name: set.Name, Controller: &yes}}
		pod.Spec = corev1.PodSpec{NodeName: fmt.Sprintf("berth-%d", i), Containers: []corev1.Container{{Name: "ferry", Image: "registry.example.com/ferry:1"}, {Name: "proxy", Image: "registry.example.com/proxy:1"}}}
		pod.Status.Phase = corev1.PodRunning
		for _, c := range pod.Spec.Containers {
			pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
				Name: c.Name, Image: c.Image, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: old}},
			})
		}
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{Addresses: []string{fmt.Sprintf("10.1.0.%d", i)}, Conditions: discoveryv1.EndpointConditions{Ready: &yes}})
		s.Pods = append(s.Pods, pod)
		if nth > 0 && len(s.Pods)%nth == 0 {
			scaleBreak(s, &s.Pods[len(s.Pods)-1])
		}
	}
	s.EndpointSlices = append(s.EndpointSlices, slice)
	s.Services = append(s.Services, corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{ClusterIP: "10.0.1.1", Selector: labels, Ports: []corev1.ServicePort{{Port: 80}}}})
}

func scaleBreak(s *snapshot.Snapshot, pod *corev1.Pod) {
	arcWaits("ImagePullBackOff", "Back-off pulling image")(pod)
	s.Events = append(s.Events, corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name + ".1"}, Type: corev1.EventTypeWarning, Reason: "Failed",
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name}, LastTimestamp: metav1.NewTime(arcNow()),
		Message: `Failed to pull image "registry.example.com/ferry:1": dial tcp: lookup registry.example.com: no such host`,
	})
}

// BenchmarkEvaluate judges 5,000 pods: all healthy, and with a tenth in trouble.
func BenchmarkEvaluate(b *testing.B) {
	for name, nth := range map[string]int{"Healthy": 0, "TenthInTrouble": 10} {
		b.Run(name, func(b *testing.B) {
			s, checks := scaleCluster(nth), All()
			b.ReportAllocs()
			for b.Loop() {
				doctor.Evaluate(checks, s, nil)
			}
		})
	}
}
