package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/fairlead/fairlead"
)

// maxEvents is how many events of one extension are kept; the oldest go first.
const maxEvents = 500

// ExtensionEvent is one event of an extension of a cluster. Sequence orders the events of the cluster; one that is there
// already is not stored again.
type ExtensionEvent struct {
	ClusterKey, Name string
	Sequence         int64
	Event            json.RawMessage
}

// AddExtensionEvents keeps events and the last maxEvents of each extension that they are about. It wakes the subscribers
// of the given keys of those extensions.
func (db *DB) AddExtensionEvents(ctx context.Context, events []ExtensionEvent, keys []string) error {
	if len(events) == 0 {
		return nil
	}
	return db.commit(ctx, "add events of extensions", func(c *change) error {
		last := map[[2]string]struct{}{}
		for _, e := range events {
			if len(e.Event) > MaxDocument {
				return fairlead.Errorf(fairlead.TooLarge, "an event is larger than %d bytes", MaxDocument)
			}
			if _, err := c.ExecContext(ctx, `INSERT INTO extension_events (cluster_key, name, sequence, event)
				VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, e.ClusterKey, e.Name, e.Sequence, string(e.Event)); err != nil {
				return err
			}
			last[[2]string{e.ClusterKey, e.Name}] = struct{}{}
		}
		for of := range last {
			if _, err := c.ExecContext(ctx, cutEvents, of[0], of[1], maxEvents); err != nil {
				return err
			}
		}
		for _, key := range keys {
			if err := c.changed(ctx, key); err != nil {
				return err
			}
		}
		return nil
	})
}

const cutEvents = `DELETE FROM extension_events WHERE cluster_key = $1 AND name = $2 AND sequence <=
	(SELECT sequence FROM extension_events WHERE cluster_key = $1 AND name = $2 ORDER BY sequence DESC LIMIT 1 OFFSET $3)`

// ListExtensionEvents returns at most limit events of an extension after a sequence, oldest first.
func (db *DB) ListExtensionEvents(ctx context.Context, clusterKey, name string, after int64, limit int) ([]ExtensionEvent, error) {
	found, err := many(ctx, db.read, func(s scanner) (ExtensionEvent, error) {
		var e ExtensionEvent
		var event string
		err := s.Scan(&e.ClusterKey, &e.Name, &e.Sequence, &event)
		e.Event = json.RawMessage(event)
		return e, err
	}, `SELECT cluster_key, name, sequence, event FROM extension_events
		WHERE cluster_key = $1 AND name = $2 AND sequence > $3 ORDER BY sequence LIMIT $4`, clusterKey, name, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list events of extensions: %w", err)
	}
	return found, nil
}
