package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
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
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)
	ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, status = excluded.status, reason = excluded.reason,
		bytes_in = excluded.bytes_in, bytes_out = excluded.bytes_out`

func readAudit(row scanner) (AuditEntry, error) {
	var a AuditEntry
	var at, ended int64
	err := row.Scan(&a.ID, &at, &ended, &a.Subscription, &a.ResourceGroup, &a.ClusterID, &a.Caller, &a.CallerID, &a.Mode, &a.Method, &a.Path,
		&a.Verb, &a.APIGroup, &a.Resource, &a.Subresource, &a.Namespace, &a.Name, &a.Status, &a.Reason, &a.BytesIn, &a.BytesOut,
		&a.RequestID, &a.ClientIP, &a.UserAgent)
	a.At, a.EndedAt = moment(at), moment(ended)
	return a, err
}

// SaveAudit writes a batch in one transaction. Of an entry that is there already, by its id, only how it ended is
// written anew.
func (db *DB) SaveAudit(ctx context.Context, batch []AuditEntry) error {
	if len(batch) == 0 {
		return nil
	}
	return db.commit(ctx, "save audit", func(c *change) error {
		statement, err := c.PrepareContext(ctx, insertAudit)
		if err != nil {
			return err
		}
		defer func() { _ = statement.Close() }()
		for i := range batch {
			if err := saveAudit(ctx, statement, &batch[i]); err != nil {
				return err
			}
		}
		return nil
	})
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
	if err := db.read.QueryRowContext(ctx, `SELECT COALESCE(MAX(id), 0) FROM audit`).Scan(&last); err != nil {
		return 0, fmt.Errorf("read last of audit: %w", err)
	}
	return last, nil
}

// EndOpenAudit gives all entries that have no end one, with a reason, and returns how many they were.
func (db *DB) EndOpenAudit(ctx context.Context, at time.Time, reason string) (int64, error) {
	return db.exec(ctx, "end open audit", `UPDATE audit SET ended_at = $1, reason = $2 WHERE ended_at = 0`, micros(at), reason)
}

// ListAudit returns the entries that q selects, newest first.
func (db *DB) ListAudit(ctx context.Context, q AuditQuery) ([]AuditEntry, error) {
	statement, args := q.statement()
	found, err := many(ctx, db.read, readAudit, statement, args...)
	if err != nil {
		return nil, fmt.Errorf("list audit: %w", err)
	}
	return found, nil
}

func (q AuditQuery) statement() (string, []any) {
	text, args := `SELECT `+auditColumns+` FROM audit WHERE subscription = $1`, []any{q.Subscription}
	param := func(value any) string {
		args = append(args, value)
		return `$` + strconv.Itoa(len(args))
	}
	for _, one := range []struct{ column, value string }{
		{"resource_group", q.ResourceGroup}, {"cluster_key", q.Cluster}, {"caller_key", q.Caller}, {"request_id", q.RequestID},
	} {
		if one.value != "" {
			text += ` AND ` + one.column + ` = ` + param(one.value)
		}
	}
	if !q.Since.IsZero() {
		text += ` AND at >= ` + param(micros(q.Since))
	}
	if !q.Until.IsZero() {
		text += ` AND at <= ` + param(micros(q.Until))
	}
	if !q.Before.At.IsZero() {
		text += ` AND (at, id) < (` + param(micros(q.Before.At)) + `, ` + param(q.Before.ID) + `)`
	}
	text += ` ORDER BY at DESC, id DESC`
	if q.Limit > 0 {
		text += ` LIMIT ` + param(q.Limit)
	}
	return text, args
}

// CountAudit returns how many entries there are.
func (db *DB) CountAudit(ctx context.Context) (int64, error) {
	var count int64
	if err := db.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM audit`).Scan(&count); err != nil {
		return 0, fmt.Errorf("count audit: %w", err)
	}
	return count, nil
}

// ForgetAudit removes at most limit of the oldest entries from before a time, in one transaction, and returns how many.
// The zero time stands for all entries. One whose request goes on is not removed.
func (db *DB) ForgetAudit(ctx context.Context, before time.Time, limit int) (int64, error) {
	if limit <= 0 {
		return 0, fairlead.Errorf(fairlead.Invalid, "how many entries to forget is not positive")
	}
	statement, args := `DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE ended_at <> 0`, []any{limit}
	if !before.IsZero() {
		statement, args = statement+` AND at < $2`, append(args, micros(before))
	}
	return db.exec(ctx, "forget audit", statement+` ORDER BY at, id LIMIT $1)`, args...)
}
