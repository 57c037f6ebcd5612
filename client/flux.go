package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/fairlead/fairlead"
)

// The api-versions for configurations of Flux 2 and of Flux v1.
const (
	FluxVersion          = "2025-04-01"
	SourceControlVersion = "2023-05-01"
)

// FluxID returns the id of a Flux configuration of a cluster; it does not check the name.
func FluxID(cluster fairlead.ResourceID, name string) fairlead.ResourceID {
	return below(cluster, "fluxConfigurations", name)
}

// SourceControlID returns the id of a configuration of Flux v1; it does not check the name.
func SourceControlID(cluster fairlead.ResourceID, name string) fairlead.ResourceID {
	return below(cluster, "sourceControlConfigurations", name)
}

// FluxBelow returns the path of a cluster's configurations.
func FluxBelow(cluster fairlead.ResourceID) string {
	return cluster.String() + "/providers/" + ConfigurationProvider + "/fluxConfigurations"
}

// SourceControlBelow is FluxBelow for Flux v1.
func SourceControlBelow(cluster fairlead.ResourceID) string {
	return cluster.String() + "/providers/" + ConfigurationProvider + "/sourceControlConfigurations"
}

// Flux is a configuration as the hub shows it, as far as clients read it.
type Flux struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	Properties FluxProperties `json:"properties"`
}

// FluxProperties are what clients read of a configuration.
type FluxProperties struct {
	Namespace            string                       `json:"namespace"`
	SourceKind           string                       `json:"sourceKind"`
	ProvisioningState    string                       `json:"provisioningState"`
	ComplianceState      string                       `json:"complianceState"`
	SourceSyncedCommitID string                       `json:"sourceSyncedCommitId"`
	RepositoryPublicKey  string                       `json:"repositoryPublicKey"`
	ErrorMessage         string                       `json:"errorMessage"`
	Kustomizations       map[string]FluxKustomization `json:"kustomizations"`
	Statuses             []fairlead.FluxObject        `json:"statuses"`
	GitRepository        *struct {
		URL string `json:"url"`
	} `json:"gitRepository"`
}

// FluxKustomization is what clients read of a kustomization.
type FluxKustomization struct {
	Path  string `json:"path"`
	Prune bool   `json:"prune"`
}

// Flux reads a configuration.
func (h *Hub) Flux(ctx context.Context, id fairlead.ResourceID) (Flux, error) {
	var found Flux
	err := h.Get(ctx, id.String(), FluxVersion, &found)
	return found, err
}

// BeginFlux sends a change of a configuration: PUT, PATCH or DELETE. The cluster does the work, so it takes a while.
func (h *Hub) BeginFlux(ctx context.Context, method string, id fairlead.ResourceID, body any) (*Begun, error) {
	return h.Begin(ctx, Call{Method: method, Path: id.String(), Version: FluxVersion, Body: body, Async: true})
}

// BeginForgetFlux has the hub forget a configuration whatever its cluster says or does not say.
func (h *Hub) BeginForgetFlux(ctx context.Context, id fairlead.ResourceID) (*Begun, error) {
	return h.Begin(ctx, Call{Method: http.MethodDelete, Path: id.String(), Version: FluxVersion, Query: url.Values{"forceDelete": {"true"}}, Async: true})
}

// fluxLogs are what Flux' controllers have written about a configuration.
func fluxLogs(id fairlead.ResourceID) sequel[fairlead.FluxLog] {
	return sequel[fairlead.FluxLog]{
		path: id.String() + "/logs", version: FluxVersion, number: func(l fairlead.FluxLog) int64 { return l.Sequence },
	}
}

// PastFluxLogs reads the lines that the hub has about a configuration, and the number of the last one. The hub waits for some to come
// when there are none: within is how long that is waited for.
func (h *Hub) PastFluxLogs(ctx context.Context, id fairlead.ResourceID, within time.Duration) ([]fairlead.FluxLog, int64, error) {
	return fluxLogs(id).past(ctx, h, 0, within)
}

// FollowFluxLogs hands the lines about a configuration to see as they come, those after the sequence number since, until ctx ends, see
// fails or the hub says something else than lines. It outlasts a hub that is away.
func (h *Hub) FollowFluxLogs(ctx context.Context, id fairlead.ResourceID, since int64, see func([]fairlead.FluxLog) error) error {
	return fluxLogs(id).follow(ctx, h, since, see)
}
