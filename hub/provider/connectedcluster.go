package provider

import (
	"context"
	"regexp"
	"slices"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

// clusters is the resource type of connected clusters.
type clusters struct{ Deps }

func connectedClusters(deps Deps) resource.Type {
	kind := clusters{deps}
	return resource.Type{
		Name:        "Microsoft.Kubernetes/connectedClusters",
		APIVersions: clusterVersions(),
		Names:       regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$`),
		Locations:   deps.Locations,
		ReadOnly: []string{
			"identity.principalId", "identity.tenantId",
			"properties.connectivityStatus", "properties.lastConnectivityTime", "properties.managedIdentityCertificateExpirationTime",
			"properties.kubernetesVersion", "properties.totalNodeCount", "properties.totalCoreCount",
			"properties.agentVersion", "properties.offering", "properties.miscellaneousProperties", "properties.oidcIssuerProfile.issuerUrl",
			"properties.arcAgentProfile.agentState", "properties.arcAgentProfile.agentErrors", "properties.arcAgentProfile.systemComponents",
			"properties.clusterConnect.state", "properties.clusterConnect.azureRbac", "properties.clusterConnect.tunnel",
		},
		Keep: []string{
			"kind", "identity", "properties.agentPublicKeyCertificate", "properties.aadProfile",
			"properties.distribution", "properties.distributionVersion", "properties.infrastructure",
			"properties.privateLinkState", "properties.privateLinkScopeResourceId", "properties.azureHybridBenefit", "properties.gateway",
			"properties.arcAgentProfile", "properties.arcAgentryConfigurations", "properties.oidcIssuerProfile", "properties.securityProfile",
			"properties.clusterConnect",
		},
		Prepare: kind.prepare,
		Subject: keySubject,
		View:    kind.view,
		Create:  kind.create,
		Delete:  kind.delete,
		Actions: map[string]resource.Action{"listclusterusercredential": deps.Credential, "listclusterusercredentials": deps.Credential},
	}
}

// clusterVersions are those of connected clusters and of what belongs to them.
func clusterVersions() []string {
	return []string{
		"2020-01-01-preview", "2021-03-01", "2021-04-01-preview", "2021-10-01", "2022-05-01-preview", "2022-10-01-preview",
		"2023-11-01-preview", "2024-01-01", "2024-02-01-preview", "2024-06-01-preview", "2024-07-01-preview", "2024-07-15-preview",
		"2024-12-01-preview", "2025-08-01-preview", "2025-12-01-preview", "2026-02-01-preview", "2026-05-01",
	}
}

// optional is what clients may say of a cluster besides fairlead.ConnectedCluster, for its types only: what is
// sent is kept as it is.
type optional struct {
	Kind       string
	Properties struct {
		PrivateLinkScopeResourceID, AzureHybridBenefit string

		Gateway         *struct{ Enabled bool }
		SecurityProfile *struct {
			WorkloadIdentity *struct{ Enabled bool }
		}
		OIDCIssuerProfile *struct {
			Enabled             bool
			SelfHostedIssuerURL string
		}
		AADProfile *struct {
			EnableAzureRBAC     bool
			AdminGroupObjectIDs []string
			TenantID            string
		}
		ClusterConnect *struct{ SessionRecording, SessionRecordingInput string }
	}
}

// prepare validates what was sent and gives a new cluster its identity. The principal itself is
// made by create, under the object id that is stored here first.
func (c clusters) prepare(ctx context.Context, change *resource.Change) error {
	for _, known := range []any{&fairlead.ConnectedCluster{}, &optional{}} {
		if err := change.New.Decode(known); err != nil {
			return err
		}
	}
	if err := c.checkKey(ctx, change); err != nil {
		return err
	}
	if change.Old == nil {
		change.New.Set("identity", map[string]any{
			"type": "SystemAssigned", "principalId": uuid.NewString(), "tenantId": c.TenantID,
		})
	}
	for path, value := range map[string]string{
		"properties.privateLinkState": "Disabled", "properties.arcAgentProfile.agentAutoUpgrade": "Enabled",
		"properties.azureHybridBenefit": "NotApplicable",
	} {
		fill(change.New, path, value)
	}
	dropProtected(change.New)
	if err := checkWords(change.New); err != nil {
		return err
	}
	return uniteRecording(change)
}

func fill(document resource.Document, path, value string) {
	if document.Text(path) == "" {
		document.Set(path, value)
	}
}

// dropProtected forgets protected settings: they belong into the cluster and never to the hub.
func dropProtected(document resource.Document) {
	features, _ := document.Get("properties.arcAgentryConfigurations").([]any)
	for _, feature := range features {
		if feature, ok := feature.(map[string]any); ok {
			delete(feature, "protectedSettings")
		}
	}
}

func checkWords(document resource.Document) error {
	words := map[string][]string{
		"identity.type":                               {"SystemAssigned"},
		"properties.privateLinkState":                 {"Enabled", "Disabled"},
		"properties.arcAgentProfile.agentAutoUpgrade": {"Enabled", "Disabled"},
		"properties.azureHybridBenefit":               {"True", "False", "NotApplicable"},
	}
	for _, path := range []string{"properties.clusterConnect.sessionRecording", "properties.clusterConnect.sessionRecordingInput"} {
		if document.Has(path) {
			words[path] = []string{"Enabled", "Disabled"}
		}
	}
	for path, allowed := range words {
		if err := oneOf(document, path, allowed); err != nil {
			return err
		}
	}
	return nil
}

// uniteRecording makes the end of recording one for what is shown and for what is typed: else the latter would begin again, unsaid, as
// soon as somebody switches recording on. For the same reason nobody can ask for it where nothing is recorded.
func uniteRecording(change *resource.Change) error {
	const shown, typed, on = "properties.clusterConnect.sessionRecording", "properties.clusterConnect.sessionRecordingInput", "Enabled"
	if change.New.Text(shown) == on || change.New.Text(typed) != on {
		return nil
	}
	if change.Old == nil || change.Old.Text(typed) != on {
		return fairlead.Errorf(fairlead.Invalid, "The value 'Enabled' of '%s' needs '%s' to be 'Enabled': what is typed is recorded only with what is shown.", typed, shown).
			WithCode("InvalidRequestContent")
	}
	change.New.Set(typed, "Disabled")
	return nil
}

func oneOf(document resource.Document, path string, allowed []string) error {
	value := document.Text(path)
	if slices.Contains(allowed, value) {
		return nil
	}
	return fairlead.Errorf(fairlead.Invalid, "The value '%.64s' of '%s' is not one of %q.", value, path, allowed).WithCode("InvalidRequestContent")
}

// create makes the cluster's principal, and forgets what a late heartbeat of a deleted cluster of the
// same name has left.
func (c clusters) create(ctx context.Context, stored store.Resource) error {
	principal, err := c.principal(stored)
	if err != nil {
		return err
	}
	if err := c.Presence.Forget(ctx, stored.Key); err != nil {
		return err
	}
	err = c.Store.CreatePrincipal(ctx, principal)
	if err != nil && fairlead.KindOf(err) == fairlead.Conflict {
		return nil // made by an earlier run of this operation
	}
	return err
}

// delete removes all that existed for the cluster only.
func (c clusters) delete(ctx context.Context, stored store.Resource) error {
	principal, err := c.principal(stored)
	if err != nil {
		return err
	}
	if err := c.Access.Forget(ctx, principal.ObjectID); err != nil {
		return err
	}
	if err := c.Store.DeletePrincipal(ctx, principal.ObjectID); err != nil {
		return err
	}
	if err := c.Store.DropConfigurations(ctx, stored.Key); err != nil {
		return err
	}
	return c.Presence.Forget(ctx, stored.Key)
}

func (c clusters) principal(stored store.Resource) (store.Principal, error) {
	document, err := resource.ReadDocument(stored.Body)
	if err != nil {
		return store.Principal{}, err
	}
	id := document.Text("identity.principalId")
	return store.Principal{
		ObjectID: id, AppID: uuid.NewSHA1(uuid.NameSpaceOID, []byte(id)).String(), TenantID: c.TenantID,
		Kind: store.ManagedIdentity, DisplayName: stored.Name, CreatedAt: c.Now(),
	}, nil
}
