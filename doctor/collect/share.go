package collect

import (
	"reflect"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// shape is what the pods of one owner have in common. Thousands of pods come from a few hundred templates, so what is equal is kept
// once; nobody changes a snapshot, and so nobody notices.
type shape struct {
	labels, annotations map[string]string
	owners              []metav1.OwnerReference
	tolerations         []corev1.Toleration
	containers          [2][]corev1.Container
}

func shapeOf(pod *corev1.Pod) shape {
	return shape{
		labels: pod.Labels, annotations: pod.Annotations, owners: pod.OwnerReferences, tolerations: pod.Spec.Tolerations,
		containers: [2][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers},
	}
}

// share lets a pod use the parts of another pod of its owner that are equal. It comes after everything that changes the pod.
func (c *collector) share(pod *corev1.Pod) {
	owner := metav1.GetControllerOfNoCopy(pod)
	if owner == nil {
		return
	}
	known, seen := c.shapes[owner.UID]
	if !seen {
		c.shapes[owner.UID] = shapeOf(pod)
		return
	}
	same(&pod.Labels, &known.labels)
	same(&pod.Annotations, &known.annotations)
	same(&pod.OwnerReferences, &known.owners)
	same(&pod.Spec.Tolerations, &known.tolerations)
	for i, containers := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for j := range min(len(containers), len(known.containers[i])) {
			shareContainer(&containers[j], &known.containers[i][j])
		}
	}
}

// shareContainer leaves the mounts alone: the name of the volume with the account's token differs from pod to pod.
func shareContainer(mine, other *corev1.Container) {
	same(&mine.Image, &other.Image)
	same(&mine.Command, &other.Command)
	same(&mine.Args, &other.Args)
	same(&mine.Env, &other.Env)
	same(&mine.EnvFrom, &other.EnvFrom)
	same(&mine.Ports, &other.Ports)
	same(&mine.Resources, &other.Resources)
	same(&mine.LivenessProbe, &other.LivenessProbe)
	same(&mine.ReadinessProbe, &other.ReadinessProbe)
	same(&mine.StartupProbe, &other.StartupProbe)
	same(&mine.SecurityContext, &other.SecurityContext)
}

func same[T any](mine, other *T) {
	if reflect.DeepEqual(*mine, *other) {
		*mine = *other
	}
}
