//go:build unix

package hub

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// freeBytes returns what an ordinary user may still write to the file system of folder.
func freeBytes(folder string) (uint64, error) {
	var found unix.Statfs_t
	if err := unix.Statfs(folder, &found); err != nil {
		return 0, fmt.Errorf("look at the file system of %s: %w", folder, err)
	}
	return uint64(found.Bavail) * uint64(found.Bsize), nil //nolint:gosec,unconvert // neither is negative; types differ by system
}

// openFiles returns how many files and connections a process may hold once it has raised its own
// limit, as the runtime of Go does by itself.
func openFiles() (uint64, error) {
	var found unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &found); err != nil {
		return 0, fmt.Errorf("read the limit of open files: %w", err)
	}
	return uint64(found.Max), nil //nolint:unconvert // int64 on some systems
}
