package workload

import (
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
)

// Desired is how many pods a Deployment asks for.
func Desired(d *appsv1.Deployment) int32 {
	if d.Spec.Replicas == nil {
		return 1
	}
	return *d.Spec.Replicas
}

// withoutPods judges Deployments and DaemonSets that have fewer pods than they ask for, or ask for none.
func (f *finder) withoutPods(namespace string) []Trouble {
	var found []Trouble
	for i := range f.s.Deployments {
		d := &f.s.Deployments[i]
		object := doctor.Object{Kind: "Deployment", Namespace: d.Namespace, Name: d.Name}
		if (namespace == "" || d.Namespace == namespace) && (f.keep == nil || f.keep(object, d.Spec.Template.Labels)) {
			found = append(found, f.deployment(d, object)...)
		}
	}
	for i := range f.s.DaemonSets {
		d := &f.s.DaemonSets[i]
		object := doctor.Object{Kind: "DaemonSet", Namespace: d.Namespace, Name: d.Name}
		if (namespace == "" || d.Namespace == namespace) && (f.keep == nil || f.keep(object, d.Spec.Template.Labels)) && d.Status.DesiredNumberScheduled > d.Status.CurrentNumberScheduled {
			found = append(found, f.refused(object, time.Time{}, false)...)
		}
	}
	return found
}

func (f *finder) deployment(d *appsv1.Deployment, object doctor.Object) []Trouble {
	available := d.Status.AvailableReplicas > 0 && d.Status.AvailableReplicas >= Desired(d)
	switch {
	case Desired(d) == 0:
		return []Trouble{{Kind: ScaledDown, Workload: object, Message: "spec.replicas is 0", Source: "spec", Since: d.CreationTimestamp.Time}}
	case d.Status.UpdatedReplicas >= Desired(d) && d.Status.Replicas > 0:
		return nil // its pods speak for themselves
	}
	for _, condition := range d.Status.Conditions {
		if condition.Type == appsv1.DeploymentReplicaFailure && condition.Status == corev1.ConditionTrue {
			return []Trouble{{
				Kind: Admission(condition.Message), Workload: object, Message: condition.Message, Source: "status", Serving: available, Since: condition.LastTransitionTime.Time,
			}}
		}
	}
	return f.refused(object, d.CreationTimestamp.Time, available)
}

// refused looks for the event that says why pods cannot be made.
func (f *finder) refused(object doctor.Object, created time.Time, serving bool) []Trouble {
	event, ok := latest(f.s, func(e *corev1.Event) bool {
		about := e.InvolvedObject
		if e.Reason != "FailedCreate" || about.Namespace != object.Namespace {
			return false
		}
		if about.Kind == "ReplicaSet" {
			return object.Kind == "Deployment" && f.belongs(about.Namespace, about.Name, object.Name)
		}
		return about.Kind == object.Kind && about.Name == object.Name
	})
	switch {
	case ok:
		return []Trouble{{Kind: Admission(event.Message), Workload: object, Message: event.Message, Source: "event", Serving: serving, Since: Moment(&event)}}
	case serving, f.hasPods(object), f.s.Taken.Sub(created) < grace:
		return nil
	}
	return []Trouble{{Kind: NoPods, Workload: object, Message: "no pods", Source: "status", Since: created}}
}

func (f *finder) belongs(namespace, replicaSet, deployment string) bool {
	if owner, known := f.replicaSets[namespace+"/"+replicaSet]; known {
		return owner == deployment
	}
	return strings.HasPrefix(replicaSet, deployment+"-")
}

func (f *finder) hasPods(object doctor.Object) bool {
	for i := range f.s.Pods {
		if f.s.Pods[i].Namespace == object.Namespace && f.owner(&f.s.Pods[i]) == object {
			return true
		}
	}
	return false
}
