package recipe

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// build compiles the missing programs of a group into dir, each of which appears there complete or not at all.
func (c Cache) build(ctx context.Context, g group, dir string, missing []Program) error {
	scratch, err := os.MkdirTemp(dir, "build-")
	if err != nil {
		return fmt.Errorf("make scratch folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	if err := g.layout(scratch); err != nil {
		return err
	}
	if g.complete != nil {
		if err := g.complete(ctx, scratch); err != nil {
			return err
		}
	}
	if err := c.compile(ctx, g, scratch, missing); err != nil {
		return err
	}
	for _, program := range missing {
		made := filepath.Join(scratch, "out", binaryName(g.packages[program]))
		if err := os.Rename(made, filepath.Join(dir, string(program))); err != nil {
			return fmt.Errorf("keep %s: %w", program, err)
		}
	}
	return nil
}

// binaryName tells what the compiler calls the program of a package: the last element that is not a major version.
func binaryName(pkg string) string {
	if pkg == "main.go" {
		return "main"
	}
	if path.Base(pkg) == "v3" {
		pkg = path.Dir(pkg)
	}
	return path.Base(pkg)
}

func (c Cache) compile(ctx context.Context, g group, scratch string, missing []Program) error {
	args := []string{"build", "-v", "-trimpath", "-buildvcs=false", "-ldflags", g.ldflags, "-o", filepath.Join(scratch, "out") + "/"}
	names := make([]string, 0, len(missing))
	for _, program := range missing {
		args = append(args, g.packages[program])
		names = append(names, string(program))
	}
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // only our own recipes make up the arguments
	cmd.Dir = scratch
	cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0", "GOFLAGS=", "GOOS=linux")
	return c.narrate(cmd, strings.Join(names, ", "))
}

// narrate runs a build, which says nothing of use to a reader by itself, and tells every few seconds how far it is.
func (c Cache) narrate(cmd *exec.Cmd, what string) error {
	var packages atomic.Int64
	var complaint bytes.Buffer
	out, err := cmd.StderrPipe()
	if err != nil {
		return fmt.Errorf("watch the build: %w", err)
	}
	c.say("    compiling %s, once for this machine", what)
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the compiler: %w", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		countPackages(out, &packages, &complaint)
	}()
	c.tell(done, begin, &packages)
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("compile %s: %w\n%s", what, err, complaint.String())
	}
	c.say("    compiled %s in %s", what, time.Since(begin).Round(time.Second))
	return nil
}

func (c Cache) tell(done <-chan struct{}, begin time.Time, packages *atomic.Int64) {
	tick := time.NewTicker(15 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			c.say("    … %s, %d packages compiled", time.Since(begin).Round(time.Second), packages.Load())
		}
	}
}

// countPackages reads the compiler's output: an import path a line, apart from downloads and complaints.
func countPackages(from io.Reader, packages *atomic.Int64, complaint *bytes.Buffer) {
	for lines := bufio.NewScanner(from); lines.Scan(); {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "go: downloading "):
		case strings.ContainsAny(line, " \t:#"):
			complaint.WriteString(line + "\n")
		default:
			packages.Add(1)
		}
	}
}
