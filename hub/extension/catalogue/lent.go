package catalogue

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// Record is what the hub notes in a type's document for itself. LentHash changes with the credentials that clusters get, and is
// empty when they get none.
type Record struct {
	LentHash string `json:"lentHash,omitempty"`
}

// Registry is one that clusters get credentials for. Hash changes with them and tells nothing of them.
type Registry struct{ Host, Hash string }

// lent remembers which registries clusters get credentials for, until a resource is written: all clusters ask all the time, and
// types hardly ever change.
type lent struct {
	mu    sync.Mutex
	as    store.Revisions
	known map[string]Registry
}

// Lent returns the registries that clusters get credentials for, by the names of extension types. Callers must not change it.
func (c *Catalogue) Lent(ctx context.Context) (map[string]Registry, error) {
	now, err := c.Store.Revisions(ctx) // before reading: what is written meanwhile must not be missed
	if err != nil {
		return nil, err
	}
	c.lent.mu.Lock()
	defer c.lent.mu.Unlock()
	if c.lent.known != nil && c.lent.as == now {
		return c.lent.known, nil
	}
	found, err := c.readLent(ctx)
	if err == nil {
		c.lent.as, c.lent.known = now, found
	}
	return found, err
}

func (c *Catalogue) readLent(ctx context.Context) (map[string]Registry, error) {
	stored, err := c.Store.ListResources(ctx, store.Query{Type: strings.ToLower(TypeName), Limit: maxTypes})
	if err != nil {
		return nil, err
	}
	found := map[string]Registry{}
	for _, one := range stored {
		var known struct {
			Properties Type   `json:"properties"`
			Record     Record `json:"fairlead"`
		}
		if err := json.Unmarshal(one.Body, &known); err != nil {
			return nil, fmt.Errorf("read %s: %w", one.Key, err)
		}
		host := fairlead.ExtensionChart{Repository: known.Properties.Chart}.Host()
		if known.Properties.Lent && known.Record.LentHash != "" && host != "" {
			found[strings.ToLower(one.Name)] = Registry{host, known.Record.LentHash}
		}
	}
	return found, nil
}

// Credentials returns those that a type's administrator has given for its chart's registry, none when he has given none.
func (c *Catalogue) Credentials(ctx context.Context, name string) (Credentials, error) {
	return c.credentials(ctx, Type{Name: strings.ToLower(name)})
}
