// Package catalogue knows the extension types of a hub: where each one's chart is, which versions there are, and which of
// them a release train takes. Versions come from the charts' registries and repositories, and are remembered for some minutes.
package catalogue

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/extension/rollout"
	"github.com/fairlead/fairlead/store"
)

// TypeName is the resource type of extension types.
const TypeName = "Microsoft.KubernetesConfiguration/extensionTypes"

// The codes of what is not there.
const (
	CodeNoType    = "ExtensionTypeNotFound"
	CodeNoTrain   = "ReleaseTrainNotFound"
	CodeNoVersion = "ExtensionVersionNotFound"
)

// maxTypes bounds how many types a hub has.
const maxTypes = 1000

// Type is what the properties of an extension type say. Chart is "oci://HOST/PATH", or the URL of a classic repository that
// ChartName is in. Trains are semver ranges by train, in lower case.
type Type struct {
	Name string `json:"-"`
	ETag string `json:"-"`

	Chart            string            `json:"chart"`
	ChartName        string            `json:"chartName,omitempty"`
	Trains           map[string]string `json:"releaseTrains"`
	DefaultNamespace string            `json:"defaultReleaseNamespace,omitempty"`
	ClusterTypes     []string          `json:"clusterTypes,omitempty"`
	Scopes           []string          `json:"supportedScopes,omitempty"`
	Description      string            `json:"description,omitempty"`
	CABundle         string            `json:"caBundle,omitempty"`
	DefaultSettings  map[string]string `json:"defaultSettings,omitempty"`
	System           bool              `json:"isSystemExtension,omitempty"`
	Upgrade          rollout.Policy    `json:"upgrade"`
	// Lent says that clusters get the credentials, too.
	Lent bool `json:"credentialsForClusters,omitempty"`
}

// Store keeps extension types; *store.DB is one.
type Store interface {
	GetResource(ctx context.Context, key string) (store.Resource, error)
	ListResources(ctx context.Context, q store.Query) ([]store.Resource, error)
	GetSealed(ctx context.Context, key string) ([]byte, error)
	Revisions(ctx context.Context) (store.Revisions, error)
}

// Key is the key of a type's resource.
func Key(name string) string { return strings.ToLower("/providers/" + TypeName + "/" + name) }

func read(stored store.Resource) (Type, error) {
	var document struct {
		Properties Type `json:"properties"`
	}
	if err := json.Unmarshal(stored.Body, &document); err != nil {
		return Type{}, fmt.Errorf("read %s: %w", stored.Key, err)
	}
	found := document.Properties
	found.Name, found.ETag = strings.ToLower(stored.Name), stored.ETag
	return found, nil
}

// builtIn returns the types that the hub offers by itself.
func (c *Catalogue) builtIn() []Type {
	if c.BuiltIn == nil {
		return nil
	}
	return c.BuiltIn()
}

// Types returns all types, ordered by name. One that an administrator has registered stands for the built-in one of its name.
func (c *Catalogue) Types(ctx context.Context) ([]Type, error) {
	stored, err := c.Store.ListResources(ctx, store.Query{Type: strings.ToLower(TypeName), Limit: maxTypes})
	if err != nil {
		return nil, err
	}
	types := make([]Type, 0, len(stored))
	for _, one := range stored {
		known, err := read(one)
		if err != nil {
			return nil, err
		}
		types = append(types, known)
	}
	for _, offered := range c.builtIn() {
		if !slices.ContainsFunc(types, func(known Type) bool { return known.Name == offered.Name }) {
			types = append(types, offered)
		}
	}
	slices.SortFunc(types, func(x, y Type) int { return strings.Compare(x.Name, y.Name) })
	return types, nil
}

// Type returns the type of that name, in any case. Of one that is not there, the error lists those that are.
func (c *Catalogue) Type(ctx context.Context, name string) (Type, error) {
	stored, err := c.Store.GetResource(ctx, Key(name))
	if err == nil {
		return read(stored)
	}
	if fairlead.KindOf(err) != fairlead.NotFound {
		return Type{}, err
	}
	for _, offered := range c.builtIn() {
		if strings.EqualFold(offered.Name, name) {
			return offered, nil
		}
	}
	known, err := c.Types(ctx)
	if err != nil {
		return Type{}, err
	}
	return Type{}, fairlead.Errorf(fairlead.Invalid, "The extension type '%.128s' is not registered with this hub. %s", name, offered(known)).
		WithCode(CodeNoType)
}

func offered(types []Type) string {
	if len(types) == 0 {
		return "There is none yet: an administrator registers one with 'fairlead extension-type register'."
	}
	names := make([]string, len(types))
	for i, known := range types {
		names[i] = known.Name
	}
	return "There are: " + list(names) + "."
}

// maxListed bounds lists in errors.
const maxListed = 30

func list(all []string) string {
	if len(all) > maxListed {
		return strings.Join(all[:maxListed], ", ") + fmt.Sprintf(" and %d more", len(all)-maxListed)
	}
	return strings.Join(all, ", ")
}

// Supports reports whether the type can be installed with a scope: any, unless the type says which.
func (t Type) Supports(scope string) bool {
	return len(t.Scopes) == 0 || slices.ContainsFunc(t.Scopes, func(known string) bool { return strings.EqualFold(known, scope) })
}

// On reports whether the type is for clusters of a kind, such as connectedClusters: of any, unless the type says which.
func (t Type) On(kind string) bool {
	return len(t.ClusterTypes) == 0 || slices.ContainsFunc(t.ClusterTypes, func(known string) bool {
		return strings.EqualFold(known, kind)
	})
}

// Namespace is where releases of the type go when nobody says where.
func (t Type) Namespace() string {
	if t.DefaultNamespace != "" {
		return t.DefaultNamespace
	}
	return strings.ReplaceAll(t.Name, ".", "-")
}
