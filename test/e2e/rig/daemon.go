package rig

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Daemon is a process that outlives whoever started it. Dir keeps its record and log.
type Daemon struct {
	Name string
	Dir  string
}

// record identifies the process beyond its id, which another may get after a reboot.
type record struct {
	PID  int    `json:"pid"`
	Born string `json:"born"` // start time, in the kernel's clock ticks
}

// LogFile is where the daemon writes.
func (d Daemon) LogFile() string { return filepath.Join(d.Dir, d.Name+".log") }

func (d Daemon) recordFile() string { return filepath.Join(d.Dir, d.Name+".json") }

// Start starts binary detached from this process and its terminal.
func (d Daemon) Start(binary string, args ...string) error {
	if err := os.MkdirAll(d.Dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of %s: %w", d.Name, err)
	}
	log, err := os.OpenFile(d.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", d.Name, err)
	}
	defer log.Close()
	command := exec.Command(binary, args...) //nolint:noctx // it is to outlive whoever started it
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", d.Name, err)
	}
	return d.write(record{PID: command.Process.Pid, Born: born(command.Process.Pid)})
}

func (d Daemon) write(r record) error {
	content, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := os.WriteFile(d.recordFile(), content, 0o600); err != nil {
		return fmt.Errorf("record %s: %w", d.Name, err)
	}
	return nil
}

// Running reports whether the process that Start started still lives.
func (d Daemon) Running() bool {
	r, err := d.read()
	return err == nil && r.Born != "" && born(r.PID) == r.Born
}

func (d Daemon) read() (record, error) {
	content, err := os.ReadFile(d.recordFile())
	if err != nil {
		return record{}, err
	}
	var r record
	return r, json.Unmarshal(content, &r)
}

// Stop asks the process to end, waits for it and removes its record.
func (d Daemon) Stop() error {
	if !d.Running() {
		return nil
	}
	r, err := d.read()
	if err != nil {
		return err
	}
	if err := syscall.Kill(r.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop %s: %w", d.Name, err)
	}
	return d.waitEnd(r.PID)
}

func (d Daemon) waitEnd(pid int) error {
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for d.Running() {
		select {
		case <-deadline:
			return fmt.Errorf("%s (process %d) did not end within 20 s", d.Name, pid)
		case <-tick.C:
		}
	}
	return os.Remove(d.recordFile())
}

// born returns the start time of a process, or "" when it does not run any more. Field 22 of its
// stat; the second field, a name in parentheses, may hold anything.
func born(pid int) string {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, found := strings.Cut(string(content[strings.LastIndexByte(string(content), ')')+1:]), " ")
	fields := strings.Fields(rest)
	if !found || len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return fields[19]
}
