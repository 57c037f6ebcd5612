package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/fairlead/fairlead/test/cluster/recipe/supervisor/spec"
)

// cleanUp removes what outlives processes, and uncovers the state folder for removal. Whoever stops a cluster does the same again, in case we were killed.
func cleanUp(cluster spec.Spec) {
	around := cluster.Surroundings
	if around == nil {
		return
	}
	for _, root := range hierarchies() {
		removeCgroups(filepath.Join(root, around.Cgroup))
	}
	for _, bind := range slices.Backward(around.Binds) {
		_ = syscall.Unmount(bind.Target, syscall.MNT_DETACH)
	}
}

// removeCgroups tries for a moment: a group is busy until the kernel has buried its last process.
func removeCgroups(top string) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 100 {
		var groups []string
		_ = filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				groups = append(groups, path)
			}
			return nil
		})
		for _, group := range slices.Backward(groups) {
			_ = os.Remove(group)
		}
		if _, err := os.Stat(top); err != nil {
			return
		}
		<-tick.C
	}
}
