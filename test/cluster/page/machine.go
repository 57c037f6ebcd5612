package page

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// Measured is the sentence that says when and where figures were taken. It is made when they have been: other work on the machine
// makes times worse, and the load average tells of it.
func Measured(at time.Time) string {
	return fmt.Sprintf("Measured on %s: %s, %d processors, %s, load average %s at the end.", at.UTC().Format(time.DateOnly), processor(), runtime.NumCPU(), runtime.Version(), load())
}

func processor() string {
	content, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(content)) {
		if name, found := strings.CutPrefix(line, "model name"); found {
			return strings.TrimSpace(strings.TrimLeft(name, "\t: "))
		}
	}
	return runtime.GOARCH
}

// load is the load average of the last minute.
func load() string {
	content, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(content), " ")
	return first
}
