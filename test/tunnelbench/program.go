package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// playProgram PATH ARGS…: a program of others, for as long as it is wanted. It says the number of its process, and what the
// program says goes where errors go.
func playProgram(ctx context.Context, args []string, out io.Writer) error {
	command := exec.CommandContext(ctx, args[0], args[1:]...)
	command.Env = append(os.Environ(), "http_proxy=") // frpc would take it even to this machine
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	if err := command.Start(); err != nil {
		return err
	}
	fmt.Fprintln(out, command.Process.Pid)
	return command.Wait()
}

// program starts a program of a candidate. The process that counts is the program's.
func (b *bench) program(ctx context.Context, candidate, name string, args ...string) (*process, error) {
	path := filepath.Join(b.options.programs[candidate], name)
	p, err := b.start(ctx, "program", append([]string{path}, args...)...)
	if err != nil {
		return nil, err
	}
	if p.PID, err = strconv.Atoi(p.address); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return p, nil
}

// within returns where a candidate's programs are, if they are all in a folder.
func (c candidate) within(folder string) (string, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	for _, name := range c.programs {
		if _, err := exec.LookPath(filepath.Join(folder, name)); err != nil {
			return "", err
		}
	}
	return folder, nil
}

// version is which of a candidate's releases was built, if its programs know.
func (c candidate) version(folder string) string {
	if len(c.programs) == 0 {
		return ""
	}
	info, err := buildinfo.ReadFile(filepath.Join(folder, c.programs[0]))
	if err != nil || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return ""
	}
	return ", " + info.Main.Version
}
