package audit

import (
	"context"
	"log/slog"
	"time"
)

const (
	pruneEvery = 10 * time.Minute
	pruneStep  = 500 // entries in one transaction, so that others can write in between
)

// prune clears what is too old, and the oldest of what is too much.
func (l *Log) prune(ctx context.Context) {
	err := l.forget(ctx, l.Now().Add(-l.Limits.Age), -1)
	if err == nil {
		err = l.forgetSurplus(ctx)
	}
	if err != nil && ctx.Err() == nil {
		l.Log.WarnContext(ctx, "the old part of the audit log could not be cleared", slog.Any("err", err))
	}
}

func (l *Log) forgetSurplus(ctx context.Context) error {
	count, err := l.Store.CountAudit(ctx)
	if err != nil || count <= l.Limits.Rows {
		return err
	}
	return l.forget(ctx, time.Time{}, count-l.Limits.Rows)
}

// forget removes at most count entries, all when it is negative, step by step. What waits to be written goes first.
func (l *Log) forget(ctx context.Context, before time.Time, count int64) error {
	for count != 0 && ctx.Err() == nil {
		step := int64(pruneStep)
		if count > 0 {
			step = min(step, count)
			count -= step
		}
		gone, err := l.Store.ForgetAudit(ctx, before, int(step))
		if err != nil || gone < step {
			return err
		}
		l.flush(ctx)
	}
	return nil
}
