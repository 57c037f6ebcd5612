package store

import (
	"context"
	"errors"
	"time"

	"github.com/fairlead/fairlead"
)

// OperationStatus is Azure's word for how far an operation is.
type OperationStatus string

// The statuses of an operation. All but InProgress are final.
const (
	InProgress OperationStatus = "InProgress"
	Succeeded  OperationStatus = "Succeeded"
	Failed     OperationStatus = "Failed"
	Canceled   OperationStatus = "Canceled"
)

// Operation is the journal of one long-running operation on a resource. Record, if any, goes into the activity log when
// the operation finishes. ErrorDetails is JSON that says more about the error, if there is more to say.
type Operation struct {
	ID, ResourceKey, Kind   string
	Status                  OperationStatus
	ErrorCode, ErrorMessage string
	ErrorDetails            string
	StartedAt, EndedAt      time.Time
	Principal               string
	Record                  *Activity
}

const operationColumns = `id, resource_key, kind, status, error_code, error_message, error_details, principal, started_at, ended_at`

func readOperation(row scanner) (Operation, error) {
	var op Operation
	var started, ended int64
	err := row.Scan(&op.ID, &op.ResourceKey, &op.Kind, &op.Status, &op.ErrorCode, &op.ErrorMessage, &op.ErrorDetails, &op.Principal, &started, &ended)
	op.StartedAt, op.EndedAt = moment(started), moment(ended)
	return op, err
}

// CreateOperation journals a new operation; an empty status means InProgress.
func (db *DB) CreateOperation(ctx context.Context, op Operation) error {
	return db.commit(ctx, "create operation", func(c *change) error { return c.create(ctx, op) })
}

func (c *change) create(ctx context.Context, op Operation) error {
	if op.Status == "" {
		op.Status = InProgress
	}
	result, err := c.ExecContext(ctx, `INSERT INTO operations (`+operationColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
		op.ID, op.ResourceKey, op.Kind, string(op.Status), op.ErrorCode, op.ErrorMessage, op.ErrorDetails, op.Principal,
		micros(op.StartedAt), micros(op.EndedAt))
	if err != nil {
		return err
	}
	return conflictUnlessChanged(result, "operation %s exists already", op.ID)
}

// FinishOperation records how an operation ended and wakes the subscribers of its id. What has
// ended stays as it is: NotFound then.
func (db *DB) FinishOperation(ctx context.Context, op Operation) error {
	return db.commit(ctx, "finish operation", func(c *change) error {
		result, err := c.ExecContext(ctx, `UPDATE operations
			SET status = $1, error_code = $2, error_message = $3, error_details = $4, ended_at = $5 WHERE id = $6 AND status = $7`,
			string(op.Status), op.ErrorCode, op.ErrorMessage, op.ErrorDetails, micros(defaultTime(op.EndedAt)), op.ID, string(InProgress))
		if err != nil {
			return err
		}
		if changed, err := result.RowsAffected(); err != nil || changed == 0 {
			return errors.Join(err, fairlead.Errorf(fairlead.NotFound, "no operation %s is in progress", op.ID))
		}
		if err := c.record(ctx, op.Record); err != nil {
			return err
		}
		return c.changed(ctx, op.ID)
	})
}

// GetOperation returns the operation with that id, or NotFound.
func (db *DB) GetOperation(ctx context.Context, id string) (Operation, error) {
	row := db.read.QueryRowContext(ctx, `SELECT `+operationColumns+` FROM operations WHERE id = $1`, id)
	return one(row, readOperation, "operation %s does not exist", id)
}

// UnfinishedOperations returns the operations in progress, oldest first.
func (db *DB) UnfinishedOperations(ctx context.Context) ([]Operation, error) {
	return many(ctx, db.read, readOperation,
		`SELECT `+operationColumns+` FROM operations WHERE status = 'InProgress' ORDER BY started_at, id`)
}

// OtherOperation reports whether another operation on the same resource is in progress.
func (db *DB) OtherOperation(ctx context.Context, op Operation) (bool, error) {
	row := db.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM operations WHERE resource_key = $1 AND status = 'InProgress' AND id <> $2`,
		op.ResourceKey, op.ID)
	others, err := one(row, func(s scanner) (count int, err error) { return count, s.Scan(&count) }, "no count")
	return others > 0, err
}

// ForgetOperations removes the operations that ended before a time and returns how many.
func (db *DB) ForgetOperations(ctx context.Context, endedBefore time.Time) (int64, error) {
	return db.exec(ctx, "forget operations",
		`DELETE FROM operations WHERE status <> 'InProgress' AND ended_at < $1`, micros(endedBefore))
}
