package fairlead

import (
	"encoding/json"
	"strings"
	"time"
)

// DataPlanePath returns the path of a data-plane operation of a cluster, in the shape that
// the original's agents print in their logs ("provider", not "providers": it never collides
// with the resource API, with which it shares a host).
func DataPlanePath(id ResourceID, operation string) string {
	kind := "connectedclusters"
	if strings.EqualFold(id.Type(), ManagedClusterType) {
		kind = "managedclusters"
	}
	return "/subscriptions/" + id.Subscription + "/resourceGroups/" + id.ResourceGroup +
		"/provider/" + kind + "/clusters/" + id.Name() + "/" + operation
}

// ManagedClusterType is the resource type of clusters as AKS has them.
const ManagedClusterType = "Microsoft.ContainerService/managedClusters"

// Operations of the data plane, all relative to DataPlanePath.
const (
	OpCertificate    = "identity/certificate"              // POST CertificateRequest, proof by the onboarding key
	OpHeartbeat      = "heartbeat"                         // POST Heartbeat, proof by the identity certificate (as all below)
	OpRelay          = "hybridConnection"                  // GET, a WebSocket that clusterconnect-agent holds
	OpPendingConfigs = "configurations/getPendingConfigs"  // POST PendingQuery, long poll
	OpConfigStatus   = "configurations/postConfigStatuses" // POST []ConfigurationStatus
	OpAgentStatus    = "agentStatus"                       // POST AgentStatus

	OpExtensionStatus = "extensions/postExtensionStatuses" // POST []ExtensionReport, from config-agent
	OpExtensionEvents = "extensions/postExtensionEvents"   // POST []ExtensionEvent, from extension-events-collector
)

// The rhythm of signs of life. An agent gives a heartbeat up after HeartbeatTimeout and then sends
// the next one at once, so that several may be lost before the inventory says Offline. Where a hub has more than ManyClusters, one whose
// long poll is held is asked for a heartbeat after SeldomInterval only: its connection says something after PingAfter at the latest.
const (
	HeartbeatInterval = 5 * time.Second
	HeartbeatTimeout  = 3 * time.Second
	SeldomInterval    = 30 * time.Second
	PingAfter         = 5 * time.Second
	OfflineAfter      = 15 * time.Second
	ManyClusters      = 2000
)

// CertificateRequest asks for an identity certificate: CSR is the DER of a PKCS#10 request made
// with a new key. The HTTP request itself is signed with the cluster's onboarding key, every time.
type CertificateRequest struct {
	CSR []byte `json:"csr"`
}

// CertificateResponse carries the chain (leaf first, PEM) and when to come again.
type CertificateResponse struct {
	Certificate string    `json:"certificate"`
	NotAfter    time.Time `json:"notAfter"`
	RenewAfter  time.Time `json:"renewAfter"`
	PrincipalID string    `json:"principalId"`
	TenantID    string    `json:"tenantId"`
	Trust       *HubTrust `json:"trust,omitempty"`
}

// Heartbeat is a sign of life. Metadata is there when it differs from what was last acknowledged.
type Heartbeat struct {
	MetadataHash string           `json:"metadataHash"`
	Metadata     *ClusterMetadata `json:"metadata,omitempty"`
	Origin       *Origin          `json:"origin,omitempty"`
	// TrustGeneration is that of the HubTrust which the agents follow, 0 when they have none.
	TrustGeneration int64 `json:"trustGeneration,omitempty"`
}

// Origin tells a cluster from another one that has its key, and from a copy of itself. ClusterUID is that of the
// namespace kube-system. Instance is chosen by the process at its start, Sequence counts its heartbeats. Epoch is
// drawn from the cluster's API server at each start, never twice; 0 means that it could not be. Confirmed says
// that the API server has called this epoch the newest within the last minute.
type Origin struct {
	ClusterUID string `json:"clusterUid"`
	Instance   string `json:"instance"`
	Epoch      int64  `json:"epoch"`
	Sequence   int64  `json:"sequence"`
	Confirmed  bool   `json:"confirmed,omitempty"`
}

