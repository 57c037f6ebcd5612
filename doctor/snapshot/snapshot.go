// Package snapshot is what doctor saw of a cluster, of the machine that asks and of probes, at one moment: plain data that a live
// cluster, a support bundle or a test can fill. It makes no calls. What could not be read is written down beside what
// was, so that nobody takes silence for health.
package snapshot

import (
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead/doctor/probe/wire"
)

// Version is the version of the encoded form; a bundle of a newer one is refused.
const Version = 1

// Snapshot is a cluster at one moment. Lists hold what could be read; Coverage says how much that is.
type Snapshot struct {
	Version int       `json:"version"`
	Taken   time.Time `json:"taken"` // by the clock of the machine that asked
	Server  Server    `json:"server"`
	Client  Client    `json:"client"`

	Coverage map[Resource]*Coverage `json:"coverage"`

	Nodes              []corev1.Node                                `json:"nodes,omitempty"`
	Namespaces         []corev1.Namespace                           `json:"namespaces,omitempty"`
	Pods               []corev1.Pod                                 `json:"pods,omitempty"`
	Services           []corev1.Service                             `json:"services,omitempty"`
	Events             []corev1.Event                               `json:"events,omitempty"` // warnings, and how long images took to pull
	ConfigMaps         []corev1.ConfigMap                           `json:"configMaps,omitempty"`
	ResourceQuotas     []corev1.ResourceQuota                       `json:"resourceQuotas,omitempty"`
	LimitRanges        []corev1.LimitRange                          `json:"limitRanges,omitempty"`
	Deployments        []appsv1.Deployment                          `json:"deployments,omitempty"`
	ReplicaSets        []appsv1.ReplicaSet                          `json:"replicaSets,omitempty"`
	DaemonSets         []appsv1.DaemonSet                           `json:"daemonSets,omitempty"`
	Jobs               []batchv1.Job                                `json:"jobs,omitempty"`
	EndpointSlices     []discoveryv1.EndpointSlice                  `json:"endpointSlices,omitempty"`
	NetworkPolicies    []networkingv1.NetworkPolicy                 `json:"networkPolicies,omitempty"`
	ValidatingWebhooks []admissionv1.ValidatingWebhookConfiguration `json:"validatingWebhooks,omitempty"`
	MutatingWebhooks   []admissionv1.MutatingWebhookConfiguration   `json:"mutatingWebhooks,omitempty"`
	// Definitions are CustomResourceDefinitions without their schemas.
	Definitions []unstructured.Unstructured `json:"definitions,omitempty"`
	// Secrets are names, types, labels and annotations; doctor never keeps what is in a Secret.
	Secrets []metav1.PartialObjectMetadata `json:"secrets,omitempty"`
	// Custom are custom resources and policies by resource.
	Custom map[Resource][]unstructured.Unstructured `json:"custom,omitempty"`

	Releases     []Release     `json:"releases,omitempty"`
	Certificates []Certificate `json:"certificates,omitempty"`
	Logs         []Log         `json:"logs,omitempty"`
	Trials       []Trial       `json:"trials,omitempty"`

	// Probe is nil when no probe was asked for.
	Probe *Probe `json:"probe,omitempty"`
}

// Server is what the API server says of itself.
type Server struct {
	Version string `json:"version,omitempty"` // such as v1.34.1
	// Date is the API server's clock when Taken was read from ours; zero when unknown.
	Date time.Time `json:"date,omitzero"`
	// Groups are the API groups that it serves.
	Groups []string `json:"groups,omitempty"`
}

// Trial is what the API server answered to a server-side dry run that doctor makes because no object
// tells the answer: would this be admitted?
type Trial struct {
	Name    string `json:"name"` // see the constants
	Object  string `json:"object"`
	Allowed bool   `json:"allowed"`
	Message string `json:"message,omitempty"` // the API server's words when refused
}

// The trials that are made.
const (
	TrialFluxNamespace = "flux-namespace" // FLX-03: may namespace flux-system be made
	TrialFluxPod       = "flux-pod"       // FLX-03, FLX-08: may a pod as the controllers' be made in it
	TrialMeshPod       = "mesh-pod"       // OSM-17: may a pod be made in a monitored namespace
)

// Probe is what probes found, by the place that they looked from.
type Probe struct {
	Client *Place `json:"client,omitempty"`
	Pod    *Place `json:"pod,omitempty"`
	Node   *Place `json:"node,omitempty"`
}

// Place is one place's result, or why there is none.
type Place struct {
	Where  string       `json:"where,omitempty"` // namespace/pod on node
	Result *wire.Result `json:"result,omitempty"`
	// Refused says why the probe could not run: a word of package probe, and the evidence.
	Refused string `json:"refused,omitempty"`
	Message string `json:"message,omitempty"`
}
