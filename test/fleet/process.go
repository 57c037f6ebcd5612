package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ticks is the kernel's unit of processor time in /proc, 100 a second on every Linux.
const ticks = time.Second / 100

// usage is what a process has used so far, and what it holds now.
type usage struct {
	at        time.Time
	processor time.Duration
	resident  int64 // bytes
	peak      int64 // bytes, since the process began
}

// usageOf reads the processor time and the memory of a process.
func usageOf(pid int) (usage, error) {
	now := usage{at: time.Now()}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return now, err
	}
	// The name of the program, in parentheses, may hold anything.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return now, fmt.Errorf("/proc/%d/stat is not understood", pid)
	}
	for _, field := range fields[11:13] {
		count, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return now, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
		now.processor += time.Duration(count) * ticks
	}
	now.resident, now.peak, err = memoryOf(pid)
	return now, err
}

func memoryOf(pid int) (resident, peak int64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(status)) {
		name, rest, _ := strings.Cut(line, ":")
		size, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
		switch name {
		case "VmRSS":
			resident = size << 10
		case "VmHWM":
			peak = size << 10
		}
	}
	return resident, peak, nil
}

// ownProcessor is the processor time of this process alone, without its children.
func ownProcessor() time.Duration {
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// needFiles refuses to begin what the limit of open files would cut off in the middle. The runtime has raised
// it as far as it goes.
func needFiles(connections int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	if spare := uint64(connections + 500); limit.Max < spare {
		return fmt.Errorf("%d files may be open, and %d are needed: raise the hard limit (ulimit -Hn) or lower --agents", limit.Max, spare)
	}
	return nil
}
