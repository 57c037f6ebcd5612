package store

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// forgetAtOnce bounds one transaction of clearing, so that others can write in between.
const forgetAtOnce = 5000

// Activity is one entry of the activity log: who did what to which resource, and how that went. It never holds
// what was sent or answered. ResourceID is as it is shown; the store finds it by its lower-case form. Caller is what people
// call the principal, CallerID its object id. Detail is the HTTP status or, for failures, the error code.
type Activity struct {
	ID, OperationID, CorrelationID string
	At                             time.Time

	Subscription, ResourceGroup, ResourceID string
	Action, Detail                          string
	Status                                  ActivityStatus
	Caller, CallerID, Method, ClientIP      string
}

// ActivityStatus is Azure's word for how far what was done is.
type ActivityStatus string

// The statuses of entries. What goes on after its answer is Started, and later one of the others.
const (
	ActivityStarted   ActivityStatus = "Started"
	ActivitySucceeded ActivityStatus = "Succeeded"
	ActivityFailed    ActivityStatus = "Failed"
)

// ActivityQuery selects entries of a subscription; empty fields select all. Resource is the lower-case id of a resource,
// itself and what is below it. Since and Until are included. Before is the last entry of the page before this one.
type ActivityQuery struct {
	Subscription, ResourceGroup, Resource, Correlation string
	Since, Until                                       time.Time
	Before                                             ActivityMark
	Limit                                              int
}

// ActivityMark is a place in the log: entries are ordered by time and then by id, newest first.
type ActivityMark struct {
	At time.Time
	ID string
}

const activityColumns = `id, at, subscription, resource_group, resource_id, action, status, detail, caller, caller_id,
	correlation_id, operation_id, method, client_ip`

func readActivity(row scanner) (Activity, error) {
	var a Activity
	var at int64
	err := row.Scan(&a.ID, &at, &a.Subscription, &a.ResourceGroup, &a.ResourceID, &a.Action, &a.Status, &a.Detail, &a.Caller, &a.CallerID,
		&a.CorrelationID, &a.OperationID, &a.Method, &a.ClientIP)
	a.At = moment(at)
	return a, err
}

// RecordActivity adds an entry to the log. What a resource or an operation carries as its Record is added with it
// and needs no call of this.
func (db *DB) RecordActivity(ctx context.Context, entry Activity) error {
	return db.commit(ctx, "record activity", func(c *change) error { return c.record(ctx, &entry) })
}

func (c *change) record(ctx context.Context, a *Activity) error {
	if a == nil {
		return nil
	}
	_, err := c.ExecContext(ctx, `INSERT INTO activity (`+activityColumns+`, resource_key)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, LOWER($15)) ON CONFLICT DO NOTHING`,
		a.ID, micros(defaultTime(a.At)), a.Subscription, a.ResourceGroup, a.ResourceID, a.Action, string(a.Status), a.Detail, a.Caller, a.CallerID,
		a.CorrelationID, a.OperationID, a.Method, a.ClientIP, a.ResourceID)
	return err
}

// StartedActivity returns the entry with which an operation began, or NotFound when it has been cleared or never was.
func (db *DB) StartedActivity(ctx context.Context, operationID string) (Activity, error) {
	row := db.read.QueryRowContext(ctx, `SELECT `+activityColumns+` FROM activity
		WHERE operation_id = $1 AND status = 'Started' LIMIT 1`, operationID)
	return one(row, readActivity, "operation %s began without an entry", operationID)
}

// ListActivity returns the entries that q selects, newest first.
func (db *DB) ListActivity(ctx context.Context, q ActivityQuery) ([]Activity, error) {
	statement, args := q.statement()
	found, err := many(ctx, db.read, readActivity, statement, args...)
	if err != nil {
		return nil, fmt.Errorf("list activity: %w", err)
	}
	return found, nil
}

func (q ActivityQuery) statement() (string, []any) {
	text, args := `SELECT `+activityColumns+` FROM activity WHERE subscription = $1`, []any{q.Subscription}
	param := func(value any) string {
		args = append(args, value)
		return `$` + strconv.Itoa(len(args))
	}
	if q.ResourceGroup != "" {
		text += ` AND resource_group = ` + param(q.ResourceGroup)
	}
	if q.Resource != "" {
		text += ` AND (resource_key = ` + param(q.Resource) + ` OR resource_key >= ` + param(q.Resource+"/") + ` AND resource_key < ` +
			param(prefixEnd(q.Resource+"/")) + `)`
	}
	if q.Correlation != "" {
		text += ` AND correlation_id = ` + param(q.Correlation)
	}
	if !q.Since.IsZero() {
		text += ` AND at >= ` + param(micros(q.Since))
	}
	if !q.Until.IsZero() {
		text += ` AND at <= ` + param(micros(q.Until))
	}
	if !q.Before.At.IsZero() {
		text += ` AND (at < ` + param(micros(q.Before.At)) + ` OR at = ` + param(micros(q.Before.At)) + ` AND id < ` + param(q.Before.ID) + `)`
	}
	text += ` ORDER BY at DESC, id DESC`
	if q.Limit > 0 {
		text += ` LIMIT ` + param(q.Limit)
	}
	return text, args
}

// ForgetActivity removes the entries from before a time, a bounded number in one transaction, and returns how many.
func (db *DB) ForgetActivity(ctx context.Context, before time.Time) (int64, error) {
	var total int64
	for {
		gone, err := db.exec(ctx, "forget activity", `DELETE FROM activity WHERE id IN (SELECT id FROM activity WHERE at < $1 LIMIT $2)`,
			micros(before), forgetAtOnce)
		total += gone
		if err != nil || gone < forgetAtOnce {
			return total, err
		}
	}
}

// RemoveResource is DeleteResource that adds an entry to the activity log in the same transaction, and wakes the subscribers
// of the keys to which the resource belonged as well.
func (db *DB) RemoveResource(ctx context.Context, key string, condition Condition, entry *Activity, wake ...string) error {
	return db.commit(ctx, "remove resource", func(c *change) error {
		if err := c.remove(ctx, key, condition); err != nil {
			return err
		}
		for _, other := range wake {
			if err := c.changedBelow(ctx, other); err != nil {
				return err
			}
		}
		return c.record(ctx, entry)
	})
}
