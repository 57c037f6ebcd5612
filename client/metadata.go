package client

import (
	"context"
	"net/http"
	"strings"
)

// Endpoints is what a hub says about itself to anyone.
type Endpoints struct {
	Name           string `json:"name"`
	Authentication struct {
		LoginEndpoint string   `json:"loginEndpoint"`
		Audiences     []string `json:"audiences"`
	} `json:"authentication"`
	ResourceManager string `json:"resourceManager"`
	DataPlanes      struct {
		Config string `json:"arcConfigEndpoint"`
	} `json:"dataplaneEndpoints"`
	Fairlead struct {
		TenantID string `json:"tenantId"`
		Version  string `json:"version"`
		Domain   string `json:"domain"`
		Port     string `json:"port"`
		AzLogin  string `json:"azLogin"`
	} `json:"fairlead"`
}

// Audience returns whom tokens for this hub are meant for, otherwise when the hub does not say.
func (e Endpoints) Audience(otherwise string) string {
	if len(e.Authentication.Audiences) == 0 {
		return otherwise
	}
	return e.Authentication.Audiences[0]
}

// DataPlane returns the base URL that agents are given, otherwise when the hub does not say.
func (e Endpoints) DataPlane(otherwise string) string {
	if e.DataPlanes.Config == "" {
		return otherwise
	}
	return strings.TrimSuffix(e.DataPlanes.Config, "/")
}

// Endpoints asks the hub who it is; no token is needed.
func (h *Hub) Endpoints(ctx context.Context) (Endpoints, error) {
	anonymous := &Hub{URL: h.URL, HTTP: h.HTTP, CorrelationID: h.CorrelationID}
	var endpoints Endpoints
	response, err := anonymous.Do(ctx, Call{Method: http.MethodGet, Path: "/metadata/endpoints", Version: "2022-09-01"})
	if err != nil {
		return endpoints, err
	}
	return endpoints, response.Decode(&endpoints)
}
