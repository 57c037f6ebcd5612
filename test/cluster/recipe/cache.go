package recipe

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// Cache is a folder of built programs.
type Cache struct {
	// Dir is the folder; programs are found below it.
	Dir string
	// Progress receives a line now and then while something is built.
	Progress io.Writer
}

// DefaultDir is the folder for everything this module keeps: below $FAIRLEAD_TEST_CACHE, or the user's cache folder.
func DefaultDir() (string, error) {
	base := os.Getenv("FAIRLEAD_TEST_CACHE")
	if base == "" {
		var err error
		if base, err = os.UserCacheDir(); err != nil {
			return "", fmt.Errorf("find a cache folder (set FAIRLEAD_TEST_CACHE): %w", err)
		}
	}
	base, err := filepath.Abs(base)
	return filepath.Join(base, "fairlead", "test-cluster"), err
}

// say writes a line of progress; that nobody can read it is no reason to stop.
func (c Cache) say(format string, args ...any) {
	if c.Progress != nil {
		_, _ = fmt.Fprintf(c.Progress, format+"\n", args...)
	}
}

// Path tells where below Dir a program is, or will be once Ensure made it.
func (c Cache) Path(program Program) (string, error) {
	for _, g := range groups() {
		if _, ok := g.packages[program]; ok {
			folder, err := g.folder()
			return filepath.Join(folder, string(program)), err
		}
	}
	return "", fmt.Errorf("no recipe builds %q", program)
}

// Ensure builds those of the programs that the cache lacks. Programs of a control plane never wait for those of a node.
func (c Cache) Ensure(ctx context.Context, programs ...Program) error {
	for _, g := range groups() {
		wanted := slices.DeleteFunc(slices.Clone(programs), func(p Program) bool { return g.packages[p] == "" })
		if err := c.ensureGroup(ctx, g, wanted); err != nil {
			return fmt.Errorf("build %s: %w", g.name, err)
		}
	}
	return nil
}

func (c Cache) ensureGroup(ctx context.Context, g group, wanted []Program) error {
	folder, err := g.folder()
	if err != nil {
		return err
	}
	dir := filepath.Join(c.Dir, folder)
	if len(missingIn(dir, wanted)) == 0 {
		return nil
	}
	unlock, err := c.lock(ctx, dir, g.name)
	if err != nil {
		return err
	}
	defer unlock()
	if missing := missingIn(dir, wanted); len(missing) > 0 {
		return c.build(ctx, g, dir, missing)
	}
	return nil
}

// missingIn lists those of the programs that are not in dir.
func missingIn(dir string, programs []Program) []Program {
	var missing []Program
	for _, program := range programs {
		if _, err := os.Stat(filepath.Join(dir, string(program))); err != nil {
			missing = append(missing, program)
		}
	}
	slices.Sort(missing)
	return missing
}

// lock keeps other processes from building the same group; the kernel drops it when this process dies.
func (c Cache) lock(ctx context.Context, dir, name string) (func(), error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make cache folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open cache folder: %w", err)
	}
	defer func() { _ = root.Close() }()
	file, err := root.OpenFile(name+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := c.await(ctx, file, name); err != nil {
		_ = file.Close()
		return nil, err
	}
	return func() { _ = file.Close() }, nil
}

func (c Cache) await(ctx context.Context, file *os.File, name string) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for told := false; ; told = true {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if err != syscall.EWOULDBLOCK {
			return fmt.Errorf("lock %s: %w", file.Name(), err)
		}
		if !told {
			c.say("    another process builds %s; waiting for it", name)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
