package engine

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// removeCgroups removes a control group from every hierarchy. A killed supervisor could not do it itself.
func removeCgroups(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for _, top := range cgroupFolders(name) {
		// Busy until the kernel has buried the last process.
		err := poll(ctx, 20*time.Millisecond, func() (bool, error) { return removeFolders(top), nil })
		if err != nil {
			return fmt.Errorf("remove control group %s: %w", top, err)
		}
	}
	return nil
}

// cgroupFolders finds the group in version 1, one folder a controller, and in version 2.
func cgroupFolders(name string) []string {
	split, _ := filepath.Glob("/sys/fs/cgroup/*" + name)
	unified, _ := filepath.Glob("/sys/fs/cgroup" + name)
	return append(split, unified...)
}

// removeFolders removes folders from the inside out; files of a control group cannot and need not be removed.
func removeFolders(top string) bool {
	var folders []string
	_ = filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			folders = append(folders, path)
		}
		return nil
	})
	for _, folder := range slices.Backward(folders) {
		_ = os.Remove(folder)
	}
	_, err := os.Stat(top)
	return os.IsNotExist(err)
}
