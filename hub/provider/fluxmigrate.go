package provider

import (
	"context"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/hub/gitops"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

// replaced is the configuration of Flux v1 of the same name, whose place a configuration of Flux 2 takes: in the cluster they are one
// and the same object, which changes its wish. Nil when there is none.
func (f fluxes) replaced(ctx context.Context, id fairlead.ResourceID) (*store.Resource, error) {
	cluster, err := fairlead.ParseResourceID(id.Scope)
	if err != nil {
		return nil, err
	}
	old, err := f.Store.GetResource(ctx, configuration.Key(cluster.Key(), gitops.SourceControlType, id.Name()))
	if err != nil && fairlead.KindOf(err) == fairlead.NotFound {
		return nil, nil //nolint:nilnil // no predecessor is an answer
	}
	return &old, err
}

// keptSecrets are the protected settings that there are: those of the configuration, or of the one of Flux v1 whose place it takes.
// To v1 the user of a repository was one of them, which comes along.
func (f fluxes) keptSecrets(ctx context.Context, change *resource.Change, now *gitops.Document) (map[string]string, error) {
	if change.Old != nil {
		return f.Flux.Protected(ctx, change.ID.Key())
	}
	old, err := f.replaced(ctx, change.ID)
	if err != nil || old == nil {
		return map[string]string{}, err
	}
	before, err := gitops.ReadSourceControl(*old)
	if err != nil {
		return nil, err
	}
	if git := now.Properties.GitRepository; git != nil && git.HTTPSUser == "" && change.Sent.Has(protectedPath+"."+fairlead.FluxHTTPSKey) {
		git.HTTPSUser = before.Record.HTTPSUser
		change.New.Set("properties.gitRepository.httpsUser", git.HTTPSUser)
	}
	return f.Flux.Protected(ctx, old.Key)
}

// takePlace removes the configuration of Flux v1 that this one follows. It says nothing to the cluster.
func (f fluxes) takePlace(ctx context.Context, stored store.Resource) error {
	id, err := fairlead.ParseResourceID(stored.ID)
	if err != nil {
		return err
	}
	old, err := f.replaced(ctx, id)
	if err != nil || old == nil {
		return err
	}
	return f.Flux.Replaced(ctx, *old, stored)
}
