package check

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

// meshPart is one of the two programs of the mesh: they are judged alike, each under ids of its own.
type meshPart struct {
	app string // name of the Deployment and the Service, and the label app

	deployment, pods, service, endpoints, hook, reference string // ids

	ports []int32 // of the Service

	kind, config string // of the webhook configuration that the program registers
	path, answer string // where it has to point, and the Service that it points to
	answerPort   int32
}

func meshController() meshPart {
	return meshPart{
		app: "osm-controller", deployment: "OSM-01", pods: "OSM-02", service: "OSM-05", endpoints: "OSM-06", hook: "OSM-11", reference: "OSM-13",
		ports: []int32{15128, 9092}, kind: "ValidatingWebhookConfiguration", config: "osm-validator-mesh-osm",
		path: "/validate", answer: "osm-validator", answerPort: 9093,
	}
}

func meshInjector() meshPart {
	return meshPart{
		app: "osm-injector", deployment: "OSM-07", pods: "OSM-08", service: "OSM-09", endpoints: "OSM-10", hook: "OSM-12", reference: "OSM-14",
		ports: []int32{9090}, kind: "MutatingWebhookConfiguration", config: "arc-osm-webhook-osm",
		path: "/mutate-pod-creation", answer: "osm-injector", answerPort: 9090,
	}
}

// validates tells the controller from the injector.
func (p meshPart) validates() bool { return p.kind == "ValidatingWebhookConfiguration" }

func (p meshPart) object() doctor.Object { return meshObject("Deployment", p.app) }

func (p meshPart) args() map[string]string {
	return map[string]string{"name": p.app, "namespace": meshSpace}
}

// owns is what package workload asks: which workloads and pods are this program's.
func (p meshPart) owns(object doctor.Object, labels map[string]string) bool {
	return labels["app"] == p.app || object.Name == p.app
}

func (p meshPart) find(s *snapshot.Snapshot) *appsv1.Deployment {
	for i := range s.Deployments {
		if d := &s.Deployments[i]; d.Namespace == meshSpace && p.owns(doctor.Object{Name: d.Name}, d.Labels) {
			return d
		}
	}
	return nil
}

// alive returns the program's pods that are there to work.
func (p meshPart) alive(s *snapshot.Snapshot) []*corev1.Pod {
	var found []*corev1.Pod
	for i := range s.Pods {
		pod := &s.Pods[i]
		gone := pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
		if pod.Namespace == meshSpace && !gone && p.owns(workload.Owner(s, pod), pod.Labels) {
			found = append(found, pod)
		}
	}
	return found
}

func meshReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// serves reports whether at least one pod does the work.
func (p meshPart) serves(s *snapshot.Snapshot) bool {
	if d := p.find(s); d != nil {
		return d.Status.AvailableReplicas > 0
	}
	return slices.ContainsFunc(p.alive(s), meshReady)
}

// dead returns the id of the check that says that the program does not work, "" when it works or nobody knows.
func (p meshPart) dead(s *snapshot.Snapshot) string {
	if !s.Known(snapshot.In(meshSpace, snapshot.Deployments)) {
		return ""
	}
	if meshFails(p.judgePods(s)) {
		return p.pods
	}
	if meshFails(p.judgeDeployment(s)) {
		return p.deployment
	}
	return ""
}

func meshFails(found []doctor.Finding) bool {
	return slices.ContainsFunc(found, func(f doctor.Finding) bool { return f.Status == doctor.Fail })
}

// restart makes the program register its webhook anew.
func (p meshPart) restart() doctor.Remedy {
	return doctor.Remedy{
		Key: "restart", Args: p.args(), Risk: doctor.Manual,
		Commands: []string{"kubectl rollout restart deployment " + p.app + " -n " + meshSpace},
	}
}

// restartByDoctor is restart where the catalogue lets doctor do it.
func (p meshPart) restartByDoctor(s *snapshot.Snapshot) doctor.Remedy {
	remedy := p.restart()
	if d := p.find(s); d != nil {
		remedy.Risk = doctor.Ask
		remedy.Actions = []doctor.Action{{Verb: doctor.Restart, APIVersion: "apps/v1", Resource: "deployments", Namespace: meshSpace, Name: d.Name}}
	}
	return remedy
}
