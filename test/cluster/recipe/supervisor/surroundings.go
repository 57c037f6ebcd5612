package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/fairlead/fairlead/test/cluster/recipe/supervisor/spec"
)

// prepare turns the fresh namespaces that this process was started in into a machine.
func prepare(around *spec.Surroundings) error {
	if around == nil {
		return nil
	}
	if err := syscall.Sethostname([]byte(around.Hostname)); err != nil {
		return fmt.Errorf("set host name: %w", err)
	}
	if err := ownMounts(); err != nil {
		return err
	}
	if err := bindAll(around.Binds); err != nil {
		return err
	}
	// Kubelet wants mounts of pods to propagate; sharing starts here, with no peer on the host.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, ""); err != nil {
		return fmt.Errorf("share mounts: %w", err)
	}
	return makeCgroups(around.Cgroup)
}

// ownMounts cuts the mount namespace off from the host's and shows the processes of our own PID namespace.
func ownMounts() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}

// bindAll opens every source before the first bind: a bind over /run or /var/lib may hide the source of a later one.
func bindAll(binds []spec.Bind) error {
	var sources []*os.File
	for _, bind := range binds {
		source, err := os.Open(bind.Source)
		if err != nil {
			return fmt.Errorf("open what to bind: %w", err)
		}
		defer func() { _ = source.Close() }()
		sources = append(sources, source)
	}
	for i, bind := range binds {
		if err := bindOne(sources[i], bind.Target); err != nil {
			return fmt.Errorf("bind %s to %s: %w", bind.Source, bind.Target, err)
		}
	}
	return nil
}

func bindOne(source *os.File, target string) error {
	info, err := source.Stat()
	if err != nil {
		return err
	}
	if err := makeTarget(target, info); err != nil {
		return err
	}
	return syscall.Mount(fmt.Sprintf("/proc/self/fd/%d", source.Fd()), target, "", syscall.MS_BIND, "")
}

func makeTarget(target string, like fs.FileInfo) error {
	if _, err := os.Stat(target); err == nil {
		return nil
	}
	if like.IsDir() {
		return os.MkdirAll(target, 0o750)
	}
	return os.WriteFile(target, nil, 0o600)
}

// hierarchies lists the roots of the cgroup trees: one for version 2, several for version 1.
func hierarchies() []string {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil
	}
	var roots []string
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 2 && strings.HasPrefix(fields[2], "cgroup") {
			roots = append(roots, fields[1])
		}
	}
	return roots
}

func makeCgroups(name string) error {
	for _, root := range hierarchies() {
		dir := filepath.Join(root, name)
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return fmt.Errorf("make control group: %w", err)
		}
		if strings.HasSuffix(root, "/cpuset") {
			inheritCPUs(root, dir)
		}
	}
	return nil
}

// inheritCPUs fills a cpuset of version 1, which starts empty and then takes no process.
func inheritCPUs(root, dir string) {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		if content, err := fs.ReadFile(os.DirFS(root), file); err == nil {
			_ = os.WriteFile(filepath.Join(dir, file), content, 0o600)
		}
	}
}
