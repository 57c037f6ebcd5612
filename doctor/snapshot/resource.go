package snapshot

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Resource names a resource as kubectl does (pods, deployments.apps), or one of the few things that are read
// in another way, which have a sharp sign in their names.
type Resource string

// What doctor reads from the API.
const (
	Nodes              Resource = "nodes"
	Namespaces         Resource = "namespaces"
	Pods               Resource = "pods"
	Services           Resource = "services"
	Events             Resource = "events"
	ConfigMaps         Resource = "configmaps"
	Secrets            Resource = "secrets" // metadata only
	ResourceQuotas     Resource = "resourcequotas"
	LimitRanges        Resource = "limitranges"
	Deployments        Resource = "deployments.apps"
	ReplicaSets        Resource = "replicasets.apps"
	DaemonSets         Resource = "daemonsets.apps"
	Jobs               Resource = "jobs.batch"
	EndpointSlices     Resource = "endpointslices.discovery.k8s.io"
	NetworkPolicies    Resource = "networkpolicies.networking.k8s.io"
	ValidatingWebhooks Resource = "validatingwebhookconfigurations.admissionregistration.k8s.io"
	MutatingWebhooks   Resource = "mutatingwebhookconfigurations.admissionregistration.k8s.io"
	Definitions        Resource = "customresourcedefinitions.apiextensions.k8s.io"
)

// Custom resources, read when the API server serves them.
const (
	ExtensionConfigs  Resource = "extensionconfigs.clusterconfig.azure.com"
	IdentityRequests  Resource = "azureclusteridentityrequests.clusterconfig.azure.com"
	ArcCertificates   Resource = "arccertificates.clusterconfig.azure.com"
	GitConfigs        Resource = "gitconfigs.clusterconfig.azure.com"
	Kustomizations    Resource = "kustomizations.kustomize.toolkit.fluxcd.io"
	HelmReleases      Resource = "helmreleases.helm.toolkit.fluxcd.io"
	GitRepositories   Resource = "gitrepositories.source.toolkit.fluxcd.io"
	OCIRepositories   Resource = "ocirepositories.source.toolkit.fluxcd.io"
	HelmRepositories  Resource = "helmrepositories.source.toolkit.fluxcd.io"
	Buckets           Resource = "buckets.source.toolkit.fluxcd.io"
	MeshConfigs       Resource = "meshconfigs.config.openservicemesh.io"
	TrafficTargets    Resource = "traffictargets.access.smi-spec.io"
	ClusterVersions   Resource = "clusterversions.config.openshift.io"
	SecurityContexts  Resource = "securitycontextconstraints.security.openshift.io"
	PodIdentityExempt Resource = "azurepodidentityexceptions.aadpodidentity.k8s.io"
)

// What is read in another way than by a list.
const (
	// Releases are Helm releases by the labels of their Secrets or ConfigMaps.
	Releases Resource = "#releases"
	// ReleaseMaps are the ConfigMaps in which Helm keeps releases when it is told so; read together with Releases.
	ReleaseMaps Resource = "#release-configmaps"
	// Payloads are what Helm keeps inside: chart, values, objects. Reading them takes get on Secrets.
	Payloads Resource = "#payloads"
	// Certificates are the public halves in a few Secrets. Reading them takes get on Secrets.
	Certificates Resource = "#certificates"
	// Logs are containers' logs.
	Logs Resource = "pods/log"
	// ProbeFromPod and ProbeFromNode are there when --probe was given.
	ProbeFromPod  Resource = "#probe-pod"
	ProbeFromNode Resource = "#probe-node"
	// Trials are server-side dry runs; they change nothing.
	Trials Resource = "#trials"
)

// CustomResources returns the custom resources that doctor knows.
func CustomResources() []Resource {
	return []Resource{
		ExtensionConfigs, IdentityRequests, ArcCertificates, GitConfigs, Kustomizations, HelmReleases, GitRepositories, OCIRepositories,
		HelmRepositories, Buckets, MeshConfigs, TrafficTargets, ClusterVersions, SecurityContexts, PodIdentityExempt,
	}
}

// GroupResource returns the API group and plural.
func (r Resource) GroupResource() schema.GroupResource {
	return schema.ParseGroupResource(string(r))
}

// Namespaced reports whether objects of this resource live in namespaces.
func (r Resource) Namespaced() bool {
	switch r {
	case Nodes, Namespaces, ValidatingWebhooks, MutatingWebhooks, Definitions, ClusterVersions, SecurityContexts:
		return false
	default:
		return true
	}
}

// Pseudo reports whether this is not a resource of the API.
func (r Resource) Pseudo() bool { return strings.HasPrefix(string(r), "#") }
