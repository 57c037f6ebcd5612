package hub

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
)

// lock keeps a second hub out of a data folder. The system lets go of it when the process dies,
// however it dies; the number in the file is for people.
type lock struct{ file *flock.Flock }

// lockData makes the folder if need be.
func lockData(folder string) (*lock, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder (--data): %w", err)
	}
	name := filepath.Join(folder, "hub.lock")
	file := flock.New(name, flock.SetPermissions(0o600))
	held, err := file.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock data folder (--data): %w", err)
	}
	if !held {
		return nil, fmt.Errorf("another hub%s is using %s: stop it, or give this one a folder of its own with --data", holder(name), folder)
	}
	if err := os.WriteFile(name, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("note process id in %s: %w", name, err), file.Unlock())
	}
	return &lock{file: file}, nil
}

func holder(name string) string {
	text, err := os.ReadFile(name) //nolint:gosec // the hub's own lock file
	pid := strings.TrimSpace(string(text))
	if _, bad := strconv.Atoi(pid); err != nil || bad != nil {
		return ""
	}
	return " (process " + pid + ")"
}

func (l *lock) release() error {
	if err := l.file.Unlock(); err != nil {
		return fmt.Errorf("unlock data folder: %w", err)
	}
	return nil
}
