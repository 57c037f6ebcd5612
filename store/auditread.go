package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ListAudit returns the entries that q selects, newest first.
func (db *DB) ListAudit(ctx context.Context, q AuditQuery) ([]AuditEntry, error) {
	statement, args := q.rows()
	found, err := many(ctx, db.read, readAudit, statement, args...)
	if err == nil {
		found, err = db.addFromBlocks(ctx, q, found)
	}
	if err != nil {
		return nil, fmt.Errorf("list audit: %w", err)
	}
	if q.Limit > 0 && len(found) > q.Limit {
		found = found[:q.Limit]
	}
	return found, nil
}

// addFromBlocks adds what blocks have of it, to what rows have, the newest block first, until all others are older than what
// was wanted.
func (db *DB) addFromBlocks(ctx context.Context, q AuditQuery, found []AuditEntry) ([]AuditEntry, error) {
	statement, args := q.blocks()
	rows, err := db.read.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, diskFault(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var last int64
		var body []byte
		if err := rows.Scan(&last, &body); err != nil {
			return nil, err
		}
		if q.Limit > 0 && len(found) >= q.Limit && micros(found[q.Limit-1].At) > last {
			return found, nil
		}
		entries, err := decodeAudit(body)
		if err != nil {
			return nil, err
		}
		for i := range entries {
			if q.selects(&entries[i]) {
				found = append(found, entries[i])
			}
		}
		slices.SortFunc(found, func(a, b AuditEntry) int { return -compareAudit(a, b) })
	}
	return found, rows.Err()
}

// compareAudit orders entries by time and then by id.
func compareAudit(a, b AuditEntry) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
}

// selects is for entries of the subscription.
func (q AuditQuery) selects(a *AuditEntry) bool {
	before := q.Before.At.IsZero() || compareAudit(*a, AuditEntry{At: q.Before.At, ID: q.Before.ID}) < 0
	return before && (q.Since.IsZero() || !a.At.Before(q.Since)) && (q.Until.IsZero() || !a.At.After(q.Until)) &&
		(q.ResourceGroup == "" || a.ResourceGroup == q.ResourceGroup) && (q.Cluster == "" || strings.ToLower(a.ClusterID) == q.Cluster) &&
		(q.Caller == "" || strings.ToLower(a.Caller) == q.Caller) && (q.RequestID == "" || a.RequestID == q.RequestID)
}

// question is a statement that grows.
type question struct {
	text string
	args []any
}

func (o *question) param(value any) string {
	o.args = append(o.args, value)
	return `$` + strconv.Itoa(len(o.args))
}

// where adds a condition that ends with a value, if there is one.
func (o *question) where(condition, value string) {
	if value != "" {
		o.text += ` AND ` + condition + o.param(value)
	}
}

func (o *question) whereTime(condition string, value time.Time) {
	if !value.IsZero() {
		o.text += ` AND ` + condition + o.param(micros(value))
	}
}

func (q AuditQuery) rows() (string, []any) {
	o := &question{`SELECT ` + auditColumns + ` FROM audit WHERE subscription = $1`, []any{q.Subscription}}
	o.where(`resource_group = `, q.ResourceGroup)
	o.where(`cluster_key = `, q.Cluster)
	o.where(`caller_key = `, q.Caller)
	o.where(`request_id = `, q.RequestID)
	o.whereTime(`at >= `, q.Since)
	o.whereTime(`at <= `, q.Until)
	if !q.Before.At.IsZero() {
		o.text += ` AND (at, id) < (` + o.param(micros(q.Before.At)) + `, ` + o.param(q.Before.ID) + `)`
	}
	o.text += ` ORDER BY at DESC, id DESC`
	if q.Limit > 0 {
		o.text += ` LIMIT ` + o.param(q.Limit)
	}
	return o.text, o.args
}

// blocks asks for all blocks that may hold something of it.
func (q AuditQuery) blocks() (string, []any) {
	o := &question{`SELECT last_at, body FROM audit_blocks WHERE subscription = $1`, []any{q.Subscription}}
	for _, about := range []string{q.Cluster, q.Caller} {
		if about != "" {
			o.text += ` AND id IN (SELECT block FROM audit_about WHERE about = ` + o.param(about) + `)`
		}
	}
	o.whereTime(`last_at >= `, q.Since)
	o.whereTime(`first_at <= `, q.Until)
	o.whereTime(`first_at <= `, q.Before.At)
	o.text += ` ORDER BY last_at DESC, id DESC`
	return o.text, o.args
}

// CountAudit returns how many entries there are.
func (db *DB) CountAudit(ctx context.Context) (int64, error) {
	var rows, inBlocks int64
	err := db.read.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM audit), (SELECT CAST(COALESCE(SUM(entries), 0) AS BIGINT) FROM audit_blocks)`).
		Scan(&rows, &inBlocks)
	if err != nil {
		return 0, fmt.Errorf("count audit: %w", diskFault(err))
	}
	return rows + inBlocks, nil
}
