package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// AuditEntry is one request for a connected cluster's API server: who asked for what, and how that went. ID orders
// entries and is the writer's to choose. EndedAt is zero while the request goes on. ClusterID is as it is shown;
// the store finds it by its lower-case form. Status is the HTTP status of the answer, 0 when there was none.
type AuditEntry struct {
	ID          int64
	At, EndedAt time.Time

	Subscription, ResourceGroup, ClusterID string
	Caller, CallerID, Mode                 string

	Method, Path, Verb, APIGroup, Resource, Subresource, Namespace, Name string

	Status            int
	Reason            string
	BytesIn, BytesOut int64

	RequestID, ClientIP, UserAgent string
}

// AuditQuery selects entries of a subscription; empty fields select all. Cluster is the lower-case id of a cluster,
// Caller the lower-case name of a principal. Since and Until are included. Before is the last entry of the page
// before this one.
type AuditQuery struct {
	Subscription, ResourceGroup, Cluster, Caller, RequestID string

	Since, Until time.Time
	Before       AuditMark
	Limit        int
}

// AuditMark is a place among the entries: they are ordered by time and then by id, newest first.
type AuditMark struct {
	At time.Time
	ID int64
}

const auditColumns = `id, at, ended_at, subscription, resource_group, cluster_id, caller, caller_id, mode, method, path, verb, api_group, kind,
	subresource, namespace, name, status, reason, bytes_in, bytes_out, request_id, client_ip, user_agent`

const insertAudit = `INSERT INTO audit (` + auditColumns + `, cluster_key, caller_key)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)`

func readAudit(row scanner) (AuditEntry, error) {
	var a AuditEntry
	var at, ended int64
	err := row.Scan(&a.ID, &at, &ended, &a.Subscription, &a.ResourceGroup, &a.ClusterID, &a.Caller, &a.CallerID, &a.Mode, &a.Method, &a.Path,
		&a.Verb, &a.APIGroup, &a.Resource, &a.Subresource, &a.Namespace, &a.Name, &a.Status, &a.Reason, &a.BytesIn, &a.BytesOut,
		&a.RequestID, &a.ClientIP, &a.UserAgent)
	a.At, a.EndedAt = moment(at), moment(ended)
	return a, err
}

// SaveAudit writes entries in one transaction: new ones, in the order of their ids, and of others that were saved while their
// requests went on, how they have ended. New ones replace whatever there is from the first of their ids on, so a batch can be
// saved again when it is not known whether it was.
func (db *DB) SaveAudit(ctx context.Context, begun, ended []AuditEntry) error {
	if len(begun)+len(ended) == 0 {
		return nil
	}
	return db.commit(ctx, "save audit", func(c *change) error {
		if err := c.beginAudit(ctx, begun); err != nil {
			return err
		}
		return c.endAudit(ctx, ended)
	})
}

func (c *change) endAudit(ctx context.Context, ended []AuditEntry) error {
	if len(ended) == 0 {
		return nil
	}
	statement, err := c.PrepareContext(ctx, `UPDATE audit SET ended_at = $1, status = $2, reason = $3, bytes_in = $4, bytes_out = $5 WHERE id = $6`)
	if err != nil {
		return err
	}
	defer func() { _ = statement.Close() }()
	for i := range ended {
		a := &ended[i]
		if _, err := statement.ExecContext(ctx, micros(a.EndedAt), a.Status, a.Reason, a.BytesIn, a.BytesOut, a.ID); err != nil {
			return err
		}
	}
	return nil
}

// beginAudit writes new entries: those whose requests go on as rows, all others in blocks.
func (c *change) beginAudit(ctx context.Context, begun []AuditEntry) error {
	if len(begun) == 0 {
		return nil
	}
	for _, statement := range []string{`DELETE FROM audit WHERE id >= $1`, `DELETE FROM audit_blocks WHERE id >= $1`} {
		if _, err := c.ExecContext(ctx, statement, begun[0].ID); err != nil {
			return err
		}
	}
	over := map[string][]AuditEntry{}
	var open []*AuditEntry
	for i := range begun {
		a := &begun[i]
		if a.EndedAt.IsZero() {
			open = append(open, a)
			continue
		}
		over[a.Subscription] = append(over[a.Subscription], *a)
	}
	for _, some := range over {
		if err := c.addAuditBlock(ctx, some); err != nil {
			return err
		}
	}
	return c.addAuditRows(ctx, open)
}

func (c *change) addAuditRows(ctx context.Context, open []*AuditEntry) error {
	if len(open) == 0 {
		return nil
	}
	statement, err := c.PrepareContext(ctx, insertAudit)
	if err != nil {
		return err
	}
	defer func() { _ = statement.Close() }()
	for _, a := range open {
		if err := saveAudit(ctx, statement, a); err != nil {
			return err
		}
	}
	return nil
}

func saveAudit(ctx context.Context, statement *sql.Stmt, a *AuditEntry) error {
	_, err := statement.ExecContext(ctx, a.ID, micros(a.At), micros(a.EndedAt), a.Subscription, a.ResourceGroup, a.ClusterID, a.Caller, a.CallerID,
		a.Mode, a.Method, a.Path, a.Verb, a.APIGroup, a.Resource, a.Subresource, a.Namespace, a.Name, a.Status, a.Reason, a.BytesIn, a.BytesOut,
		a.RequestID, a.ClientIP, a.UserAgent, strings.ToLower(a.ClusterID), strings.ToLower(a.Caller))
	return err
}

// LastAudit returns the highest id of an entry, 0 when there is none.
func (db *DB) LastAudit(ctx context.Context) (int64, error) {
	var last int64
	if err := db.read.QueryRowContext(ctx, `SELECT COALESCE(MAX(id), 0) FROM (
		SELECT MAX(id) AS id FROM audit UNION ALL SELECT MAX(last_id) FROM audit_blocks) AS ids`).Scan(&last); err != nil {
		return 0, fmt.Errorf("read last of audit: %w", diskFault(err))
	}
	return last, nil
}

// EndOpenAudit gives all entries that have no end one, with a reason, and returns how many they were.
func (db *DB) EndOpenAudit(ctx context.Context, at time.Time, reason string) (int64, error) {
	return db.exec(ctx, "end open audit", `UPDATE audit SET ended_at = $1, reason = $2 WHERE ended_at = 0`, micros(at), reason)
}
