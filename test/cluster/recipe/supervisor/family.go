package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/fairlead/fairlead/test/cluster/recipe/supervisor/spec"
)

// family is the supervisor's children.
type family struct {
	cluster  spec.Spec
	children []*child
}

type child struct {
	process spec.Process
	report  spec.Report
}

func newFamily(cluster spec.Spec) *family {
	f := &family{cluster: cluster}
	for _, process := range cluster.Processes {
		f.children = append(f.children, &child{process: process, report: spec.Report{Name: process.Name}})
	}
	return f
}

// complete says that every process runs.
func (f *family) complete() bool {
	for _, c := range f.children {
		if c.report.PID == 0 {
			return false
		}
	}
	return true
}

// startMissing starts each process that does not run, apart from those whose time has not come.
func (f *family) startMissing() error {
	for _, c := range f.children {
		if c.report.PID != 0 || !exists(c.process.After) {
			continue
		}
		pid, err := f.start(c.process)
		if err != nil {
			return fmt.Errorf("start %s: %w", c.process.Name, err)
		}
		c.report.PID = pid
		f.report()
	}
	return nil
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return file == "" || err == nil
}

func (f *family) isolated() bool { return f.cluster.Surroundings != nil }

// start runs one process in a group of its own, so that the group can be killed as one.
func (f *family) start(process spec.Process) (int, error) {
	log, err := os.OpenFile(process.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { _ = log.Close() }()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer func() { _ = null.Close() }()
	attributes := &syscall.SysProcAttr{Setpgid: true}
	if !f.isolated() { // within namespaces the end of process 1 kills the rest
		attributes.Pdeathsig = syscall.SIGKILL
	}
	return syscall.ForkExec(process.Args[0], process.Args, &syscall.ProcAttr{ //nolint:gosec // to run what it is told is its purpose
		Env:   os.Environ(),
		Files: []uintptr{null.Fd(), log.Fd(), log.Fd()},
		Sys:   attributes,
	})
}

// reap collects everything that ended: our children, and orphans that process 1 inherits.
func (f *family) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if pid <= 0 {
			return
		}
		f.noteEnd(pid, status)
	}
}

func (f *family) noteEnd(pid int, status syscall.WaitStatus) {
	for _, c := range f.children {
		if c.report.PID == pid {
			c.report.PID, c.report.LastExit = 0, describe(status)
			c.report.Restarts++
			f.report()
		}
	}
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "signal: " + status.Signal().String()
	}
	return fmt.Sprintf("exit status %d", status.ExitStatus())
}

// report is best effort: a cluster without a report still works.
func (f *family) report() {
	var all []spec.Report
	for _, c := range f.children {
		all = append(all, c.report)
	}
	content, _ := json.Marshal(all)
	draft := f.cluster.Report + ".new"
	if os.WriteFile(draft, content, 0o600) == nil {
		_ = os.Rename(draft, f.cluster.Report)
	}
}

// end kills what runs and removes what is left, in that order.
func (f *family) end() {
	f.killAll()
	for { // until no child is left
		if _, err := syscall.Wait4(-1, nil, 0, nil); err != nil && !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	cleanUp(f.cluster)
}

func (f *family) killAll() {
	if f.isolated() && os.Getpid() == 1 {
		_ = syscall.Kill(-1, syscall.SIGKILL) // all of our PID namespace, and nothing else
		return
	}
	for _, c := range f.children {
		if c.report.PID > 0 {
			_ = syscall.Kill(-c.report.PID, syscall.SIGKILL)
		}
	}
}
