// Package mirror keeps what an administrator pushes into the hub's registry: blobs by their digests, and a small
// file for each repository that says which manifests and tags it has. A blob gets its name only when it is whole, and a
// repository's file is replaced as a whole, so that whenever the hub is killed, what was acknowledged is there and
// what was not is no trouble. Who may push is decided by the callers.
package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/authority"
)

// Store is the content of a folder that nobody else writes to.
type Store struct {
	dir string
	now func() time.Time
	log *slog.Logger

	mutex   sync.Mutex
	shelves map[string]*shelf
	damaged bool // some repository could not be read, and its blobs must stay until it is mended
	uploads map[string]*Upload
}

// shelf is a repository, as its file has it.
type shelf struct {
	Name      string              `json:"name"`
	Tags      map[string]string   `json:"tags"` // to digests
	Manifests map[string]Manifest `json:"manifests"`
}

// Manifest is what is known of a pushed manifest: what it is, and the digests that it is made of.
type Manifest struct {
	Digest    string    `json:"digest"`
	MediaType string    `json:"mediaType"`
	Size      int64     `json:"size"`
	Blobs     []string  `json:"blobs"`
	Manifests []string  `json:"manifests"`
	PushedAt  time.Time `json:"pushedAt"`
}

const (
	folderMode = 0o750
	fileMode   = 0o640
	// What no manifest names is kept for so long: a push sends blobs first.
	orphanAge = time.Hour
)

// Open reads the folder, which it makes when it is missing, and throws away what unfinished pushes left.
func Open(ctx context.Context, dir string, now func() time.Time, log *slog.Logger) (*Store, error) {
	s := &Store{dir: dir, now: now, log: log, shelves: map[string]*shelf{}, uploads: map[string]*Upload{}}
	if err := os.RemoveAll(s.folder("uploads")); err != nil {
		return nil, fmt.Errorf("remove unfinished pushes: %w", err)
	}
	for _, name := range []string{"uploads", "repositories", "blobs/sha256"} {
		if err := os.MkdirAll(s.folder(name), folderMode); err != nil {
			return nil, fmt.Errorf("make the mirror's folder: %w", err)
		}
	}
	files, err := filepath.Glob(filepath.Join(s.folder("repositories"), "*.json"))
	if err != nil {
		return nil, fmt.Errorf("list mirrored repositories: %w", err)
	}
	for _, file := range files {
		if err := s.read(file); err != nil {
			s.damaged = true
			log.ErrorContext(ctx, "a mirrored repository is not served until it is pushed again", slog.Any("err", err))
		}
	}
	s.sweep(ctx)
	return s, nil
}

func (s *Store) folder(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

func (s *Store) read(file string) error {
	text, err := os.ReadFile(file) //nolint:gosec // a file of our own folder
	if err != nil {
		return fmt.Errorf("read mirrored repository: %w", err)
	}
	var found shelf
	if err := json.Unmarshal(text, &found); err != nil || found.Name == "" {
		return fmt.Errorf("read mirrored repository: %s is damaged: remove it and push the repository again", file)
	}
	s.shelves[found.Name] = &found
	return nil
}

// write replaces a repository, first on disk and then in memory; one without content goes.
func (s *Store) write(changed *shelf) error {
	sum := sha256.Sum256([]byte(changed.Name))
	file := filepath.Join(s.folder("repositories"), hex.EncodeToString(sum[:])+".json")
	if len(changed.Manifests) == 0 {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove mirrored repository: %w", err)
		}
		delete(s.shelves, changed.Name)
		return nil
	}
	text, err := json.MarshalIndent(changed, "", " ")
	if err != nil {
		return fmt.Errorf("write mirrored repository: %w", err)
	}
	if err := authority.WriteFile(file, text, fileMode); err != nil {
		return s.full(fmt.Errorf("write mirrored repository: %w", err))
	}
	s.shelves[changed.Name] = changed
	return nil
}

// full tells people about a full disk in their words.
func (s *Store) full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fairlead.Errorf(fairlead.Unavailable, "the hub's disk is full: free space for %s, for example with fairlead registry delete, and push again", s.dir).WithCode("InsufficientStorage")
	}
	return err
}

func (s *Store) copyOf(name string) *shelf {
	copied := &shelf{Name: name, Tags: map[string]string{}, Manifests: map[string]Manifest{}}
	if known := s.shelves[name]; known != nil {
		maps.Copy(copied.Tags, known.Tags)
		maps.Copy(copied.Manifests, known.Manifests)
	}
	return copied
}

// Repositories returns the names of all repositories, sorted.
func (s *Store) Repositories() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Sorted(maps.Keys(s.shelves))
}

// Tags returns the tags of a repository, sorted, and false when there is no such repository.
func (s *Store) Tags(repository string) ([]string, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found, ok := s.shelves[repository]
	if !ok {
		return nil, false
	}
	return slices.Sorted(maps.Keys(found.Tags)), true
}

// Manifest finds a manifest of a repository by tag or digest.
func (s *Store) Manifest(repository, reference string) (Manifest, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found, ok := s.shelves[repository]
	if !ok {
		return Manifest{}, false
	}
	if digest, ok := found.Tags[reference]; ok {
		reference = digest
	}
	manifest, ok := found.Manifests[reference]
	return manifest, ok
}

// HasBlob reports whether a manifest of the repository names the blob.
func (s *Store) HasBlob(repository, digest string) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found, ok := s.shelves[repository]
	if !ok {
		return false
	}
	for _, manifest := range found.Manifests {
		if slices.Contains(manifest.Blobs, digest) {
			return true
		}
	}
	return false
}

// Keep reports whether a blob is there, in whatever repository, and keeps it for a push that is under way.
func (s *Store) Keep(digest string) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now := s.now()
	return os.Chtimes(s.Path(digest), now, now) == nil
}

// Path returns the file of a blob or manifest. The digest must be a valid one.
func (s *Store) Path(digest string) string {
	return filepath.Join(s.folder("blobs/sha256"), strings.TrimPrefix(digest, "sha256:"))
}
