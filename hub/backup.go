package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/fairlead/fairlead/hub/backup"
)

// Backup writes all that a hub is into a file, whether it runs or not.
func Backup(ctx context.Context, wanted backup.Backup) (backup.Manifest, error) {
	wanted.Now = time.Now
	return wanted.Create(ctx)
}

// Restore makes a data folder of a backup. It refuses while a hub uses the folder.
func Restore(ctx context.Context, wanted backup.Restore) (restored backup.Restored, err error) {
	folder, err := filepath.Abs(wanted.Data)
	if err != nil {
		return backup.Restored{}, fmt.Errorf("find data folder (--data): %w", err)
	}
	held, err := lockData(folder)
	if err != nil {
		return backup.Restored{}, err
	}
	defer func() { err = errors.Join(err, held.release()) }()
	wanted.Data, wanted.Now = folder, time.Now
	return wanted.Run(ctx)
}

// tellAge reminds of what a restored hub does not know, at each start.
func (h *Hub) tellAge(ctx context.Context) error {
	from, err := backup.Age(ctx, h.db)
	if err != nil || from.IsZero() {
		return err
	}
	h.log.WarnContext(ctx, "this hub was restored from a backup: clusters that were connected after it was made have to be connected again, those that were deleted since are Offline",
		slog.Time("backup_of", from))
	return nil
}
