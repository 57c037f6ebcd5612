package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
)

// addAuditBlock writes entries of one subscription, in the order of their ids, as one block.
func (c *change) addAuditBlock(ctx context.Context, entries []AuditEntry) error {
	id := entries[0].ID
	first, last := timesOf(entries)
	if _, err := c.ExecContext(ctx, `INSERT INTO audit_blocks (id, last_id, first_at, last_at, entries, subscription, body) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		id, entries[len(entries)-1].ID, first, last, len(entries), entries[0].Subscription, encodeAudit(entries)); err != nil {
		return err
	}
	about := map[string]bool{}
	for i := range entries {
		about[entries[i].ClusterID], about[entries[i].Caller] = true, true
	}
	keys := map[string]bool{}
	for text := range about {
		keys[strings.ToLower(text)] = true
	}
	for key := range keys {
		if _, err := c.ExecContext(ctx, `INSERT INTO audit_about (about, block) VALUES ($1, $2)`, key, id); err != nil {
			return err
		}
	}
	return nil
}

// timesOf returns the times of the oldest and the newest entry: clocks are put back.
func timesOf(entries []AuditEntry) (first, last int64) {
	first, last = micros(entries[0].At), micros(entries[0].At)
	for i := range entries {
		at := micros(entries[i].At)
		first, last = min(first, at), max(last, at)
	}
	return first, last
}

// oldAudit is a block, or the rows that are no block's.
type oldAudit struct {
	block   int64 // its id, 0 for rows
	entries []AuditEntry
}

// ForgetAudit removes at most limit of the oldest entries from before a time, in one transaction, and returns how many.
// The zero time stands for all entries. One whose request goes on is not removed.
func (db *DB) ForgetAudit(ctx context.Context, before time.Time, limit int) (gone int64, err error) {
	if limit <= 0 {
		return 0, fairlead.Errorf(fairlead.Invalid, "how many entries to forget is not positive")
	}
	err = db.commit(ctx, "forget audit", func(c *change) error {
		old, err := c.oldestAudit(ctx, before, limit)
		if err != nil {
			return err
		}
		end, count := endOf(old, before, limit)
		gone = int64(count)
		for _, one := range old {
			if err := c.cutAudit(ctx, one, end); err != nil {
				return err
			}
		}
		return nil
	})
	return gone, err
}

// oldestAudit returns where the oldest entries are: so many at least, if there are.
func (c *change) oldestAudit(ctx context.Context, before time.Time, limit int) ([]oldAudit, error) {
	var rows []AuditEntry
	if err := c.each(ctx, `SELECT `+auditColumns+` FROM audit WHERE ended_at <> 0 ORDER BY at, id LIMIT $1`, func(row scanner) error {
		one, err := readAudit(row)
		rows = append(rows, one)
		return err
	}, limit); err != nil {
		return nil, err
	}
	found, count := []oldAudit{{entries: rows}}, 0
	for offset := 0; count < limit; offset++ {
		block, err := c.oldBlock(ctx, offset)
		if err != nil || block.block == 0 || !before.IsZero() && !block.entries[0].At.Before(before) {
			return found, err
		}
		found, count = append(found, block), count+len(block.entries)
	}
	return found, nil
}

// oldBlock returns the oldest block but so many.
func (c *change) oldBlock(ctx context.Context, offset int) (oldAudit, error) {
	var found oldAudit
	err := c.each(ctx, `SELECT id, body FROM audit_blocks ORDER BY first_at, id LIMIT 1 OFFSET $1`, func(row scanner) error {
		var body []byte
		err := row.Scan(&found.block, &body)
		if err == nil {
			found.entries, err = decodeAudit(body)
		}
		slices.SortFunc(found.entries, compareAudit)
		return err
	}, offset)
	return found, err
}

// each has read read every row of an answer.
func (c *change) each(ctx context.Context, query string, read func(scanner) error, args ...any) error {
	rows, err := c.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := read(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// endOf returns the first entry that is to stay, of so many that go, and how many go; nothing stays if it has no id.
func endOf(old []oldAudit, before time.Time, limit int) (end AuditEntry, count int) {
	var all []AuditEntry
	for _, one := range old {
		all = append(all, one.entries...)
	}
	slices.SortFunc(all, compareAudit)
	for i, one := range all {
		if i == limit || !before.IsZero() && !one.At.Before(before) {
			return one, i
		}
	}
	return AuditEntry{}, len(all)
}

// cutAudit removes what is before an entry.
func (c *change) cutAudit(ctx context.Context, old oldAudit, end AuditEntry) error {
	keep := slices.IndexFunc(old.entries, func(one AuditEntry) bool { return end.ID != 0 && compareAudit(one, end) >= 0 })
	if keep == 0 {
		return nil
	}
	if keep < 0 {
		keep = len(old.entries)
	}
	if old.block == 0 {
		return c.cutRows(ctx, old.entries[:keep])
	}
	left := old.entries[keep:]
	if len(left) == 0 {
		_, err := c.ExecContext(ctx, `DELETE FROM audit_blocks WHERE id = $1`, old.block)
		return err
	}
	first, _ := timesOf(left)
	_, err := c.ExecContext(ctx, `UPDATE audit_blocks SET body = $1, entries = $2, first_at = $3 WHERE id = $4`, encodeAudit(left), len(left), first, old.block)
	return err
}

func (c *change) cutRows(ctx context.Context, gone []AuditEntry) error {
	for i := range gone {
		if _, err := c.ExecContext(ctx, `DELETE FROM audit WHERE id = $1`, gone[i].ID); err != nil {
			return err
		}
	}
	return nil
}
