package authority

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// LoadMasterKey reads the master key from a file, which it makes, with a new key and for its owner
// alone, when there is none.
func LoadMasterKey(file string) ([]byte, error) {
	key, err := ReadMasterKey(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = make([]byte, masterKeySize)
	_, _ = rand.Read(key) // never fails
	if err := WriteFile(file, []byte(hex.EncodeToString(key)+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("write master key: %w", err)
	}
	return key, nil
}

// ReadMasterKey reads the master key from a file, which must be there and closed to strangers.
func ReadMasterKey(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	// A group is tolerated: Kubernetes gives volumes one.
	if info.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("master key %s may be read by anybody (mode %04o): do chmod 600 on it", file, info.Mode().Perm())
	}
	text, err := os.ReadFile(file) //nolint:gosec // the administrator names the data directory
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != masterKeySize {
		return nil, fmt.Errorf("master key %s is damaged: restore it from a backup", file)
	}
	return key, nil
}

// WriteFile puts content into a file such that after a crash the file is there whole, or as it
// was before.
func WriteFile(name string, content []byte, mode fs.FileMode) error {
	temporary, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return fmt.Errorf("create temporary file: %w", err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // fails when all went well: it was renamed
	_, err = temporary.Write(content)
	if err := errors.Join(err, temporary.Chmod(mode), temporary.Sync(), temporary.Close()); err != nil {
		return fmt.Errorf("write temporary file: %w", err)
	}
	if err := os.Rename(temporary.Name(), name); err != nil {
		return fmt.Errorf("put file in place: %w", err)
	}
	return syncFolder(filepath.Dir(name))
}

func syncFolder(name string) error {
	folder, err := os.Open(name) //nolint:gosec // the folder that WriteFile has just written to
	if err != nil {
		return fmt.Errorf("open folder: %w", err)
	}
	if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}
