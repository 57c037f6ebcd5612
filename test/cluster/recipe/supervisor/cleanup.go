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

// cleanUp removes what outlives processes and namespaces. Whoever stops a cluster does the same again, in case we were killed.
func cleanUp(cluster spec.Spec) {
	if around := cluster.Surroundings; around != nil {
		for _, root := range hierarchies() {
			removeCgroups(filepath.Join(root, around.Cgroup))
		}
		for _, bind := range slices.Backward(around.Binds) {
			_ = syscall.Unmount(bind.Target, syscall.MNT_DETACH)
		}
	}
	_ = os.RemoveAll(cluster.StateDir)
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
