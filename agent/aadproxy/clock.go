package aadproxy

import (
	"context"
	"errors"

	"github.com/fairlead/fairlead/caller"
)

// take takes a signed statement. The hub states callers for now: one that seems to be of another time tells that somebody has
// put the cluster's clock, and what is known of the hub's is wrong. It is corrected by the next answer of the hub.
func (p *Proxy) take(ctx context.Context, id, signed string) error {
	err := p.callers.put(ctx, id, signed)
	if !errors.Is(err, caller.ErrExpired) && !errors.Is(err, caller.ErrEarly) {
		return err
	}
	if failed := p.keys.refresh(ctx); failed != nil {
		return errors.Join(err, failed)
	}
	return p.callers.put(ctx, id, signed)
}
