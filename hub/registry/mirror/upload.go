package mirror

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
)

const (
	// MaxBlob bounds one blob, in bytes; the largest images in use have layers of a few GiB.
	MaxBlob = 16 << 30
	// So many pushes may be under way at a time.
	maxUploads = 64
	// A push that sends nothing for so long was given up.
	uploadAge = time.Hour
)

// Upload is a blob that is being pushed. Its size is what has arrived so far.
type Upload struct {
	ID         string
	Repository string

	store   *Store
	mutex   sync.Mutex // one request at a time
	file    *os.File
	digest  hash.Hash
	size    int64
	touched time.Time // guarded by the store's mutex
}

// Begin starts a push to a repository.
func (s *Store) Begin(repository string) (*Upload, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.giveUp()
	if len(s.uploads) >= maxUploads {
		return nil, fairlead.Errorf(fairlead.TooManyRequests, "%d pushes are under way already; try again later", maxUploads)
	}
	id := uuid.NewString()
	file, err := os.OpenFile(filepath.Join(s.folder("uploads"), id), os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode) //nolint:gosec // a random name in a folder of our own
	if err != nil {
		return nil, s.full(fmt.Errorf("begin a push: %w", err))
	}
	begun := &Upload{ID: id, Repository: repository, store: s, file: file, digest: sha256.New(), touched: s.now()}
	s.uploads[id] = begun
	return begun, nil
}

// giveUp ends pushes that nobody goes on with.
func (s *Store) giveUp() {
	for id, one := range s.uploads {
		if s.now().Sub(one.touched) > uploadAge && one.mutex.TryLock() {
			one.discard()
			one.mutex.Unlock()
			delete(s.uploads, id)
		}
	}
}

// Upload returns a push that is under way, by its id and repository, and keeps it from being given up.
func (s *Store) Upload(repository, id string) (*Upload, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found, ok := s.uploads[id]
	if !ok || found.Repository != repository {
		return nil, fairlead.Errorf(fairlead.NotFound, "this push is not under way (any more): begin it again").WithCode("BLOB_UPLOAD_UNKNOWN")
	}
	found.touched = s.now()
	return found, nil
}

// Append adds content and returns how many bytes there are now. The content belongs at from, which is negative when the
// client did not say.
func (u *Upload) Append(from int64, content io.Reader) (int64, error) {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	switch {
	case u.file == nil:
		return 0, fairlead.Errorf(fairlead.NotFound, "this push is over").WithCode("BLOB_UPLOAD_UNKNOWN")
	case from >= 0 && from != u.size:
		return u.size, fairlead.Errorf(fairlead.Invalid, "the next byte that this push needs is number %d, not %d", u.size, from).WithCode("RANGE")
	}
	into := &sink{upload: u}
	_, err := io.Copy(into, io.LimitReader(content, MaxBlob-u.size+1))
	switch {
	case into.err != nil:
		u.end()
		return u.size, u.store.full(fmt.Errorf("write a push: %w", into.err))
	case u.size > MaxBlob:
		u.end()
		return u.size, fairlead.Errorf(fairlead.TooLarge, "a blob may have %d bytes at most", int64(MaxBlob)).WithCode("SIZE_INVALID")
	case err != nil:
		return u.size, fairlead.Errorf(fairlead.Invalid, "the push broke off after %d bytes; it can go on from there", u.size).WithCode("BLOB_UPLOAD_INVALID")
	}
	return u.size, nil
}

// sink tells errors of the disk from those of the connection.
type sink struct {
	upload *Upload
	err    error
}

func (s *sink) Write(content []byte) (int, error) {
	n, err := s.upload.file.Write(content)
	s.upload.digest.Write(content[:n])
	s.upload.size += int64(n)
	s.err = err
	return n, err
}

// Size returns how many bytes have arrived.
func (u *Upload) Size() int64 {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	return u.size
}

// Commit makes the push a blob, if it has the digest.
func (u *Upload) Commit(digest string) error {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	if u.file == nil {
		return fairlead.Errorf(fairlead.NotFound, "this push is over").WithCode("BLOB_UPLOAD_UNKNOWN")
	}
	defer u.end()
	if got := "sha256:" + hex.EncodeToString(u.digest.Sum(nil)); got != digest {
		return fairlead.Errorf(fairlead.Invalid, "what was pushed has digest %s, not %.100s", got, digest).WithCode("DIGEST_INVALID")
	}
	if err := u.file.Sync(); err != nil {
		return u.store.full(fmt.Errorf("finish a push: %w", err))
	}
	target := u.store.Path(digest)
	if err := os.Rename(u.file.Name(), target); err != nil {
		return fmt.Errorf("finish a push: %w", err)
	}
	return syncFolder(filepath.Dir(target))
}

// Cancel ends the push without a blob.
func (u *Upload) Cancel() {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	u.end()
}

// end forgets the push; its file is gone, or has become a blob.
func (u *Upload) end() {
	u.discard()
	u.store.mutex.Lock()
	defer u.store.mutex.Unlock()
	delete(u.store.uploads, u.ID)
}

func (u *Upload) discard() {
	if u.file == nil {
		return
	}
	_ = u.file.Close() // synced before, or of no use
	_ = os.Remove(u.file.Name())
	u.file = nil
}

func syncFolder(name string) error {
	folder, err := os.Open(name) //nolint:gosec // a folder of our own
	if err != nil {
		return fmt.Errorf("finish a push: %w", err)
	}
	return errors.Join(folder.Sync(), folder.Close())
}