// HeartbeatResponse says when the next heartbeat is due and whether the hub lacks the metadata. Warning is what
// people who look into the cluster should know.
type HeartbeatResponse struct {
	IntervalSeconds int    `json:"intervalSeconds"`
	SendMetadata    bool   `json:"sendMetadata"`
	Warning         string `json:"warning,omitempty"`
}

// ClusterMetadata is what cluster-metadata-operator finds out about its cluster.
type ClusterMetadata struct {
	KubernetesVersion   string `json:"kubernetesVersion"`
	Distribution        string `json:"distribution"`
	DistributionVersion string `json:"distributionVersion,omitempty"`
	Infrastructure      string `json:"infrastructure"`
	TotalNodeCount      int    `json:"totalNodeCount"`
	TotalCoreCount      int    `json:"totalCoreCount"`
	AgentVersion        string `json:"agentVersion"`
	// ClusterConnect and AzureRBAC are Enabled or Disabled; agents that do not say leave them empty.
	ClusterConnect string `json:"clusterConnect,omitempty"`
	AzureRBAC      string `json:"azureRbac,omitempty"`
}

// PendingQuery asks for the desired state when it is newer than ETag, waiting up to WaitSeconds.
type PendingQuery struct {
	ETag        string `json:"etag,omitempty"`
	WaitSeconds int    `json:"waitSeconds"`
}

// PendingConfigs is the whole desired state of a cluster; Unchanged means that ETag is still current.
type PendingConfigs struct {
	ETag           string          `json:"etag"`
	Unchanged      bool            `json:"unchanged,omitempty"`
	Configurations []Configuration `json:"configurations,omitempty"`
	// TrustHash is the hash of the HubTrust that a new certificate would come with.
	TrustHash string `json:"trustHash,omitempty"`
}

// Configuration is one custom resource in namespace azure-arc that the hub wants to exist.
type Configuration struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Name       string          `json:"name"`
	Spec       json.RawMessage `json:"spec"`
	// Deleted says that the object is to go. What the hub does not mention stays: a hub that was restored from an old backup must
	// not uninstall what it has forgotten.
	Deleted bool `json:"deleted,omitempty"`
	// Orphan, with Deleted, says that the object is to go at once and that what it installed is to stay: somebody forced the
	// deletion. The report is ExtensionGone all the same.
	Orphan bool `json:"orphan,omitempty"`
	// Protected holds values that belong into a Secret, as a compact JWE (RFC 7516) of a JSON object of texts, encrypted to the key
	// of the identity certificate by which the cluster asked: proxies that end TLS cannot read it. Key agreement is ECDH-ES+A256KW,
	// encryption A256GCM. Empty when there are none.
	Protected string `json:"protected,omitempty"`
	// Registry lets the cluster into the registry of an extension's chart. Nil when the cluster gets no credentials for it.
	Registry *RegistryCredentials `json:"registry,omitempty"`
}

// RegistryCredentials belong into the Secret ExtensionRegistryPrefix + NAME. Hash changes when they do and tells nothing of them.
// Sealed is what Configuration.Protected is, of the texts below.
type RegistryCredentials struct {
	Hash   string `json:"hash"`
	Sealed string `json:"sealed,omitempty"`
}

// The texts in RegistryCredentials, and in their Secret. Host is ExtensionChart.Host of the chart for which they were given.
const (
	RegistryHost     = "host"
	RegistryUsername = "username"
	RegistryPassword = "password"
)

// ConfigurationStatus is what became of one Configuration.
type ConfigurationStatus struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	ETag    string `json:"etag"`
	Applied bool   `json:"applied"`
	Message string `json:"message,omitempty"`
}

// AgentStatus is the health of the agents, from metrics-agent. State is Succeeded or Failed.
type AgentStatus struct {
	State      string            `json:"agentState"`
	Errors     []AgentError      `json:"agentErrors,omitempty"`
	Components []SystemComponent `json:"systemComponents"`
}

// HelmSettings is the answer of GetHelmSettings: where the chart is and which values the hub sets.
// Every value is a string; see docs/architecture.md for the rules that the az client imposes.
type HelmSettings struct {
	RepositoryPath string            `json:"repositoryPath"`
	HelmValues     map[string]string `json:"helmValuesContent"`
}
