package client

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
)

// The api-versions for extensions and their types.
const (
	ExtensionVersion     = "2023-05-01"
	ExtensionTypeVersion = "2023-05-01-preview"
)

// ConfigurationProvider is the provider of extensions and of their types.
const ConfigurationProvider = "Microsoft.KubernetesConfiguration"

// The kinds of clusters that can have extensions, as the command line and az name them.
const (
	ConnectedClusters = "connectedClusters"
	ManagedClusters   = "managedClusters"
)

// ManagedClusterID returns the id of a cluster of AKS' kind; it does not check the names.
func ManagedClusterID(subscription, group, name string) fairlead.ResourceID {
	return fairlead.ResourceID{
		Subscription: subscription, ResourceGroup: group, Namespace: "Microsoft.ContainerService",
		Types: []string{ManagedClusters}, Names: []string{name},
	}
}

// ExtensionID returns the id of an extension of a cluster; it does not check the name.
func ExtensionID(cluster fairlead.ResourceID, name string) fairlead.ResourceID {
	return below(cluster, "extensions", name)
}

// ExtensionsBelow returns the path of the extensions of a cluster.
func ExtensionsBelow(cluster fairlead.ResourceID) string {
	return cluster.String() + "/providers/" + ConfigurationProvider + "/extensions"
}

// ExtensionTypesBelow returns the path of the types that fit a cluster.
func ExtensionTypesBelow(cluster fairlead.ResourceID) string {
	return cluster.String() + "/providers/" + ConfigurationProvider + "/extensionTypes"
}

// ExtensionTypesAt returns the path of the types of a location.
func ExtensionTypesAt(subscription, location string) string {
	return "/subscriptions/" + subscription + "/providers/" + ConfigurationProvider + "/locations/" + url.PathEscape(location) + "/extensionTypes"
}

// ExtensionTypesPath is where an administrator registers types.
const ExtensionTypesPath = "/providers/" + ConfigurationProvider + "/extensionTypes"

func below(cluster fairlead.ResourceID, kind, name string) fairlead.ResourceID {
	return fairlead.ResourceID{
		Scope: cluster.String(), Subscription: cluster.Subscription, ResourceGroup: cluster.ResourceGroup,
		Namespace: ConfigurationProvider, Types: []string{kind}, Names: []string{name},
	}
}

// Extension is an extension of a cluster as the hub shows it.
type Extension struct {
	ID         string              `json:"id"`
	Name       string              `json:"name"`
	Properties ExtensionProperties `json:"properties"`
}

// ExtensionProperties are what clients read of an extension. Version is the one asked for, CurrentVersion the one that runs.
type ExtensionProperties struct {
	ExtensionType     string                     `json:"extensionType"`
	ReleaseTrain      string                     `json:"releaseTrain"`
	Version           string                     `json:"version"`
	CurrentVersion    string                     `json:"currentVersion"`
	ProvisioningState string                     `json:"provisioningState"`
	Statuses          []fairlead.ExtensionStatus `json:"statuses"`
	ErrorInfo         *Failure                   `json:"errorInfo"`
}

// Extension reads an extension.
func (h *Hub) Extension(ctx context.Context, id fairlead.ResourceID) (Extension, error) {
	var found Extension
	err := h.Get(ctx, id.String(), ExtensionVersion, &found)
	return found, err
}

// BeginExtension sends a change of an extension: PUT, PATCH or DELETE. The cluster does the work, so it takes a while.
func (h *Hub) BeginExtension(ctx context.Context, method string, id fairlead.ResourceID, body any) (*Begun, error) {
	return h.Begin(ctx, Call{Method: method, Path: id.String(), Version: ExtensionVersion, Body: body, Async: true})
}

// BeginForcedDelete has the hub forget an extension whatever its cluster says or does not say.
func (h *Hub) BeginForcedDelete(ctx context.Context, id fairlead.ResourceID) (*Begun, error) {
	return h.Begin(ctx, Call{
		Method: http.MethodDelete, Path: id.String(), Version: ExtensionVersion, Query: url.Values{"forceDelete": {"true"}}, Async: true,
	})
}

// extensionEvents are what happened to an extension.
func extensionEvents(id fairlead.ResourceID) sequel[fairlead.ExtensionEvent] {
	return sequel[fairlead.ExtensionEvent]{
		path: id.String() + "/events", version: ExtensionVersion, number: func(e fairlead.ExtensionEvent) int64 { return e.Sequence },
	}
}

// PastExtensionEvents reads the events that there are after the sequence number since, and the number of the last one. The hub waits
// for some to come when there are none: within is how long that is waited for.
func (h *Hub) PastExtensionEvents(ctx context.Context, id fairlead.ResourceID, since int64, within time.Duration) ([]fairlead.ExtensionEvent, int64, error) {
	return extensionEvents(id).past(ctx, h, since, within)
}

// FollowExtension hands the events of an extension to see as they come, those after the sequence number since, until ctx ends, see
// fails or the hub says something else than events. It outlasts a hub that is away.
func (h *Hub) FollowExtension(ctx context.Context, id fairlead.ResourceID, since int64, see func([]fairlead.ExtensionEvent) error) error {
	return extensionEvents(id).follow(ctx, h, since, see)
}

// ClusterTypeOf returns the kind of clusters that a word means, in any case; empty when it is none that a hub has.
func ClusterTypeOf(word string) string {
	for _, kind := range []string{ConnectedClusters, ManagedClusters} {
		if strings.EqualFold(word, kind) {
			return kind
		}
	}
	return ""
}
