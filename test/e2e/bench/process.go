package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// resident returns how many bytes a process of an agent holds in memory with what it shares: pages of the binary count for each
// process that uses them, and with the kubelet for the pod alone that was the first to do so.
func (b *bench) resident(agent string) (int64, error) {
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return 0, err
	}
	for _, file := range all {
		words, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(words), "\x00agent\x00"+agent+"\x00") {
			continue // most are something else, or have ended meanwhile
		}
		groups, err := os.ReadFile(filepath.Join(filepath.Dir(file), "cgroup"))
		if err == nil && strings.Contains(string(groups), "/fairlead-"+b.cluster.Name+"/") {
			return residentOf(filepath.Dir(file))
		}
	}
	return 0, fmt.Errorf("no process of %s is found", agent)
}

func residentOf(process string) (int64, error) {
	status, err := os.ReadFile(filepath.Join(process, "status"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if size, is := strings.CutPrefix(line, "VmRSS:"); is {
			kibibytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(size), "kB")), 10, 64)
			return kibibytes << 10, err
		}
	}
	return 0, fmt.Errorf("%s does not tell what it holds", process)
}
