package fairlead

import "time"

// ConnectivityStatus is what the inventory says of a connected cluster's last sign of life.
type ConnectivityStatus string

// The connectivity statuses. Expired means that the identity certificate has run out.
const (
	Connecting        ConnectivityStatus = "Connecting"
	Connected         ConnectivityStatus = "Connected"
	Offline           ConnectivityStatus = "Offline"
	Expired           ConnectivityStatus = "Expired"
	AgentNotInstalled ConnectivityStatus = "AgentNotInstalled"
)

// ConnectedCluster is Microsoft.Kubernetes/connectedClusters as clients read and write it.
type ConnectedCluster struct {
	ID         string              `json:"id,omitempty"`
	Name       string              `json:"name,omitempty"`
	Type       string              `json:"type,omitempty"`
	Location   string              `json:"location,omitempty"`
	Tags       map[string]string   `json:"tags,omitempty"`
	Identity   *ManagedIdentity    `json:"identity,omitempty"`
	Properties ConnectedProperties `json:"properties"`
}

// ManagedIdentity is the identity that the hub gives a connected cluster.
type ManagedIdentity struct {
	Type        string `json:"type"`
	PrincipalID string `json:"principalId,omitempty"`
	TenantID    string `json:"tenantId,omitempty"`
}

// ConnectedProperties are the properties of a connected cluster. Those after Infrastructure are
// read-only to clients. AgentPublicKeyCertificate is base64 of a DER PKCS#1 RSA public key.
type ConnectedProperties struct {
	ProvisioningState         string `json:"provisioningState,omitempty"`
	PrivateLinkState          string `json:"privateLinkState,omitempty"`
	AgentPublicKeyCertificate string `json:"agentPublicKeyCertificate,omitempty"`
	Distribution              string `json:"distribution,omitempty"`
	DistributionVersion       string `json:"distributionVersion,omitempty"`
	Infrastructure            string `json:"infrastructure,omitempty"`

	ConnectivityStatus      ConnectivityStatus `json:"connectivityStatus,omitempty"`
	KubernetesVersion       string             `json:"kubernetesVersion,omitempty"`
	TotalNodeCount          int                `json:"totalNodeCount,omitempty"`
	TotalCoreCount          int                `json:"totalCoreCount,omitempty"`
	AgentVersion            string             `json:"agentVersion,omitempty"`
	Offering                string             `json:"offering,omitempty"`
	LastConnectivityTime    *time.Time         `json:"lastConnectivityTime,omitempty"`
	IdentityExpiration      *time.Time         `json:"managedIdentityCertificateExpirationTime,omitempty"`
	ArcAgentProfile         *ArcAgentProfile   `json:"arcAgentProfile,omitempty"`
	ClusterConnect          *ConnectProfile    `json:"clusterConnect,omitempty"`
	ArcAgentryConfiguration []AgentryConfig    `json:"arcAgentryConfigurations,omitempty"`
}

// ConnectProfile is how people reach the cluster through the hub. State and AzureRBAC are Enabled or Disabled, as the agents have
// reported last, and empty before; Tunnel is Connected or Disconnected, now. The recordings are Enabled or Disabled, and clients' to set.
type ConnectProfile struct {
	State                 string `json:"state,omitempty"`
	AzureRBAC             string `json:"azureRbac,omitempty"`
	Tunnel                string `json:"tunnel,omitempty"`
	SessionRecording      string `json:"sessionRecording,omitempty"`
	SessionRecordingInput string `json:"sessionRecordingInput,omitempty"`
}

// TunnelConnected is the Tunnel of a cluster whose agents hold one.
const TunnelConnected = "Connected"

// AgentryConfig is one agent feature's settings. Protected settings never reach the hub.
type AgentryConfig struct {
	Feature  string            `json:"feature"`
	Settings map[string]string `json:"settings,omitempty"`
}

// ArcAgentProfile is what the agents say of themselves.
type ArcAgentProfile struct {
	AgentAutoUpgrade    string            `json:"agentAutoUpgrade,omitempty"`
	AgentState          string            `json:"agentState,omitempty"`
	DesiredAgentVersion string            `json:"desiredAgentVersion,omitempty"`
	AgentErrors         []AgentError      `json:"agentErrors,omitempty"`
	SystemComponents    []SystemComponent `json:"systemComponents,omitempty"`
}

// AgentError is one thing that is wrong with an agent.
type AgentError struct {
	Component string    `json:"component"`
	Severity  string    `json:"severity"`
	Message   string    `json:"message"`
	Time      time.Time `json:"time"`
}

// SystemComponent is one agent as the metrics-agent sees it. MemoryBytes and CPUSeconds come from
// the agent's own /metrics and are 0 when it could not be asked.
type SystemComponent struct {
	Type           string  `json:"type"`
	CurrentVersion string  `json:"currentVersion,omitempty"`
	Ready          bool    `json:"ready"`
	Restarts       int     `json:"restarts"`
	MemoryBytes    int64   `json:"memoryBytes,omitempty"`
	CPUSeconds     float64 `json:"cpuSeconds,omitempty"`
}
