// Package extension knows of the cluster extensions of a hub what only they have: what a cluster is told of one, what it has
// reported, with which error an operation has failed, and events. What they share with other configurations is
// hub/configuration's; what a document may say is hub/provider's; which versions there are is hub/extension/catalogue's.
package extension

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/store"
)

// TypeName is the resource type of extensions.
const TypeName = "Microsoft.KubernetesConfiguration/extensions"

// MaxPerCluster is how many extensions a cluster has at most.
const MaxPerCluster = 100

// Service is the hub's knowledge of extensions. Without Registries no cluster gets credentials for one.
type Service struct {
	*configuration.Service

	Registries Registries

	counted counted
}

// New returns the knowledge of extensions in the given surroundings.
func New(in configuration.Surroundings) *Service {
	return &Service{Service: &configuration.Service{Surroundings: in, Kind: configuration.Kind{
		APIVersion: fairlead.ExtensionConfigVersion, Name: fairlead.ExtensionConfigKind, Noun: "extension", Types: []string{TypeName},
		Max: MaxPerCluster, MaxState: 64 << 10, Agents: []string{"-n azure-arc deployment/extension-manager"},
		Spec: told, Orphan: orphan, Code: code, Outcome: outcome, Left: left,
	}}}
}

// Key is the key of an extension's resource; cluster is a resource id or key.
func Key(cluster, name string) string { return configuration.Key(cluster, TypeName, name) }

func told(stored store.Resource) (any, error) {
	document, err := Read(stored)
	return document.spec(stored.Name), err
}

// orphan is what a cluster is told of an extension that it is to forget without uninstalling it.
func orphan(known store.Configuration) any {
	return fairlead.ExtensionSpec{Generation: known.Generation, ReleaseName: known.Name}
}

func left(stored store.Resource) string {
	release := "Helm release " + strings.ToLower(stored.Name)
	document, err := Read(stored)
	if err != nil {
		return release
	}
	return release + " in namespace " + document.spec(stored.Name).ReleaseNamespace
}

// State returns what a cluster last reported of an extension, and when; nil when it has said nothing.
func (s *Service) State(ctx context.Context, key string) (*fairlead.ExtensionState, time.Time, error) {
	known, err := s.Service.State(ctx, key)
	if err != nil || known == nil {
		return nil, time.Time{}, err
	}
	var state fairlead.ExtensionState
	if err := json.Unmarshal(known.Text, &state); err != nil {
		return nil, time.Time{}, fmt.Errorf("read the state of %s: %w", key, err)
	}
	return &state, known.At, nil
}
