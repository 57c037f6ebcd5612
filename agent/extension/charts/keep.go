package charts

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
)

// maxKept bounds what is kept on disk. The chart gives the folder somewhat more.
const maxKept = 128 << 20

// suffix of archives that are complete.
const suffix = ".tgz"

// path names the file of an archive by everything that leads to it, so that no reference leads out of the folder.
func (f *Fetcher) path(from fairlead.ExtensionChart, version string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{from.Repository, from.Name, version, from.Digest}, "\x00")))
	return filepath.Join(f.Folder, hex.EncodeToString(sum[:])+suffix)
}

// load returns an archive that was kept. One of another digest is none.
func (f *Fetcher) load(from fairlead.ExtensionChart, version string) ([]byte, bool) {
	if f.Folder == "" {
		return nil, false
	}
	path := f.path(from, version)
	packed, err := os.ReadFile(path) //nolint:gosec // the name is a hash
	if err != nil || checkDigest(packed, from.Digest) != nil {
		return nil, false
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // only the order of removal depends on it
	return packed, true
}

// keep writes an archive. Without it the next operation asks the repository, so failures are only told.
func (f *Fetcher) keep(ctx context.Context, from fairlead.ExtensionChart, version string, packed []byte) {
	if f.Folder == "" {
		return
	}
	err := os.MkdirAll(f.Folder, 0o700)
	if err == nil {
		err = write(f.Folder, f.path(from, version), packed)
	}
	if err == nil {
		err = f.prune()
	}
	if err != nil {
		f.Log.WarnContext(ctx, "cannot keep the chart for the next operation", slog.String("error", err.Error()))
	}
}

// write puts a file there as a whole or not at all.
func write(folder, path string, packed []byte) error {
	file, err := os.CreateTemp(folder, "chart-*")
	if err != nil {
		return err
	}
	_, err = file.Write(packed)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // the first error is the one to tell
	}
	return err
}

// prune removes what was not used for longest until the rest is small enough, and what a process has left half written.
func (f *Fetcher) prune() error {
	entries, err := os.ReadDir(f.Folder)
	if err != nil {
		return err
	}
	var files []fs.FileInfo
	total := int64(0)
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			files, total = append(files, info), total+info.Size()
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return cmp.Compare(a.ModTime().UnixNano(), b.ModTime().UnixNano()) })
	for _, info := range files {
		stale := !strings.HasSuffix(info.Name(), suffix) && time.Since(info.ModTime()) > time.Hour
		if total <= maxKept && !stale {
			continue
		}
		if err := os.Remove(filepath.Join(f.Folder, info.Name())); err != nil {
			return err
		}
		total -= info.Size()
	}
	return nil
}
