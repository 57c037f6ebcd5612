package hub

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/authority"
)

// The interval reloadEvery is how soon a hub follows a change of its authorities that a command has made.
const reloadEvery = 2 * time.Second

// trust is what the hub tells agents of the authorities they are to trust. It follows both the hub's own
// authorities and the administrator's file.
type trust struct {
	CA   *authority.Authority
	File *authority.FileCertificate // nil when the hub serves a certificate of its own authority
	Log  *slog.Logger

	mutex   sync.Mutex
	based   basis
	current *fairlead.HubTrust
}

// basis is on what a statement was made.
type basis struct {
	generation int64
	pair       *tls.Certificate
}

// State returns the current statement, nil when every system trusts the hub.
func (t *trust) State() *fairlead.HubTrust {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	now := basis{generation: t.CA.Generation()}
	if t.File != nil {
		now.pair = t.File.Current()
	}
	if t.current != nil && now == t.based {
		return t.current
	}
	made, err := t.state(now)
	if err != nil {
		t.Log.Error("cannot state whom agents are to trust", slog.Any("err", err))
		return t.current
	}
	t.based, t.current = now, made
	return made
}

func (t *trust) state(now basis) (*fairlead.HubTrust, error) {
	if now.pair == nil {
		return t.CA.Trust(nil)
	}
	others := anchors(now.pair)
	if others == nil {
		return nil, nil //nolint:nilnil // nothing is to be trusted that is not anyway
	}
	return t.CA.Trust(others)
}

// pem is whom to trust now, empty when every system trusts the hub.
func (t *trust) pem() string {
	if stated := t.State(); stated != nil {
		return stated.Certificates
	}
	return ""
}

// followAuthority notices what fairlead hub ca does in another process.
type followAuthority struct{ hub *Hub }

// Run looks every few seconds, until ctx ends.
func (f followAuthority) Run(ctx context.Context) error {
	ticker := time.NewTicker(reloadEvery)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		err := f.hub.reloadAuthority(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			f.hub.log.ErrorContext(ctx, "cannot look for a change of the authorities, will keep trying", slog.Any("err", err))
		}
		failing = err != nil
	}
}

func (h *Hub) reloadAuthority(ctx context.Context) error {
	changed, err := h.ca.Reload(ctx)
	if err != nil || !changed {
		return err
	}
	h.log.InfoContext(ctx, "the hub's authorities have changed", slog.String("stage", string(h.ca.Stage())),
		slog.String("serving", h.ca.Fingerprint()), slog.Int64("generation", h.ca.Generation()))
	return h.writeCA()
}

func (h *Hub) writeCA() error {
	if err := authority.WriteFile(h.caFile(), h.ca.CAPEM(), 0o644); err != nil {
		return fmt.Errorf("write authority's certificate: %w", err)
	}
	return nil
}
