package provider

import (
	"context"
	"regexp"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/extension"
	"github.com/fairlead/fairlead/hub/extension/catalogue"
	"github.com/fairlead/fairlead/hub/resource"
)

const (
	settingsPath = "properties.configurationSettings"

	// The bounds of settings, both kinds each: a Secret holds a mebibyte.
	maxSettings     = 1000
	maxSettingName  = 512
	maxSettingsSize = 256 << 10
	maxTimeout      = 2 * 60 * 60 // seconds
)

var (
	namespaceName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	typeName      = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,126}[a-z0-9])?$`)
)

// checkSettings bounds settings and holds them to texts, without quoting a value.
func checkSettings(document resource.Document) error {
	for _, path := range []string{settingsPath, protectedPath} {
		if !document.Has(path) {
			continue
		}
		settings, ok := document.Get(path).(map[string]any)
		if !ok {
			return badContent("The property '%s' must be an object of texts.", path)
		}
		if len(settings) > maxSettings {
			return badContent("The property '%s' has %d settings; there can be %d.", path, len(settings), maxSettings)
		}
		size := 0
		for name, value := range settings {
			text, isText := value.(string)
			if !isText && (path != protectedPath || value != nil) {
				return badContent("The setting '%.128s' of '%s' must be a text; numbers and booleans are written as texts, such as \"3\" or \"true\".", name, path)
			}
			if name == "" || len(name) > maxSettingName {
				return badContent("A setting of '%s' needs a name of at most %d bytes.", path, maxSettingName)
			}
			size += len(name) + len(text)
		}
		if size > maxSettingsSize {
			return badContent("The settings of '%s' have %d bytes together; there can be %d.", path, size, maxSettingsSize)
		}
	}
	return nil
}

func badContent(format string, args ...any) error {
	return fairlead.Errorf(fairlead.Invalid, format, args...).WithCode("InvalidRequestContent")
}

// settle checks the words of an extension and writes them as they are kept.
func settle(change *resource.Change, before extension.Document, now *extension.Document) error {
	p := &now.Properties
	p.ExtensionType = strings.ToLower(strings.TrimSpace(p.ExtensionType))
	change.New.Set("properties.extensionType", p.ExtensionType)
	if p.ReleaseTrain == "" {
		p.ReleaseTrain = "Stable"
		change.New.Set("properties.releaseTrain", p.ReleaseTrain)
	}
	switch {
	case !typeName.MatchString(p.ExtensionType):
		return badContent("The property 'extensionType' is required and is the name of an extension type, such as 'contoso.demo'.")
	case change.Old != nil && p.ExtensionType != before.Properties.ExtensionType:
		return fairlead.Errorf(fairlead.Conflict, "The extension '%s' is of type '%s'; its type cannot be changed. Delete it first, or choose another name.",
			change.ID.Name(), before.Properties.ExtensionType).WithCode("ExtensionTypeCannotBeChanged")
	case p.TimeoutSeconds < 0 || p.TimeoutSeconds > maxTimeout:
		return badContent("The property 'timeoutSeconds' is between 0 and %d.", maxTimeout)
	}
	return settleUpgrades(change, p)
}

// settleUpgrades holds to the original's rule: who pins a version does without upgrades. A client that changes one of both gets
// the other set right.
func settleUpgrades(change *resource.Change, p *extension.Properties) error {
	sent := change.Sent
	wantsUpgrades, saysUpgrades := sent.Get("properties.autoUpgradeMinorVersion").(bool)
	pins := sent.Text("properties.version") != ""
	switch {
	case wantsUpgrades && pins:
		return badContent("To pin the version '%.64s', set 'autoUpgradeMinorVersion' to false. To upgrade automatically, leave 'version' out.", p.Version)
	case pins && !saysUpgrades:
		set(change, p, false)
	case wantsUpgrades && p.Version != "":
		p.Version = ""
		change.New.Drop("properties.version")
	case p.AutoUpgradeMinorVersion == nil:
		set(change, p, p.Version == "")
	}
	return nil
}

func set(change *resource.Change, p *extension.Properties, upgrades bool) {
	p.AutoUpgradeMinorVersion = &upgrades
	change.New.Set("properties.autoUpgradeMinorVersion", upgrades)
}

// choose resolves type, train and version, when one of them changes.
func (e extensions) choose(ctx context.Context, change *resource.Change, before extension.Document, now *extension.Document) error {
	kind, err := e.Catalogue.Type(ctx, now.Properties.ExtensionType)
	if err != nil {
		if change.Old != nil && fairlead.CodeOf(err) == catalogue.CodeNoType && sameVersion(before, *now) {
			return settleScope(change, catalogue.Type{Name: now.Properties.ExtensionType}) // a type that is gone leaves its extensions
		}
		return err
	}
	cluster, err := fairlead.ParseResourceID(change.ID.Scope)
	if err != nil {
		return err
	}
	if !kind.On(clusterKind(cluster)) {
		return badContent("The extension type '%s' is for %s, not for %s.", kind.Name, strings.Join(kind.ClusterTypes, ", "), clusterKind(cluster))
	}
	if err := settleScope(change, kind); err != nil {
		return err
	}
	if change.Old != nil && sameVersion(before, *now) {
		return nil
	}
	chosen, err := e.Catalogue.Resolve(ctx, kind, now.Properties.ReleaseTrain, now.Properties.Version)
	if err != nil {
		return err
	}
	now.Record.Version, now.Record.Chart, now.Record.Defaults, now.Record.System = chosen.Version, chosen.Chart, kind.DefaultSettings, kind.System
	now.Record.Previous, now.Record.Held = nil, nil
	return nil
}

// sameVersion reports that nothing changes which decides the version: what runs is kept then, until the hub upgrades it.
func sameVersion(before, now extension.Document) bool {
	return before.Record.Version != "" && strings.EqualFold(before.Properties.ReleaseTrain, now.Properties.ReleaseTrain) &&
		(before.Properties.Version == now.Properties.Version || now.Properties.Version == before.Record.Version || now.Properties.Version == "")
}

// settleScope checks the scope, which is one of both and never changes, and completes it.
func settleScope(change *resource.Change, kind catalogue.Type) error {
	scope, err := sentScope(change)
	if err != nil {
		return err
	}
	name, path, place := fairlead.ScopeCluster, "properties.scope.cluster.releaseNamespace", ""
	switch {
	case scope.Cluster != nil && scope.Namespace != nil:
		return badContent("An extension has either 'scope.cluster' or 'scope.namespace', not both.")
	case scope.Namespace != nil:
		name, path, place = fairlead.ScopeNamespace, "properties.scope.namespace.targetNamespace", scope.Namespace.TargetNamespace
	case scope.Cluster != nil:
		place = scope.Cluster.ReleaseNamespace
	}
	if place == "" {
		place = kind.Namespace()
	}
	if !namespaceName.MatchString(place) {
		return badContent("'%.128s' is no name of a namespace: it has lower-case letters, digits and '-', at most 63.", place)
	}
	if !kind.Supports(name) {
		return badContent("The extension type '%s' supports the scopes %s, not '%s'.", kind.Name, strings.Join(kind.Scopes, ", "), name)
	}
	change.New.Set("properties.scope", map[string]any{})
	change.New.Set(path, place)
	if change.Old != nil && change.Old.Has("properties.scope") && change.Old.Text(path) != place {
		return fairlead.Errorf(fairlead.Conflict, "The scope of the extension '%s' cannot be changed. Delete the extension first, or choose another name.",
			change.ID.Name()).WithCode("ExtensionScopeCannotBeChanged")
	}
	return nil
}

// sentScope is the scope that a client asks for, or else the one that the extension has: merged, the two could be both.
func sentScope(change *resource.Change) (extension.Scope, error) {
	var sent struct {
		Properties struct {
			Scope *extension.Scope `json:"scope"`
		} `json:"properties"`
	}
	from := change.Sent
	if !from.Has("properties.scope") && change.Old != nil {
		from = change.Old
	}
	err := resource.Document{"properties": map[string]any{"scope": from.Get("properties.scope")}}.Decode(&sent)
	if err != nil || sent.Properties.Scope == nil {
		return extension.Scope{}, err
	}
	return *sent.Properties.Scope, nil
}

// protect seals the protected settings and leaves their names in the document.
func (e extensions) protect(ctx context.Context, change *resource.Change, before extension.Document, now *extension.Document) error {
	kept := map[string]string{}
	if change.Old != nil {
		var err error
		if kept, err = e.Extensions.Protected(ctx, change.ID.Key()); err != nil {
			return err
		}
	}
	values, names, err := resolved(sentProtected(change), kept)
	if err != nil {
		return err
	}
	change.New.Set(protectedPath, names)
	now.Record.ProtectedHash, err = seal(e.Extensions.Service, change, before.Record.ProtectedHash, values, kept)
	return err
}
