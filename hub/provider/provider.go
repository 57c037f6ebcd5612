// Package provider has the resource types of the hub, one file each, and the fixed documents that
// describe tenants, subscriptions, locations and providers. What all types have in common is in
// hub/resource; how a cluster's life is followed is in hub/presence.
package provider

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/extension"
	"github.com/fairlead/fairlead/hub/extension/catalogue"
	"github.com/fairlead/fairlead/hub/gitops"
	"github.com/fairlead/fairlead/hub/presence"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

// Deps is what the resource types need. All fields but Credential and Recording are required.
type Deps struct {
	Store     *store.DB
	Access    *access.Checker
	Presence  Presence
	Connected func(key string) bool // whether a cluster holds a tunnel; nil shows nothing of it
	URL       string                // of the hub, without a trailing slash
	TenantID  string
	Locations []string // lower case, without blanks
	Now       func() time.Time
	// Recording opens the content of a recorded session, which the caller closes; without it there is none to download.
	Recording func(id string) (*os.File, error)
	// Credential answers listClusterUserCredential on connected clusters; without it there is no such action.
	Credential resource.Action
	// Extensions and Catalogue are for cluster extensions.
	Extensions *extension.Service
	Catalogue  *catalogue.Catalogue
	// Flux is for Flux configurations. Make writes a resource for the hub itself, if there is none; *resource.API does.
	Flux *gitops.Service
	Make func(ctx context.Context, id fairlead.ResourceID, correlation string, sent resource.Document) error
	Log  *slog.Logger
	// Draining ends long polls when the hub stops; nil never does.
	Draining <-chan struct{}
}

// Presence is what the inventory shows of a cluster's life; *presence.Tracker is one.
type Presence interface {
	View(key string) presence.View
	Forget(ctx context.Context, key string) error
}

// All returns the resource types of the hub. A new type is one more line here.
func All(deps Deps) []resource.Type {
	return []resource.Type{
		resourceGroups(deps),
		connectedClusters(deps),
		clusterExtensions(deps),
		extensionEvents(deps),
		extensionTypes(deps),
		fluxConfigurations(deps),
		fluxLogs(deps),
		sourceControlConfigurations(deps),
		managedClusters(deps),
		roleAssignments(deps),
		roleDefinitions(deps),
		permissions(deps),
		denyAssignments(deps),
		gatewaySettings(deps),
		recordings(deps),
	}
}
