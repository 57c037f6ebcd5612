package recording

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

const (
	pruneEvery = 10 * time.Minute
	pruneStep  = 100
)

// Run clears what is too old or too much until ctx ends.
func (r *Recorder) Run(ctx context.Context) error {
	ticker := time.NewTicker(pruneEvery)
	defer ticker.Stop()
	for {
		if err := errors.Join(r.prune(ctx), r.sweep(ctx)); err != nil && ctx.Err() == nil {
			r.Log.WarnContext(ctx, "old recordings could not be cleared", slog.Any("err", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// prune removes recordings from before the time that is kept, and the oldest while all together are too large.
func (r *Recorder) prune(ctx context.Context) error {
	total, err := r.Store.RecordedBytes(ctx)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		oldest, err := r.Store.OldestRecordings(ctx, pruneStep)
		if err != nil {
			return err
		}
		for _, one := range oldest {
			if total <= r.Limits.Total && one.StartedAt.After(r.Now().Add(-r.Limits.Age)) {
				return nil
			}
			if err := r.remove(ctx, one.ID); err != nil {
				return err
			}
			total -= one.Size
		}
		if len(oldest) < pruneStep {
			return nil
		}
	}
	return nil
}

// remove deletes the file first: what is left after a crash is an entry that is cleared again.
func (r *Recorder) remove(ctx context.Context, id string) error {
	if err := os.Remove(r.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove recording: %w", err)
	}
	return r.Store.DeleteRecording(ctx, id)
}

// sweep removes files that are too old and that nothing refers to, as a restored backup leaves them.
func (r *Recorder) sweep(ctx context.Context) error {
	folder, err := os.OpenRoot(r.Dir)
	if err != nil {
		return fmt.Errorf("sweep recordings: %w", err)
	}
	defer func() { _ = folder.Close() }() // it is only a way to names
	before := r.Now().Add(-r.Limits.Age - 24*time.Hour)
	err = fs.WalkDir(folder.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || ctx.Err() != nil || !strings.HasSuffix(path, ".cast") {
			return err
		}
		info, err := entry.Info()
		if err != nil || info.ModTime().After(before) {
			return err
		}
		return folder.Remove(path)
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sweep recordings: %w", err)
	}
	return nil
}

// endOpen ends what an earlier process recorded when it died: what it wrote is there.
func (r *Recorder) endOpen(ctx context.Context) error {
	open, err := r.Store.OpenRecordings(ctx)
	if err != nil {
		return err
	}
	for _, one := range open {
		ended, size := one.StartedAt, int64(0)
		if info, err := os.Stat(r.path(one.ID)); err == nil {
			ended, size = info.ModTime(), info.Size()
		}
		if err := r.Store.EndRecording(ctx, one.ID, ended, store.RecordingInterrupted, size); err != nil {
			return err
		}
	}
	return nil
}

// Content opens the file of a recording. The caller closes it.
func (r *Recorder) Content(id string) (*os.File, error) {
	if uuid.Validate(id) != nil {
		return nil, fairlead.Errorf(fairlead.NotFound, "there is no recording %.64q", id)
	}
	file, err := os.Open(r.path(strings.ToLower(id)))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fairlead.Errorf(fairlead.NotFound, "the file of recording %s is not there: it is not part of a backup, or was removed by hand", id)
	case err != nil:
		return nil, fmt.Errorf("open recording: %w", err)
	}
	return file, nil
}
