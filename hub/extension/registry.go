package extension

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/hub/extension/catalogue"
)

// Registries knows which registries clusters get credentials for, by extension types, and the credentials; *catalogue.Catalogue
// does.
type Registries interface {
	Lent(ctx context.Context) (map[string]catalogue.Registry, error)
	Credentials(ctx context.Context, extensionType string) (catalogue.Credentials, error)
}

// asked is what of an extension's spec decides which credentials its cluster gets.
type asked struct {
	ExtensionType string                  `json:"extensionType"`
	Chart         fairlead.ExtensionChart `json:"chart"`
}

// Wanted says of each extension besides whether the cluster gets credentials for the registry of its chart, without them.
func (s *Service) Wanted(ctx context.Context, cluster fairlead.ResourceID) ([]fairlead.Configuration, error) {
	wanted, err := s.Service.Wanted(ctx, cluster)
	if err != nil || s.Registries == nil || len(wanted) == 0 {
		return wanted, err
	}
	lent, err := s.Registries.Lent(ctx)
	if err != nil || len(lent) == 0 {
		return wanted, err
	}
	told := slices.Clone(wanted)
	for i := range told {
		if told[i].Registry, err = registryOf(told[i], lent); err != nil {
			return nil, err
		}
	}
	return told, nil
}

// registryOf lets a cluster into the registry of an extension's chart. Credentials are for the host for which they were given: an
// extension whose chart is elsewhere, since its type had another one when its version was chosen, does without.
func registryOf(one fairlead.Configuration, lent map[string]catalogue.Registry) (*fairlead.RegistryCredentials, error) {
	if one.Deleted {
		return nil, nil
	}
	about, err := readAsked(one)
	if err != nil {
		return nil, err
	}
	registry, found := lent[strings.ToLower(about.ExtensionType)]
	if !found || registry.Host != about.Chart.Host() {
		return nil, nil
	}
	return &fairlead.RegistryCredentials{Hash: registry.Hash}, nil
}

func readAsked(one fairlead.Configuration) (about asked, err error) {
	if err := json.Unmarshal(one.Spec, &about); err != nil {
		return about, fmt.Errorf("read what is wanted of %s: %w", one.Name, err)
	}
	return about, nil
}

// Protect adds to what is wanted the protected settings and the credentials for registries, encrypted to the key of the cluster
// that asks.
func (s *Service) Protect(ctx context.Context, cluster fairlead.ResourceID, wanted []fairlead.Configuration, to *ecdsa.PublicKey) ([]fairlead.Configuration, error) {
	protected, err := s.Service.Protect(ctx, cluster, wanted, to)
	if err != nil {
		return nil, err
	}
	for i, one := range protected {
		if one.Kind != s.Kind.Name || one.Registry == nil {
			continue
		}
		if protected[i].Registry, err = s.sealRegistry(ctx, one, to); err != nil {
			return nil, err
		}
	}
	return protected, nil
}

func (s *Service) sealRegistry(ctx context.Context, one fairlead.Configuration, to *ecdsa.PublicKey) (*fairlead.RegistryCredentials, error) {
	about, err := readAsked(one)
	if err != nil {
		return nil, err
	}
	given, err := s.Registries.Credentials(ctx, about.ExtensionType)
	if err != nil || given == (catalogue.Credentials{}) {
		return nil, err // they went while this was being put together
	}
	sealed, err := configuration.Encrypt(map[string]string{
		fairlead.RegistryHost: about.Chart.Host(), fairlead.RegistryUsername: given.Username, fairlead.RegistryPassword: given.Password,
	}, to)
	if err != nil {
		return nil, fmt.Errorf("encrypt the credentials for the registry of %s: %w", one.Name, err)
	}
	return &fairlead.RegistryCredentials{Hash: one.Registry.Hash, Sealed: sealed}, nil
}
