package configuration

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

const (
	// So many clusters' desired states are remembered, each up to so many bytes.
	maxRemembered     = 20_000
	maxRememberedSize = 8 << 10
)

// remembered keeps what clusters were told, each with the store's mark of that moment: ten thousand clusters ask every minute
// and hardly ever is there news, and a change of a cluster itself is none for what belongs to it.
type remembered struct {
	mu    sync.Mutex
	known map[string]wanted
}

type wanted struct {
	mark           uint64
	configurations []fairlead.Configuration
}

// Wanted returns what the hub wants of this kind on a cluster, without protected settings, in a fixed order. Callers must
// not change it.
func (s *Service) Wanted(ctx context.Context, cluster fairlead.ResourceID) ([]fairlead.Configuration, error) {
	key := cluster.Key()
	mark, certain := s.Store.MarkBelow(key) // before reading: what is written meanwhile must not be missed
	if found, ok := s.remembered.find(key, mark); ok && certain {
		return found, nil
	}
	found, err := s.want(ctx, key)
	if err == nil && certain {
		s.remembered.keep(key, wanted{mark, found})
	}
	return found, err
}

func (o *remembered) find(key string, mark uint64) ([]fairlead.Configuration, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	found, ok := o.known[key]
	return found.configurations, ok && found.mark == mark
}

func (o *remembered) keep(key string, found wanted) {
	size := 0
	for _, one := range found.configurations {
		size += len(one.Spec) + len(one.Name)
	}
	if size > maxRememberedSize {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil || len(o.known) >= maxRemembered {
		o.known = map[string]wanted{} // all are read again, once
	}
	o.known[key] = found
}

func (s *Service) want(ctx context.Context, cluster string) ([]fairlead.Configuration, error) {
	var all []fairlead.Configuration
	present := map[string]bool{}
	for _, kind := range s.Kind.Types {
		stored, err := s.Store.ListResources(ctx, store.Query{Prefix: Key(cluster, kind, "")})
		if err != nil {
			return nil, err
		}
		for _, one := range stored {
			if name := strings.ToLower(one.Name); !present[name] {
				present[name] = true
				made, err := s.configuration(one)
				if err != nil {
					return nil, err
				}
				all = append(all, made)
			}
		}
	}
	known, err := s.Store.ListConfigurations(ctx, cluster, s.Kind.Name)
	if err != nil {
		return nil, err
	}
	for _, one := range known {
		if one.Forgotten && !present[one.Name] {
			present[one.Name] = true
			all = append(all, s.orphan(one))
		}
	}
	return all, nil
}

func (s *Service) configuration(stored store.Resource) (fairlead.Configuration, error) {
	document, err := Read(stored)
	if err != nil {
		return fairlead.Configuration{}, err
	}
	spec, err := s.Kind.Spec(stored)
	if err != nil {
		return fairlead.Configuration{}, err
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return fairlead.Configuration{}, fmt.Errorf("encode %s: %w", stored.Key, err)
	}
	return fairlead.Configuration{
		APIVersion: s.Kind.APIVersion, Kind: s.Kind.Name, Name: strings.ToLower(stored.Name), Spec: text,
		Deleted: document.Record.Deleted, Orphan: document.Record.Forced,
	}, nil
}

// orphan tells a cluster to forget a configuration and to leave what it made.
func (s *Service) orphan(known store.Configuration) fairlead.Configuration {
	spec, err := json.Marshal(s.Kind.Orphan(known))
	if err != nil {
		spec = json.RawMessage(`{}`) // numbers and texts always encode
	}
	return fairlead.Configuration{APIVersion: s.Kind.APIVersion, Kind: s.Kind.Name, Name: known.Name, Spec: spec, Deleted: true, Orphan: true}
}

// Protect adds to what is wanted of this kind its protected settings, encrypted to the key of the cluster that asks.
func (s *Service) Protect(ctx context.Context, cluster fairlead.ResourceID, wanted []fairlead.Configuration, to *ecdsa.PublicKey) ([]fairlead.Configuration, error) {
	protected := make([]fairlead.Configuration, 0, len(wanted))
	for _, one := range wanted {
		if one.Kind == s.Kind.Name && !one.Deleted {
			var err error
			if one, err = s.protectOne(ctx, cluster, one, to); err != nil {
				return nil, err
			}
		}
		protected = append(protected, one)
	}
	return protected, nil
}

func (s *Service) protectOne(ctx context.Context, cluster fairlead.ResourceID, one fairlead.Configuration, to *ecdsa.PublicKey) (fairlead.Configuration, error) {
	var spec struct {
		ProtectedSettings *fairlead.ProtectedSettings `json:"protectedSettings"`
	}
	if err := json.Unmarshal(one.Spec, &spec); err != nil {
		return one, fmt.Errorf("read what is wanted of %s: %w", one.Name, err)
	}
	if spec.ProtectedSettings == nil {
		return one, nil
	}
	key, _, err := s.find(ctx, cluster.Key(), one.Name)
	if err != nil {
		return one, err
	}
	values, err := s.Protected(ctx, key)
	if err != nil {
		return one, err
	}
	if one.Protected, err = Encrypt(values, to); err != nil {
		return one, fmt.Errorf("encrypt the protected settings of %s: %w", one.Name, err)
	}
	return one, nil
}
