package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fairlead/fairlead"
)

const (
	format       = 1
	manifestName = "fairlead-backup.json"
	maxManifest  = 64 << 10
	maxKey       = 4 << 10
	// More than SQLite files of ten thousand clusters have by far.
	maxDatabase = 1 << 40
)

// Manifest is the first entry of a backup: what the others must be.
type Manifest struct {
	Format    int             `json:"format"`
	Version   string          `json:"version"` // of the program that made the backup
	CreatedAt time.Time       `json:"createdAt"`
	Files     map[string]File `json:"files"`
}

// File is the size and the SHA-256, in hex, of one file.
type File struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// HasKey reports whether the backup holds the master key.
func (m Manifest) HasKey() bool { _, ok := m.Files[MasterKey]; return ok }

// limits are the files that a backup may hold, in their order, and how large each may be.
func limits() []struct {
	name string
	size int64
} {
	return []struct {
		name string
		size int64
	}{{MasterKey, maxKey}, {Database, maxDatabase}}
}

func describe(folder string, now time.Time) (Manifest, error) {
	made := Manifest{Format: format, Version: fairlead.Version, CreatedAt: now.UTC().Truncate(time.Second), Files: map[string]File{}}
	for _, known := range limits() {
		file, err := measure(filepath.Join(folder, known.name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Manifest{}, err
		}
		made.Files[known.name] = file
	}
	return made, nil
}

func measure(name string) (File, error) {
	file, err := os.Open(name) //nolint:gosec // a file that this package has just made
	if err != nil {
		return File{}, fmt.Errorf("measure: %w", err)
	}
	defer func() { _ = file.Close() }() // was only read
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	if err != nil {
		return File{}, fmt.Errorf("measure: %w", err)
	}
	return File{Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

// parseManifest reads what somebody else may have written.
func parseManifest(text []byte) (Manifest, error) {
	var found Manifest
	if err := json.Unmarshal(text, &found); err != nil {
		return Manifest{}, damaged("its list of contents cannot be read")
	}
	if found.Format != format {
		return Manifest{}, fairlead.Errorf(fairlead.Invalid, "the backup has format %d and this program reads format %d: use the version of fairlead that made it (%.40q)",
			found.Format, format, found.Version)
	}
	if _, ok := found.Files[Database]; !ok {
		return Manifest{}, damaged("it holds no database")
	}
	for name, file := range found.Files {
		at := slices.IndexFunc(limits(), func(known struct {
			name string
			size int64
		},
		) bool {
			return known.name == name
		})
		if at < 0 || file.Size < 0 || file.Size > limits()[at].size {
			return Manifest{}, damaged("it lists what no backup holds")
		}
	}
	return found, nil
}

func damaged(how string) error {
	return fairlead.Errorf(fairlead.Invalid, "the file is no backup of a hub, or it is damaged: %s", how).WithCode("BackupDamaged")
}
