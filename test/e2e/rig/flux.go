package rig

// FluxState is what the hub's documents say of how a Flux configuration is in its cluster.
type FluxState struct {
	ComplianceState      string `json:"complianceState"`
	SourceSyncedCommitID string `json:"sourceSyncedCommitId"`
	ErrorMessage         string `json:"errorMessage"`
	RepositoryPublicKey  string `json:"repositoryPublicKey"`
}

// The states that scenarios wait for.
const (
	FluxCompliant    = "Compliant"
	FluxNonCompliant = "Non-Compliant"
	FluxSuspended    = "Suspended"
)
