package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/fairlead/fairlead"
)

// Configuration is what is known of a custom resource in its cluster, beside the document behind it: hot data with a narrow table of
// its own. Key is that of the resource, Kind and Name are those of the custom resource. State is what the cluster last reported, of
// generation Observed, at At; nil before the first report. Forgotten marks one whose resource is gone though the cluster has not said
// that it knows: Generation is then that of the deletion.
type Configuration struct {
	Key, ClusterKey, Kind, Name string

	Generation int64
	Forgotten  bool
	State      json.RawMessage
	Observed   int64
	At         time.Time
}

const configurationColumns = `key, cluster_key, kind, name, generation, forgotten, state, observed, at`

func readConfiguration(row scanner) (Configuration, error) {
	var e Configuration
	var forgotten, at int64
	var state string
	err := row.Scan(&e.Key, &e.ClusterKey, &e.Kind, &e.Name, &e.Generation, &forgotten, &state, &e.Observed, &at)
	e.Forgotten, e.State, e.At = forgotten != 0, rawOrNil(state), moment(at)
	return e, err
}

// GetConfiguration returns what is known of the configuration behind a resource, or NotFound.
func (db *DB) GetConfiguration(ctx context.Context, key string) (Configuration, error) {
	row := db.read.QueryRowContext(ctx, `SELECT `+configurationColumns+` FROM configurations WHERE key = $1`, key)
	return one(row, readConfiguration, "nothing is known of %s in its cluster", key)
}

// ListConfigurations returns what is known of one kind on a cluster, ordered by name.
func (db *DB) ListConfigurations(ctx context.Context, clusterKey, kind string) ([]Configuration, error) {
	found, err := many(ctx, db.read, readConfiguration,
		`SELECT `+configurationColumns+` FROM configurations WHERE cluster_key = $1 AND kind = $2 ORDER BY name, key`, clusterKey, kind)
	if err != nil {
		return nil, fmt.Errorf("list configurations: %w", err)
	}
	return found, nil
}

// SaveConfigurationStates keeps what a cluster reports: At, Observed and State of each. A report of an earlier generation than
// the one that is known changes nothing. It wakes the subscribers of the keys.
func (db *DB) SaveConfigurationStates(ctx context.Context, reported []Configuration) error {
	if len(reported) == 0 {
		return nil
	}
	return db.commit(ctx, "save states of configurations", func(c *change) error {
		for _, e := range reported {
			if len(e.State) > MaxDocument {
				return fairlead.Errorf(fairlead.TooLarge, "the state of a configuration is larger than %d bytes", MaxDocument)
			}
			if _, err := c.ExecContext(ctx, saveConfigurationState, e.Key, e.ClusterKey, e.Kind, e.Name, string(e.State), e.Observed, micros(e.At)); err != nil {
				return err
			}
			if err := c.changed(ctx, e.Key); err != nil {
				return err
			}
		}
		return nil
	})
}

const saveConfigurationState = `INSERT INTO configurations (` + configurationColumns + `) VALUES ($1, $2, $3, $4, 0, 0, $5, $6, $7)
ON CONFLICT (key) DO UPDATE SET state = excluded.state, observed = excluded.observed, at = excluded.at
WHERE excluded.observed >= configurations.observed`

// ForgetConfiguration notes that a configuration's resource is gone before its cluster has heard of it, and wakes the cluster. What
// else was known stays until DropConfiguration.
func (db *DB) ForgetConfiguration(ctx context.Context, e Configuration) error {
	return db.commit(ctx, "forget configuration", func(c *change) error {
		if _, err := c.ExecContext(ctx, `INSERT INTO configurations (`+configurationColumns+`) VALUES ($1, $2, $3, $4, $5, 1, '', 0, $6)
			ON CONFLICT (key) DO UPDATE SET generation = excluded.generation, forgotten = 1`,
			e.Key, e.ClusterKey, e.Kind, e.Name, e.Generation, micros(defaultTime(e.At))); err != nil {
			return err
		}
		return errors.Join(c.changed(ctx, e.Key), c.changedBelow(ctx, e.ClusterKey))
	})
}

// DropConfiguration removes all that is known of a configuration, its events or logs and what is sealed for it; it is no error when there is
// nothing. It wakes its cluster.
func (db *DB) DropConfiguration(ctx context.Context, key string) error {
	return db.commit(ctx, "drop configuration", func(c *change) error {
		var cluster, kind, name string
		err := c.QueryRowContext(ctx, `DELETE FROM configurations WHERE key = $1 RETURNING cluster_key, kind, name`, key).Scan(&cluster, &kind, &name)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := c.seal(ctx, key, nil); err != nil {
			return err
		}
		if cluster == "" {
			return nil
		}
		said := map[string]string{ // an extension and a configuration may have the same name
			fairlead.ExtensionConfigKind: `DELETE FROM extension_events WHERE cluster_key = $1 AND name = $2`,
			fairlead.FluxConfigKind:      `DELETE FROM flux_logs WHERE cluster_key = $1 AND name = $2`,
		}
		if statement := said[kind]; statement != "" {
			if _, err := c.ExecContext(ctx, statement, cluster, name); err != nil {
				return err
			}
		}
		return errors.Join(c.changed(ctx, key), c.changedBelow(ctx, cluster))
	})
}

// DropConfigurations is DropConfiguration for all kinds on a cluster, those without a resource too. It wakes the cluster.
func (db *DB) DropConfigurations(ctx context.Context, clusterKey string) error {
	return db.commit(ctx, "drop configurations", func(c *change) error {
		for _, statement := range []string{`DELETE FROM extension_events WHERE cluster_key = $1`, `DELETE FROM flux_logs WHERE cluster_key = $1`} {
			if _, err := c.ExecContext(ctx, statement, clusterKey); err != nil {
				return err
			}
		}
		if _, err := c.ExecContext(ctx, `DELETE FROM sealed WHERE key >= $1 AND key < $2`, clusterKey+"/", prefixEnd(clusterKey+"/")); err != nil {
			return err
		}
		if _, err := c.ExecContext(ctx, `DELETE FROM configurations WHERE cluster_key = $1`, clusterKey); err != nil {
			return err
		}
		return c.changedBelow(ctx, clusterKey)
	})
}

// GetSealed returns what was sealed with a resource, or NotFound.
func (db *DB) GetSealed(ctx context.Context, key string) ([]byte, error) {
	row := db.read.QueryRowContext(ctx, `SELECT value FROM sealed WHERE key = $1`, key)
	return one(row, func(s scanner) (value []byte, err error) { return value, s.Scan(&value) }, "nothing is sealed with %s", key)
}

// seal replaces what is sealed with a resource; nothing removes it.
func (c *change) seal(ctx context.Context, key string, value []byte) error {
	if len(value) > MaxDocument {
		return fairlead.Errorf(fairlead.TooLarge, "what is to be sealed is larger than %d bytes", MaxDocument)
	}
	if len(value) == 0 {
		_, err := c.ExecContext(ctx, `DELETE FROM sealed WHERE key = $1`, key)
		return err
	}
	_, err := c.ExecContext(ctx, `INSERT INTO sealed (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
	return err
}
