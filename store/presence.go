package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/fairlead/fairlead"
)

// Presence is what is known of a cluster's life: hot data with a narrow table of its own.
type Presence struct {
	ClusterKey            string
	LastSeen              time.Time
	CertificateNotAfter   time.Time
	Metadata, AgentStatus json.RawMessage
}

func readPresence(row scanner) (Presence, error) {
	var p Presence
	var seen, notAfter int64
	var metadata, status string
	err := row.Scan(&p.ClusterKey, &seen, &notAfter, &metadata, &status)
	p.LastSeen, p.CertificateNotAfter = moment(seen), moment(notAfter)
	p.Metadata, p.AgentStatus = rawOrNil(metadata), rawOrNil(status)
	return p, err
}

func rawOrNil(text string) json.RawMessage {
	if text == "" {
		return nil
	}
	return json.RawMessage(text)
}

// SavePresence writes a batch in one transaction. Zero fields leave what is stored, and LastSeen
// never goes back.
func (db *DB) SavePresence(ctx context.Context, batch []Presence) error {
	if len(batch) == 0 {
		return nil
	}
	return db.commit(ctx, "save presence", func(c *change) error {
		statement, err := c.PrepareContext(ctx, savePresence)
		if err != nil {
			return err
		}
		defer func() { _ = statement.Close() }()
		for _, p := range batch {
			if len(p.Metadata) > MaxDocument || len(p.AgentStatus) > MaxDocument {
				return fairlead.Errorf(fairlead.TooLarge, "what a cluster says of itself is larger than %d bytes", MaxDocument)
			}
			if _, err := statement.ExecContext(ctx, p.ClusterKey, micros(p.LastSeen), micros(p.CertificateNotAfter),
				string(p.Metadata), string(p.AgentStatus)); err != nil {
				return err
			}
		}
		return nil
	})
}

const savePresence = `INSERT INTO presence (cluster_key, last_seen, certificate_not_after, metadata, agent_status)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (cluster_key) DO UPDATE SET
	last_seen = CASE WHEN excluded.last_seen > presence.last_seen THEN excluded.last_seen ELSE presence.last_seen END,
	certificate_not_after = CASE WHEN excluded.certificate_not_after = 0
		THEN presence.certificate_not_after ELSE excluded.certificate_not_after END,
	metadata = CASE WHEN excluded.metadata = '' THEN presence.metadata ELSE excluded.metadata END,
	agent_status = CASE WHEN excluded.agent_status = '' THEN presence.agent_status ELSE excluded.agent_status END`

// LoadPresence returns the presence of all clusters, ordered by key.
func (db *DB) LoadPresence(ctx context.Context) ([]Presence, error) {
	return many(ctx, db.read, readPresence,
		`SELECT cluster_key, last_seen, certificate_not_after, metadata, agent_status FROM presence ORDER BY cluster_key`)
}

// DeletePresence forgets a cluster; it is no error when nothing was known.
func (db *DB) DeletePresence(ctx context.Context, key string) error {
	_, err := db.exec(ctx, "delete presence", `DELETE FROM presence WHERE cluster_key = $1`, key)
	return err
}
