package clustertest_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/cluster/engine"
)

// observation is what of a running cluster could be left behind.
type observation struct {
	state     string // folder
	cgroup    string
	address   string // of the host's end of the link; empty for a control plane
	processes map[string]string
	iptables  string
}

func observe(t *testing.T, c *engine.Cluster) observation {
	t.Helper()
	o := observation{state: filepath.Dir(c.Kubeconfig), cgroup: "/fairlead-" + c.Name, processes: map[string]string{}, iptables: hostRules(t)}
	if c.Kind == engine.FullNode {
		o.address = c.HostAddress
	}
	var record struct{ Supervisor struct{ PID int } }
	content, err := os.ReadFile(filepath.Join(o.state, "cluster.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &record); err != nil {
		t.Fatal(err)
	}
	o.collect(record.Supervisor.PID)
	if len(o.processes) < 4 {
		t.Fatalf("found only the processes %v", o.processes)
	}
	return o
}

// collect notes a process and all below it, in whatever namespace, with their start times: numbers are used again.
func (o observation) collect(pid int) {
	o.processes[fmt.Sprint(pid)] = startTime(fmt.Sprint(pid))
	children, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, file := range children {
		content, _ := os.ReadFile(file)
		for field := range strings.FieldsSeq(string(content)) {
			var child int
			if _, err := fmt.Sscan(field, &child); err == nil {
				o.collect(child)
			}
		}
	}
}

func startTime(pid string) string {
	content, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
	if fields[0] == "Z" {
		return ""
	}
	return fields[19]
}

// hostRules are the host's packet filter rules, without counters and comments that change by themselves.
func hostRules(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		return ""
	}
	out, err := exec.CommandContext(t.Context(), "iptables-save").Output()
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(?m)^#.*\n|\[\d+:\d+\]`).ReplaceAllString(string(out), "")
}

// assertGone waits a moment for the kernel, then names everything that is still there.
func (o observation) assertGone(t *testing.T) {
	t.Helper()
	deadline := time.After(15 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		left := o.left(t)
		if len(left) == 0 {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("left behind:\n%s", strings.Join(left, "\n"))
		case <-tick.C:
		}
	}
}

func (o observation) left(t *testing.T) []string {
	t.Helper()
	var left []string
	for pid, since := range o.processes {
		if since != "" && startTime(pid) == since {
			left = append(left, "process "+pid)
		}
	}
	if _, err := os.Stat(o.state); err == nil {
		left = append(left, "folder "+o.state)
	}
	groups, _ := filepath.Glob("/sys/fs/cgroup/*" + o.cgroup)
	left = append(left, groups...)
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(mounts), o.state) {
		left = append(left, "mounts of "+o.state)
	}
	if rules := hostRules(t); rules != o.iptables {
		left = append(left, "packet filter rules:\n"+rules)
	}
	for _, path := range []string{"/var/lib/cni/results", "/opt/containerd", "/usr/libexec/kubernetes/kubelet-plugins"} {
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) < time.Hour {
			left = append(left, "folder "+path)
		}
	}
	addresses, _ := net.InterfaceAddrs()
	for _, address := range addresses {
		if o.address != "" && strings.HasPrefix(address.String(), o.address+"/") {
			left = append(left, "link with address "+o.address)
		}
	}
	return left
}
