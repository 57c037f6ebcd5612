package engine

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// process is a process that cannot be mistaken for a later one with the same number.
type process struct {
	PID   int    `json:"pid"`
	Since string `json:"since"` // start time in the kernel's ticks
}

func identify(pid int) process {
	_, since := stat(pid)
	return process{PID: pid, Since: since}
}

func (p process) alive() bool {
	if p.PID == 0 {
		return false
	}
	state, since := stat(p.PID)
	return since != "" && since == p.Since && state != "Z"
}

// stat reads state and start time, which follow the command's name; the name may contain anything but is closed by the last bracket.
func stat(pid int) (state, since string) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", ""
	}
	fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
	if len(fields) < 20 {
		return "", ""
	}
	return fields[0], fields[19]
}

// end asks the process to end, insists after a while, and returns when it is gone.
func (p process) end(ctx context.Context) error {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if !p.alive() {
			return nil
		}
		_ = syscall.Kill(p.PID, signal)
		patience, cancel := context.WithTimeout(ctx, 20*time.Second)
		err := poll(patience, 20*time.Millisecond, func() (bool, error) { return !p.alive(), nil })
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	return fmt.Errorf("process %d does not end", p.PID)
}

// poll asks until the answer is yes. An error ends it at once.
func poll(ctx context.Context, interval time.Duration, done func() (bool, error)) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
