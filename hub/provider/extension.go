package provider

import (
	"context"
	"maps"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/hub/extension"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

// extensions is the resource type of cluster extensions.
type extensions struct{ Deps }

func clusterExtensions(deps Deps) resource.Type {
	kind := extensions{deps}
	return resource.Type{
		Name:        extension.TypeName,
		Level:       resource.Anywhere,
		APIVersions: extensionVersions(),
		Names:       regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`),
		ReadOnly: []string{
			configuration.RecordPath, "identity.principalId", "identity.tenantId",
			"properties.currentVersion", "properties.installedVersion", "properties.statuses", "properties.errorInfo", "properties.isSystemExtension",
			"properties.packageUri", "properties.customLocationSettings", "properties.drift", "properties.operation",
			"properties.aksAssignedIdentity.principalId", "properties.aksAssignedIdentity.tenantId",
		},
		Keep: []string{
			"identity", "plan", "properties.extensionType", "properties.releaseTrain", "properties.autoUpgradeMinorVersion",
		},
		Prepare: kind.prepare, WakesParent: true, Guard: kind.guard, Leave: kind.leave, View: kind.view,
		Create: kind.apply, Update: kind.apply, Delete: kind.delete, Settle: noteFailure,
	}
}

// extensionVersions are those in which clients ask for extensions.
func extensionVersions() []string {
	return []string{
		"2020-07-01-preview", "2021-05-01-preview", "2021-09-01", "2021-11-01-preview", "2022-01-01-preview", "2022-03-01", "2022-04-02-preview", "2022-07-01",
		"2022-11-01", "2022-11-01-preview", "2023-05-01", "2023-05-01-preview", "2024-11-01", "2024-11-01-preview", "2025-03-01",
	}
}

// prepare validates what was sent, completes it, and decides which version of which chart it stands for.
func (e extensions) prepare(ctx context.Context, change *resource.Change) error {
	if err := e.place(ctx, change); err != nil {
		return err
	}
	before, now, err := readChange(change)
	if err != nil {
		return err
	}
	if err := settle(change, before, &now); err != nil {
		return err
	}
	if err := e.choose(ctx, change, before, &now); err != nil {
		return err
	}
	if err := e.protect(ctx, change, before, &now); err != nil {
		return err
	}
	e.identify(change)
	return now.Record.Next(e.Now(), resource.Correlation(ctx)).Into(change.New)
}

func readChange(change *resource.Change) (before, now extension.Document, err error) {
	if change.Old != nil {
		if err := change.Old.Decode(&before); err != nil {
			return before, now, err
		}
	}
	if err := misspelled(change.New.Object("properties"), "configurationProtectedSettings"); err != nil {
		return before, now, err
	}
	if err := checkSettings(change.New); err != nil {
		return before, now, err
	}
	values := takeProtected(change.New)
	err = change.New.Decode(&now)
	change.New.Set(protectedPath, values)
	now.Record = before.Record
	return before, now, err
}

// takeProtected takes the protected settings out of a document for a moment, so that no error can quote them.
func takeProtected(document resource.Document) map[string]any {
	values, _ := document.Get(protectedPath).(map[string]any)
	document.Drop(protectedPath)
	if values == nil {
		values = map[string]any{}
	}
	return maps.Clone(values)
}

// identify gives a new extension the identity that clients ask for.
func (e extensions) identify(change *resource.Change) {
	if !change.New.Has("identity") {
		return
	}
	if kind := change.New.Text("identity.type"); kind == "" || strings.EqualFold(kind, "None") {
		change.New.Drop("identity")
		return
	}
	principal := change.New.Text("identity.principalId")
	if principal == "" {
		principal = uuid.NewString()
	}
	change.New.Set("identity", map[string]any{"type": "SystemAssigned", "principalId": principal, "tenantId": e.TenantID})
}

// place refuses extensions on anything but a cluster, and too many of them.
func (e extensions) place(ctx context.Context, change *resource.Change) error {
	cluster, err := fairlead.ParseResourceID(change.ID.Scope)
	if err != nil || clusterKind(cluster) == "" {
		return fairlead.Errorf(fairlead.NotFound, "Extensions are on connected clusters; '%.256s' is none.", change.ID.Scope).WithCode("InvalidResourceType")
	}
	if change.Old != nil {
		return nil
	}
	if len(change.ID.Name()) > maxReleaseName {
		return fairlead.Errorf(fairlead.Invalid, "The name of an extension has at most %d characters, because it is that of its Helm release.", maxReleaseName).
			WithCode("InvalidResourceName")
	}
	found, err := e.Store.ListResources(ctx, store.Query{Prefix: extension.Key(cluster.Key(), ""), Limit: extension.MaxPerCluster})
	if err == nil && len(found) >= extension.MaxPerCluster {
		return fairlead.Errorf(fairlead.Conflict, "The cluster '%s' has %d extensions, which is as many as a cluster can have.",
			cluster.Name(), len(found)).WithCode("QuotaExceeded")
	}
	return err
}

// maxReleaseName is Helm's.
const maxReleaseName = 53

// clusterKind returns the kind of cluster that an id is of, empty for anything else.
func clusterKind(id fairlead.ResourceID) string {
	for kind, short := range map[string]string{clusterType: "connectedClusters", managedType: "managedClusters"} {
		if id.Scope == "" && strings.EqualFold(id.Type(), kind) {
			return short
		}
	}
	return ""
}

// apply waits until the cluster has done what was written.
func (e extensions) apply(ctx context.Context, stored store.Resource) error {
	if err := e.Extensions.Preempted(stored); err != nil {
		return err
	}
	if err := e.principal(ctx, stored); err != nil {
		return err
	}
	return e.Extensions.Await(ctx, stored)
}

// noteFailure keeps why an operation has failed. The cluster may never have heard of it, and people look hours later.
func noteFailure(document resource.Document, ended store.Operation) {
	const path = configuration.RecordPath + ".failure"
	if reason := configuration.Reason(ended); reason != nil {
		document.Set(path, reason)
		return
	}
	document.Drop(path)
}

func (e extensions) principal(ctx context.Context, stored store.Resource) error {
	document, err := resource.ReadDocument(stored.Body)
	id := ""
	if err == nil {
		id = document.Text("identity.principalId")
	}
	if err != nil || id == "" {
		return err
	}
	err = e.Store.CreatePrincipal(ctx, store.Principal{
		ObjectID: id, AppID: uuid.NewSHA1(uuid.NameSpaceOID, []byte(id)).String(), TenantID: e.TenantID,
		Kind: store.ManagedIdentity, DisplayName: stored.Name, CreatedAt: e.Now(),
	})
	if err != nil && fairlead.KindOf(err) == fairlead.Conflict {
		return nil // made by an earlier run, or an earlier write
	}
	return err
}

// leave notes that an extension is to go, and whether its cluster is to be waited for.
func (e extensions) leave(ctx context.Context, document resource.Document, query url.Values) error {
	var known extension.Document
	if err := document.Decode(&known); err != nil {
		return err
	}
	record := known.Record.Next(e.Now(), resource.Correlation(ctx))
	record.Deleted, record.Forced = true, forced(query)
	return record.Into(document)
}

func forced(query url.Values) bool {
	for name, values := range query {
		if strings.EqualFold(name, "forceDelete") {
			yes, err := strconv.ParseBool(strings.ToLower(values[0]))
			return err == nil && yes
		}
	}
	return false
}

// delete waits until the cluster has uninstalled the extension, unless it is not to be waited for.
func (e extensions) delete(ctx context.Context, stored store.Resource) error {
	if err := e.retire(ctx, e.Extensions.Service, stored); err != nil {
		return err
	}
	return e.removePrincipal(ctx, stored)
}

func (e extensions) removePrincipal(ctx context.Context, stored store.Resource) error {
	document, err := resource.ReadDocument(stored.Body)
	if err != nil {
		return err
	}
	id := document.Text("identity.principalId")
	if id == "" {
		return nil
	}
	if err := e.Access.Forget(ctx, id); err != nil {
		return err
	}
	return e.Store.DeletePrincipal(ctx, id)
}
