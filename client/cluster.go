package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/fairlead/fairlead"
)

// The api-versions that this client speaks.
const (
	ClusterVersion       = "2025-08-01-preview"
	GroupVersion         = "2024-11-01"
	ProviderVersion      = "2024-11-01"
	SubscriptionVersion  = "2022-12-01"
	AuthorizationVersion = "2022-04-01"
	ActivityVersion      = "2015-04-01"
	FeatureVersion       = "2021-07-01"
	helmSettingsVersion  = "2024-07-01-preview"
	helmPackageVersion   = "2019-11-01-preview"
)

// Cluster reads a connected cluster.
func (h *Hub) Cluster(ctx context.Context, id fairlead.ResourceID) (fairlead.ConnectedCluster, error) {
	var cluster fairlead.ConnectedCluster
	err := h.Get(ctx, id.String(), ClusterVersion, &cluster)
	return cluster, err
}

// PutCluster registers a connected cluster, or changes it, and returns it as the hub has it now.
func (h *Hub) PutCluster(ctx context.Context, id fairlead.ResourceID, cluster fairlead.ConnectedCluster) (fairlead.ConnectedCluster, error) {
	var stored fairlead.ConnectedCluster
	err := h.Put(ctx, id.String(), ClusterVersion, cluster, &stored)
	return stored, err
}

// DeleteCluster removes a connected cluster from the hub and waits until it is gone.
func (h *Hub) DeleteCluster(ctx context.Context, id fairlead.ResourceID) error {
	return h.Delete(ctx, id.String(), ClusterVersion, nil)
}

// ForceDeleteCluster removes a connected cluster even if the hub thinks that it is in use.
func (h *Hub) ForceDeleteCluster(ctx context.Context, id fairlead.ResourceID) error {
	return h.Delete(ctx, id.String(), ClusterVersion, url.Values{"force": {"true"}})
}

// HealthCheck asks whether the hub's data plane is ready to serve agents.
func (h *Hub) HealthCheck(ctx context.Context) error {
	_, err := h.Do(ctx, Call{Method: http.MethodPost, Path: "/azure-arc-k8sagents/healthCheck", Version: helmSettingsVersion, Repeatable: true})
	return err
}

// HelmSettings asks with which chart and values the agents of a cluster are to be installed. Protected
// settings go into the question as placeholders only.
func (h *Hub) HelmSettings(ctx context.Context, cluster any, train string) (fairlead.HelmSettings, error) {
	var settings fairlead.HelmSettings
	response, err := h.Do(ctx, Call{
		Method: http.MethodPost, Path: "/azure-arc-k8sagents/GetHelmSettings", Version: helmSettingsVersion,
		Query: url.Values{"releaseTrain": {train}}, Body: cluster, Repeatable: true,
	})
	if err != nil {
		return settings, err
	}
	return settings, response.Decode(&settings)
}

// LatestChart asks for the reference of the newest chart of the agents, with its version as the tag.
func (h *Hub) LatestChart(ctx context.Context, train string) (string, error) {
	var settings fairlead.HelmSettings
	response, err := h.Do(ctx, Call{
		Method: http.MethodPost, Path: "/azure-arc-k8sagents/GetLatestHelmPackagePath", Version: helmPackageVersion,
		Query: url.Values{"releaseTrain": {train}}, Repeatable: true,
	})
	if err != nil {
		return "", err
	}
	err = response.Decode(&settings)
	return settings.RepositoryPath, err
}

// UserCredential is how somebody reaches a connected cluster through the hub.
type UserCredential struct {
	Connection struct {
		Relay          string `json:"relay"`
		Name           string `json:"hybridConnectionName"`
		Token          Secret `json:"token"`
		ExpirationTime int64  `json:"expirationTime"` // in Unix seconds
	} `json:"hybridConnectionConfig"`
}

// The ways to come to a cluster: in one's own name at the hub, or with a token of the cluster's own.
const (
	AuthenticateAAD   = "AAD"
	AuthenticateToken = "Token"
)

// UserCredential asks for the way to a connected cluster.
func (h *Hub) UserCredential(ctx context.Context, id fairlead.ResourceID, method string) (UserCredential, error) {
	var found UserCredential
	response, err := h.Do(ctx, Call{
		Method: http.MethodPost, Path: id.String() + "/listClusterUserCredential", Version: ClusterVersion,
		Body: Document{"authenticationMethod": method, "clientProxy": true}, Repeatable: true,
	})
	if err != nil {
		return found, err
	}
	return found, response.Decode(&found)
}
