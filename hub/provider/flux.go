package provider

import (
	"context"
	"net/url"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/hub/extension"
	"github.com/fairlead/fairlead/hub/gitops"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

// fluxes is the resource type of Flux configurations.
type fluxes struct{ Deps }

func fluxConfigurations(deps Deps) resource.Type {
	kind := fluxes{deps}
	return resource.Type{
		Name: gitops.TypeName, Level: resource.Anywhere, APIVersions: fluxVersions(), Names: fluxName,
		ReadOnly: []string{
			configuration.RecordPath, "properties.statuses", "properties.repositoryPublicKey", "properties.sourceSyncedCommitId", "properties.sourceUpdatedAt",
			"properties.statusUpdatedAt", "properties.complianceState", "properties.errorMessage",
		},
		Prepare: kind.prepare, WakesParent: true, Leave: kind.leave, View: kind.view,
		Create: kind.apply, Update: kind.apply, Delete: kind.delete, Settle: noteFailure,
	}
}

// fluxVersions are those in which clients ask for Flux configurations. In earlier ones dependsOn had another form.
func fluxVersions() []string {
	return []string{
		"2022-03-01", "2022-07-01", "2022-11-01", "2023-05-01", "2024-04-01-preview", "2024-11-01", "2024-11-01-preview", "2025-04-01", "2025-05-01-preview",
	}
}

// prepare validates what was sent and completes it.
func (f fluxes) prepare(ctx context.Context, change *resource.Change) error {
	if err := f.placeFlux(ctx, change); err != nil {
		return err
	}
	settings, err := fluxSecrets(change)
	if err != nil {
		return err
	}
	before, now, err := readFlux(change)
	if err != nil {
		return err
	}
	kept, err := f.keptSecrets(ctx, change, &now)
	if err != nil {
		return err
	}
	values, names, err := resolved(fitting(settings, now.Properties.SourceKind), kept)
	if err != nil {
		return err
	}
	if err := checkFlux(change.ID.Name(), now.Properties.Spec(), values); err != nil {
		return err
	}
	if err := f.stays(ctx, change, before, now); err != nil {
		return err
	}
	change.New.Set(protectedPath, names)
	record := before.Record.Next(f.Now(), resource.Correlation(ctx))
	if record.ProtectedHash, err = seal(f.Flux.Service, change, before.Record.ProtectedHash, values, kept); err != nil {
		return err
	}
	return configuration.Note(change.New, record)
}

// readFlux reads a change whose secrets have been taken out, so that no error can quote them, and settles what it leaves open.
func readFlux(change *resource.Change) (before, now gitops.Document, err error) {
	if change.Old != nil {
		if err := change.Old.Decode(&before); err != nil {
			return before, now, err
		}
	}
	if err := settleFlux(change); err != nil {
		return before, now, err
	}
	err = change.New.Decode(&now)
	return before, now, err
}

// placeFlux refuses configurations on anything but a cluster, and too many of them.
func (d Deps) placeFlux(ctx context.Context, change *resource.Change) error {
	cluster, err := fairlead.ParseResourceID(change.ID.Scope)
	if err != nil || clusterKind(cluster) == "" {
		return fairlead.Errorf(fairlead.NotFound, "Flux configurations are on connected clusters; '%.256s' is none.", change.ID.Scope).WithCode("InvalidResourceType")
	}
	if change.Old != nil {
		return nil
	}
	return d.roomForFlux(ctx, cluster, change.ID)
}

// roomForFlux refuses one configuration too many. Those of Flux v1 count as well, since in the cluster they are the same; one whose
// place the new one takes does not.
func (d Deps) roomForFlux(ctx context.Context, cluster, wanted fairlead.ResourceID) error {
	others := 0
	for _, kind := range []string{gitops.TypeName, gitops.SourceControlType} {
		found, err := d.Store.ListResources(ctx, store.Query{Prefix: configuration.Key(cluster.Key(), kind, ""), Limit: gitops.MaxPerCluster + 1})
		if err != nil {
			return err
		}
		for _, one := range found {
			if !strings.EqualFold(one.Name, wanted.Name()) {
				others++
			}
		}
	}
	if others >= gitops.MaxPerCluster {
		return fairlead.Errorf(fairlead.Conflict, "The cluster '%s' has %d configurations, which is as many as a cluster can have.",
			cluster.Name(), others).WithCode("QuotaExceeded")
	}
	return nil
}

// stays refuses to move a configuration, also from where the one of Flux v1 was whose place it takes.
func (f fluxes) stays(ctx context.Context, change *resource.Change, before, now gitops.Document) error {
	if change.Old != nil {
		return fixedFlux(change.ID.Name(), before.Properties.Spec(), now.Properties.Spec())
	}
	old, err := f.replaced(ctx, change.ID)
	if err != nil || old == nil {
		return err
	}
	earlier, err := gitops.ReadSourceControl(*old)
	if err != nil {
		return err
	}
	was, _, err := earlier.Flux()
	if err != nil {
		return err
	}
	return fixedFlux(change.ID.Name(), was, now.Properties.Spec())
}

// fixedFlux refuses another namespace or scope: what the configuration has made would stay behind.
func fixedFlux(name string, before, now fairlead.FluxSpec) error {
	for what, values := range map[string][2]string{
		"namespace": {before.Namespace, now.Namespace}, "scope": {before.Scope, now.Scope},
	} {
		if values[0] != values[1] {
			return fairlead.Errorf(fairlead.Conflict, "The %s of the configuration '%s' is '%s' and cannot be changed. Delete the configuration first, or choose another name.",
				what, name, values[0]).WithCode("FluxConfigurationCannotBeMoved")
		}
	}
	return nil
}

// apply brings Flux into the cluster if it is not there, and waits until the cluster has done what was written.
func (f fluxes) apply(ctx context.Context, stored store.Resource) error {
	if err := f.Flux.Preempted(stored); err != nil {
		return err
	}
	if err := f.takePlace(ctx, stored); err != nil {
		return err
	}
	if err := f.bringFlux(ctx, stored); err != nil {
		return err
	}
	return f.Flux.Await(ctx, stored)
}

// bringFlux makes the extension that runs Flux, if its cluster has none.
func (d Deps) bringFlux(ctx context.Context, stored store.Resource) error {
	cluster, err := configuration.Of(stored.ID)
	if err != nil {
		return err
	}
	found, err := d.Flux.Extensions(ctx, cluster)
	if err != nil || len(found) > 0 {
		return err
	}
	document, err := configuration.Read(stored)
	if err != nil {
		return err
	}
	id := fairlead.ResourceID{
		Scope: cluster.String(), Subscription: cluster.Subscription, ResourceGroup: cluster.ResourceGroup,
		Namespace: "Microsoft.KubernetesConfiguration", Types: []string{"extensions"}, Names: []string{fairlead.FluxExtension},
	}
	err = d.Make(ctx, id, document.Record.CorrelationID, resource.Document{"properties": map[string]any{
		"extensionType": fairlead.FluxExtensionType, "autoUpgradeMinorVersion": true,
		"scope": map[string]any{"cluster": map[string]any{"releaseNamespace": fairlead.FluxNamespace}},
	}})
	if err != nil && fairlead.KindOf(err) != fairlead.Internal {
		return gitops.NotReady(document, fairlead.ExtensionError{
			Message: "The extension '" + fairlead.FluxExtension + "', which runs Flux, could not be created. " + err.Error(),
		})
	}
	return err
}

// leave notes that a configuration is to go, and whether its cluster is to be waited for.
func (f fluxes) leave(ctx context.Context, document resource.Document, query url.Values) error {
	var known gitops.Document
	if err := document.Decode(&known); err != nil {
		return err
	}
	record := known.Record.Next(f.Now(), resource.Correlation(ctx))
	record.Deleted, record.Forced = true, forced(query)
	return configuration.Note(document, record)
}

// delete waits until the cluster has removed what the configuration made, unless it is not to be waited for.
func (f fluxes) delete(ctx context.Context, stored store.Resource) error {
	return f.retire(ctx, f.Flux.Service, stored)
}

// retire waits until a cluster has removed what a configuration made, unless it is not to be waited for: when that was forced, or the
// cluster is being deleted itself, or was never there.
func (d Deps) retire(ctx context.Context, with *configuration.Service, stored store.Resource) error {
	known, err := configuration.Read(stored)
	if err != nil {
		return err
	}
	cluster, err := configuration.Of(stored.ID)
	if err != nil {
		return err
	}
	switch {
	case !known.Record.Deleted: // the cluster goes, and takes all with it
	case known.Record.Forced:
		return with.Forget(ctx, stored)
	case d.Presence.View(cluster.Key()).LastSeen.IsZero(): // it has nothing
	default:
		if err := with.Await(ctx, stored); err != nil {
			return err
		}
	}
	return d.Store.DropConfiguration(ctx, stored.Key)
}

// guard refuses to remove Flux from under configurations, unless that is forced: nothing would be left that removes what they have
// made.
func (e extensions) guard(ctx context.Context, stored store.Resource, query url.Values) error {
	known, err := extension.Read(stored)
	if err != nil || known.Properties.ExtensionType != fairlead.FluxExtensionType || forced(query) {
		return err
	}
	cluster, err := configuration.Of(stored.ID)
	if err != nil {
		return err
	}
	all, err := e.Flux.Extensions(ctx, cluster)
	if err != nil || len(all) > 1 {
		return err
	}
	wanted, err := e.Flux.Wanted(ctx, cluster)
	if err != nil {
		return err
	}
	var names []string
	for _, one := range wanted {
		if !one.Orphan { // forgotten: nothing of it is removed any more
			names = append(names, one.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fairlead.Errorf(fairlead.Conflict, "The extension '%s' runs Flux for the configurations %.500s. Delete those first, so that what they made is removed; "+
		"or force the deletion of the extension (forceDelete=true), which leaves all in the cluster.", stored.Name, listed(names)).WithCode("FluxConfigurationsExist")
}
