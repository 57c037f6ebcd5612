package config

import (
	"context"
	"fmt"

	"github.com/fairlead/fairlead"
)

// keepRegistry keeps the credentials for the registry of an extension's chart as the hub sends them: no longer than it does. They
// are apart from the spec, so that another password makes nobody install anything.
func (a *Agent) keepRegistry(ctx context.Context, kind wish, wanted fairlead.Configuration) error {
	switch {
	case kind.registry == "":
		return nil
	case wanted.Registry == nil || wanted.Registry.Sealed == "":
		return a.deleteRegistry(ctx, kind, wanted.Name)
	}
	given, err := a.open(wanted.Registry.Sealed)
	if err != nil {
		return fmt.Errorf("read the credentials for the registry of %s %s: %w", kind.word, wanted.Name, err)
	}
	return a.applySecret(ctx, kind.registry+wanted.Name, wanted.Registry.Hash, map[string]string{
		fairlead.RegistryHost: given[fairlead.RegistryHost], fairlead.RegistryUsername: given[fairlead.RegistryUsername],
		fairlead.RegistryPassword: given[fairlead.RegistryPassword],
	})
}

func (a *Agent) deleteRegistry(ctx context.Context, kind wish, name string) error {
	if kind.registry == "" {
		return nil
	}
	return a.deleteSecret(ctx, kind.registry+name)
}
