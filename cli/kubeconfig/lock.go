package kubeconfig

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/fairlead/fairlead"
)

// The lock is kubectl's: a file that whoever writes makes and removes, within milliseconds. One that stays the same for as
// long as lockAbandoned is of a program that was killed. That is watched, not read from the file's age: the clocks of a
// network file system are its own.
const (
	lockPatience  = 10 * time.Second
	lockAbandoned = 5 * time.Second
	lockInterval  = 20 * time.Millisecond
)

// lock is the right to write a kubeconfig.
type lock struct {
	path string
	file os.FileInfo
}

// HoldSignals keeps SIGINT and SIGTERM from ending the process until what it returns is called: whoever presses Ctrl-C
// twice would otherwise leave the lock, or the entry of a proxy that has gone.
func HoldSignals() (release func()) {
	held := make(chan os.Signal, 1)
	signal.Notify(held, syscall.SIGINT, syscall.SIGTERM)
	return func() { signal.Stop(held) }
}

// acquire takes the lock, if need be from a program that has died.
func acquire(ctx context.Context, path string) (*lock, error) {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	ticker := time.NewTicker(lockInterval)
	defer ticker.Stop()
	var seen os.FileInfo
	var since time.Time
	for {
		taken, err := create(path)
		if taken != nil || err != nil {
			return taken, err
		}
		if now, err := os.Lstat(path); err == nil && !same(seen, now) {
			seen, since = now, time.Now()
		}
		if seen != nil && time.Since(since) >= lockAbandoned {
			discard(path, seen)
		}
		select {
		case <-ctx.Done():
			return nil, locked(path)
		case <-ticker.C:
		}
	}
}

// create makes the lock's file; nil is that somebody else has it.
func create(path string) (*lock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, ownerOnly) //nolint:gosec // beside the kubeconfig that the person names
	if errors.Is(err, fs.ErrExist) {
		return nil, nil //nolint:nilnil // that is what the loop waits for
	}
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "the kubeconfig cannot be written: %w", err)
	}
	info, err := file.Stat()
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "the kubeconfig cannot be written: %w", errors.Join(err, os.Remove(path)))
	}
	return &lock{path: path, file: info}, nil
}

// discard removes a dead program's lock. Somebody who waited as long may have done so meanwhile and taken the lock: what was
// moved away is looked at, and put back if it is theirs.
func discard(path string, dead os.FileInfo) {
	aside := path + "." + strconv.Itoa(os.Getpid())
	if os.Rename(path, aside) != nil {
		return
	}
	if moved, err := os.Lstat(aside); err == nil && !same(dead, moved) {
		_ = os.Link(aside, path) // if it cannot be, its owner notices before it writes
	}
	_ = os.Remove(aside) // it is in nobody's way
}

// ours is false when somebody took this program, which may have been stopped, for dead.
func (l *lock) ours() bool {
	now, err := os.Lstat(l.path)
	return err == nil && same(l.file, now)
}

func (l *lock) release() {
	if l.ours() {
		_ = os.Remove(l.path) // whoever has removed it meanwhile was told to
	}
}

// same tells a file from a newer one that got its number.
func same(one, other os.FileInfo) bool {
	return one != nil && os.SameFile(one, other) && one.ModTime().Equal(other.ModTime())
}

func locked(path string) error {
	return fairlead.Errorf(fairlead.Unavailable, "another program holds %s: try again", path).WithCode("KubeconfigLocked")
}
