package provider

import (
	"context"
	"net/url"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/hub/gitops"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

// sourceControls is the resource type of configurations of Flux v1, which run on Flux 2.
type sourceControls struct{ Deps }

func sourceControlConfigurations(deps Deps) resource.Type {
	kind := sourceControls{deps}
	return resource.Type{
		Name: gitops.SourceControlType, Level: resource.Anywhere, Names: fluxName,
		APIVersions: []string{
			"2019-11-01-preview", "2020-07-01-preview", "2020-10-01-preview", "2021-03-01", "2021-05-01-preview", "2021-11-01-preview", "2022-01-01-preview",
			"2022-03-01", "2022-07-01", "2022-11-01", "2023-05-01",
		},
		ReadOnly: []string{configuration.RecordPath, "properties.repositoryPublicKey", "properties.complianceStatus"},
		Prepare:  kind.prepare, WakesParent: true, Leave: kind.leave, View: kind.view,
		Create: kind.apply, Update: kind.apply, Delete: kind.delete,
	}
}

// httpsUser is a protected setting of v1 that none of Flux 2 corresponds to.
const httpsUser = "httpsUser"

// prepare validates what was sent, as far as Flux 2 would refuse it, and completes it.
func (s sourceControls) prepare(ctx context.Context, change *resource.Change) error {
	if err := s.placeFlux(ctx, change); err != nil {
		return err
	}
	if err := s.alone(ctx, change); err != nil {
		return err
	}
	settings, err := sourceSecrets(change)
	if err != nil {
		return err
	}
	before, now, err := readSourceControl(change)
	if err != nil {
		return err
	}
	kept := map[string]string{}
	if change.Old != nil {
		if kept, err = s.Flux.Protected(ctx, change.ID.Key()); err != nil {
			return err
		}
		if before.Record.HTTPSUser != "" {
			kept[httpsUser] = before.Record.HTTPSUser
		}
	}
	values, names, err := resolved(settings, kept)
	if err != nil {
		return err
	}
	now.Record.HTTPSUser = values[httpsUser]
	delete(values, httpsUser)
	delete(kept, httpsUser)
	spec, _, err := now.Flux()
	if err != nil {
		return err
	}
	if err := checkFlux(change.ID.Name(), spec, values); err != nil {
		return err
	}
	if change.Old != nil {
		was, _, err := before.Flux()
		if err != nil {
			return err
		}
		if err := fixedFlux(change.ID.Name(), was, spec); err != nil {
			return err
		}
	}
	change.New.Set(protectedPath, names)
	record := gitops.SourceControlRecord{Record: before.Record.Next(s.Now(), resource.Correlation(ctx)), HTTPSUser: now.Record.HTTPSUser}
	if record.ProtectedHash, err = seal(s.Flux.Service, change, before.Record.ProtectedHash, values, kept); err != nil {
		return err
	}
	return configuration.Note(change.New, record)
}

// alone refuses a name that a configuration of Flux 2 has: in the cluster they would be the same object.
func (s sourceControls) alone(ctx context.Context, change *resource.Change) error {
	_, err := s.Store.GetResource(ctx, gitops.Key(change.ID.Scope, change.ID.Name()))
	if err == nil {
		return fairlead.Errorf(fairlead.Conflict, "The cluster has a configuration of Flux 2 with the name '%s'. Choose another name, or change that one.",
			change.ID.Name()).WithCode("FluxConfigurationExists")
	}
	if fairlead.KindOf(err) == fairlead.NotFound {
		return nil
	}
	return err
}

// sourceSecrets takes the protected settings out of a change and decodes them.
func sourceSecrets(change *resource.Change) (map[string]any, error) {
	if err := misspelled(change.New.Object("properties"), "configurationProtectedSettings"); err != nil {
		return nil, err
	}
	settings := sentProtected(change)
	change.New.Drop(protectedPath)
	for name, value := range settings {
		if name != httpsUser && name != fairlead.FluxHTTPSKey && name != fairlead.FluxSSHPrivateKey {
			return nil, badContent("'%.128s' is no protected setting of a configuration. There are: sshPrivateKey, httpsUser, httpsKey.", name)
		}
		text, isText := value.(string)
		if !isText {
			continue
		}
		plain, err := decoded(text)
		if err != nil {
			return nil, badContent("The protected setting '%s' must be base64 of its value, as az writes it.", name)
		}
		settings[name] = plain
	}
	return settings, boundSecrets(settings)
}

func readSourceControl(change *resource.Change) (before, now gitops.SourceControl, err error) {
	if change.Old != nil {
		if err := change.Old.Decode(&before); err != nil {
			return before, now, err
		}
	}
	for path, value := range map[string]string{
		"properties.operatorNamespace": "default", "properties.operatorInstanceName": change.ID.Name(), "properties.operatorType": "Flux",
		"properties.operatorScope": fairlead.ScopeCluster,
	} {
		fill(change.New, path, value)
	}
	if kind := change.New.Text("properties.operatorType"); !strings.EqualFold(kind, "Flux") {
		return before, now, badContent("The property 'operatorType' is 'Flux', not '%.64s'.", kind)
	}
	if scope := change.New.Text("properties.operatorScope"); !strings.EqualFold(scope, fairlead.ScopeCluster) && !strings.EqualFold(scope, fairlead.ScopeNamespace) {
		return before, now, badContent("The property 'operatorScope' is 'cluster' or 'namespace', not '%.64s'.", scope)
	}
	err = change.New.Decode(&now)
	return before, now, err
}

func (s sourceControls) apply(ctx context.Context, stored store.Resource) error {
	if err := s.Flux.Preempted(stored); err != nil {
		return err
	}
	if err := s.bringFlux(ctx, stored); err != nil {
		return err
	}
	return s.Flux.Await(ctx, stored)
}

func (s sourceControls) leave(ctx context.Context, document resource.Document, query url.Values) error {
	var known gitops.SourceControl
	if err := document.Decode(&known); err != nil {
		return err
	}
	known.Record.Record = known.Record.Next(s.Now(), resource.Correlation(ctx))
	known.Record.Deleted, known.Record.Forced = true, forced(query)
	return configuration.Note(document, known.Record)
}

func (s sourceControls) delete(ctx context.Context, stored store.Resource) error {
	return s.retire(ctx, s.Flux.Service, stored)
}
