package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/fairlead/fairlead"
)

// maxFluxLogs is how many lines about one configuration are kept; the oldest go first.
const maxFluxLogs = 500

// FluxLog is one line of a controller of Flux about a configuration of a cluster. At and Origin tell a line from all others of the
// configuration; one that is there already, or that has gone for its age, is not stored again. Sequence orders the lines as they were
// stored; AddFluxLogs gives it.
type FluxLog struct {
	ClusterKey, Name string
	Sequence         int64
	At               time.Time
	Origin           string
	Line             json.RawMessage
}

// AddFluxLogs keeps lines about one configuration, oldest first, and wakes the subscribers of a key. Numbers grow with the clock, so
// that they go on where all that was kept has gone.
func (db *DB) AddFluxLogs(ctx context.Context, clusterKey, name string, lines []FluxLog, key string) error {
	return db.commit(ctx, "add lines about a configuration", func(c *change) error {
		held, err := c.holdFluxLogs(ctx, clusterKey, name)
		if err != nil {
			return err
		}
		next := max(time.Now().UnixMicro(), held.newest+1)
		for _, line := range lines {
			if len(line.Line) > MaxDocument {
				return fairlead.Errorf(fairlead.TooLarge, "a line is larger than %d bytes", MaxDocument)
			}
			at := line.At.UnixNano()
			if held.count >= maxFluxLogs && at <= held.oldest {
				continue
			}
			if _, err := c.ExecContext(ctx, `INSERT INTO flux_logs (cluster_key, name, sequence, at, origin, line)
				VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (cluster_key, name, at, origin) DO NOTHING`,
				clusterKey, name, next, at, line.Origin, string(line.Line)); err != nil {
				return err
			}
			next++
		}
		if _, err := c.ExecContext(ctx, cutFluxLogs, clusterKey, name, maxFluxLogs); err != nil {
			return err
		}
		return c.changed(ctx, key)
	})
}

const cutFluxLogs = `DELETE FROM flux_logs WHERE cluster_key = $1 AND name = $2 AND at <=
	(SELECT at FROM flux_logs WHERE cluster_key = $1 AND name = $2 ORDER BY at DESC LIMIT 1 OFFSET $3)`

// heldLogs is what is kept about a configuration: how many lines, the number of the newest and the moment of the oldest.
type heldLogs struct{ count, newest, oldest int64 }

// holdFluxLogs reads what is kept. Of two who add lines about the same configuration at once, one waits for the other at the row of
// the configuration: numbers appear in their order, and who follows them misses none.
func (c *change) holdFluxLogs(ctx context.Context, clusterKey, name string) (heldLogs, error) {
	var held heldLogs
	if _, err := c.ExecContext(ctx, `UPDATE configurations SET at = at WHERE cluster_key = $1 AND kind = $2 AND name = $3`,
		clusterKey, fairlead.FluxConfigKind, name); err != nil {
		return held, err
	}
	row := c.QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(MAX(sequence), 0), COALESCE(MIN(at), 0) FROM flux_logs WHERE cluster_key = $1 AND name = $2`,
		clusterKey, name)
	return held, row.Scan(&held.count, &held.newest, &held.oldest)
}

// ListFluxLogs returns at most limit lines about a configuration after a sequence, in the order in which they came.
func (db *DB) ListFluxLogs(ctx context.Context, clusterKey, name string, after int64, limit int) ([]FluxLog, error) {
	found, err := many(ctx, db.read, func(s scanner) (FluxLog, error) {
		var l FluxLog
		var at int64
		var line string
		err := s.Scan(&l.ClusterKey, &l.Name, &l.Sequence, &at, &l.Origin, &line)
		l.At, l.Line = time.Unix(0, at).UTC(), json.RawMessage(line)
		return l, err
	}, `SELECT cluster_key, name, sequence, at, origin, line FROM flux_logs
		WHERE cluster_key = $1 AND name = $2 AND sequence > $3 ORDER BY sequence LIMIT $4`, clusterKey, name, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list lines about a configuration: %w", err)
	}
	return found, nil
}
