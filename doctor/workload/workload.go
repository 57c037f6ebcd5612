// Package workload says what is wrong with pods, and with workloads that get no pods, in one vocabulary that all areas of
// doctor share: the kind of trouble, what the cluster said of it, and since when. It does not know which entry of the
// catalogue a trouble belongs to; that depends on whose pod it is.
package workload

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// Kind is a kind of trouble.
type Kind string

// The kinds of trouble.
const (
	NotReady     Kind = "notReady"     // runs, and its readiness probe fails
	Crash        Kind = "crash"        // ends with an error again and again
	OutOfMemory  Kind = "outOfMemory"  // killed for its memory limit
	StartError   Kind = "startError"   // the runtime cannot start it: no such command, wrong format
	Pull         Kind = "pull"         // its image cannot be had
	ConfigError  Kind = "configError"  // a Secret, ConfigMap or key that it names is not there
	Mount        Kind = "mount"        // a volume cannot be mounted
	Insufficient Kind = "insufficient" // no node has enough cpu, memory or places
	Taint        Kind = "taint"        // every node that would do has a taint that it does not tolerate
	Selector     Kind = "selector"     // no node has the labels, system or architecture that it asks for
	Unscheduled  Kind = "unscheduled"  // no node takes it for another reason
	Quota        Kind = "quota"        // a ResourceQuota forbids the pod
	LimitRange   Kind = "limitRange"   // a LimitRange forbids the pod
	PodSecurity  Kind = "podSecurity"  // Pod Security admission, a PSP or an SCC forbids the pod
	Policy       Kind = "policy"       // a webhook or a ValidatingAdmissionPolicy forbids the pod
	Refused      Kind = "refused"      // the pod cannot be made for another reason
	ScaledDown   Kind = "scaledDown"   // nobody asks for pods
	NoPods       Kind = "noPods"       // pods are asked for and there are none, and nothing says why
	Stuck        Kind = "stuck"        // waits to be started, and nothing says why
)

// Trouble is one thing that is wrong with one pod or workload.
type Trouble struct {
	Kind     Kind
	Workload doctor.Object // Deployment, DaemonSet or Job; empty Kind for a bare pod
	Pod      doctor.Object // with the container; empty Kind when there is none
	Message  string        // what the cluster says
	Source   string        // event or status
	// Detail narrows some kinds: of Pull dns, network, tls, auth, notFound, platform, disk or other; of Taint the taints' text; of Selector
	// os, arch or label; of Insufficient the resources.
	Detail string
	// Serving is true when other pods of the same workload do its work, as in a rollout that is stuck.
	Serving  bool
	Restarts int32
	Since    time.Time
}

// Evidence is the trouble in the cluster's words.
func (t Trouble) Evidence() doctor.Evidence {
	return doctor.Evidence{Source: t.Source, Object: t.Object().String(), Text: strings.TrimSpace(t.Message), Time: t.Since}
}

// Object is the pod, or the workload when there is no pod.
func (t Trouble) Object() doctor.Object {
	if t.Pod.Kind != "" {
		return t.Pod
	}
	return t.Workload
}

// Find returns the troubles of everything in one namespace whose workload, or bare pod, keep accepts; nil keeps all. An empty
// namespace means all that was read.
func Find(s *snapshot.Snapshot, namespace string, keep func(workload doctor.Object, labels map[string]string) bool) []Trouble {
	finder := &finder{s: s, keep: keep, replicaSets: map[string]string{}}
	for i := range s.ReplicaSets {
		rs := &s.ReplicaSets[i]
		for _, owner := range rs.OwnerReferences {
			if owner.Kind == "Deployment" {
				finder.replicaSets[rs.Namespace+"/"+rs.Name] = owner.Name
			}
		}
	}
	var found []Trouble
	for i := range s.Pods {
		if namespace == "" || s.Pods[i].Namespace == namespace {
			found = append(found, finder.pod(&s.Pods[i])...)
		}
	}
	return append(found, finder.withoutPods(namespace)...)
}

type finder struct {
	s           *snapshot.Snapshot
	keep        func(doctor.Object, map[string]string) bool
	replicaSets map[string]string // namespace/name to the Deployment's name
}

// Owner returns the workload that a pod belongs to: its Deployment, DaemonSet, StatefulSet or Job; an empty object for a bare pod.
func Owner(s *snapshot.Snapshot, pod *corev1.Pod) doctor.Object {
	for _, owner := range pod.OwnerReferences {
		if owner.Kind == "ReplicaSet" {
			return doctor.Object{Kind: "Deployment", Namespace: pod.Namespace, Name: deploymentOf(s, pod, owner.Name)}
		}
		if owner.Controller != nil && *owner.Controller {
			return doctor.Object{Kind: owner.Kind, Namespace: pod.Namespace, Name: owner.Name}
		}
	}
	return doctor.Object{}
}

// deploymentOf reads the name off the ReplicaSet's when that was not read: the hash of the template comes last.
func deploymentOf(s *snapshot.Snapshot, pod *corev1.Pod, replicaSet string) string {
	for i := range s.ReplicaSets {
		rs := &s.ReplicaSets[i]
		if rs.Namespace == pod.Namespace && rs.Name == replicaSet && len(rs.OwnerReferences) > 0 {
			return rs.OwnerReferences[0].Name
		}
	}
	return strings.TrimSuffix(replicaSet, "-"+pod.Labels["pod-template-hash"])
}

func (f *finder) owner(pod *corev1.Pod) doctor.Object {
	for _, owner := range pod.OwnerReferences {
		name, ok := f.replicaSets[pod.Namespace+"/"+owner.Name]
		if owner.Kind == "ReplicaSet" && ok {
			return doctor.Object{Kind: "Deployment", Namespace: pod.Namespace, Name: name}
		}
	}
	return Owner(&snapshot.Snapshot{}, pod)
}

func (f *finder) pod(pod *corev1.Pod) []Trouble {
	workload := f.owner(pod)
	kept := workload
	if kept.Kind == "" {
		kept = podObject(pod, "")
	}
	if !alive(pod) || f.keep != nil && !f.keep(kept, pod.Labels) {
		return nil
	}
	found := f.judgePod(pod)
	serving := len(found) > 0 && f.serving(workload)
	for i := range found {
		found[i].Workload, found[i].Serving = workload, serving
	}
	return found
}

// alive leaves out pods that are going, done, or left over from an eviction: nobody waits for them.
func alive(pod *corev1.Pod) bool {
	if pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded {
		return false
	}
	return pod.Status.Phase != corev1.PodFailed || !Leftover(pod)
}

// Leftover reports whether a failed pod only records that it was moved: Evicted and the like.
func Leftover(pod *corev1.Pod) bool {
	switch pod.Status.Reason {
	case "Evicted", "NodeLost", "Shutdown", "NodeShutdown", "Terminated", "Preempting", "NodeAffinity", "TaintToleration", "UnexpectedAdmissionError":
		return pod.Status.Phase == corev1.PodFailed
	}
	return false
}

// serving reports whether a Deployment has the pods that it needs in spite of a pod in trouble.
func (f *finder) serving(workload doctor.Object) bool {
	if workload.Kind != "Deployment" {
		return false
	}
	for i := range f.s.Deployments {
		d := &f.s.Deployments[i]
		if d.Namespace == workload.Namespace && d.Name == workload.Name {
			return d.Status.AvailableReplicas > 0 && d.Status.AvailableReplicas >= Desired(d)
		}
	}
	return false
}

func podObject(pod *corev1.Pod, container string) doctor.Object {
	return doctor.Object{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, Container: container}
}
