package e2e_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/cluster/clustertest"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

// TestInterceptingProxy connects a cluster behind a proxy that reads everything, wants a password and forbids
// upgrades; then it lets the agents go around it.
func TestInterceptingProxy(t *testing.T) {
	t.Parallel()
	host, err := rig.OutwardAddress(t.Context())
	if err != nil {
		t.Skip("this machine has no address but loopback, which no client reaches through a proxy")
	}
	s := newStage(t, clustertest.Start(t).Cluster, host)
	proxy := &rig.Interceptor{User: "shop", Password: "unmistakable-Pa55word"}
	if proxy.Hub, err = s.hub.Client(); err != nil {
		t.Fatal(err)
	}
	proxy.Hub.Timeout = 2 * time.Minute // long polls
	if err := proxy.Start(t.Context(), host); err != nil {
		t.Fatal(err)
	}
	authority := filepath.Join(t.TempDir(), "proxy.crt")
	if err := os.WriteFile(authority, proxy.Authority, 0o600); err != nil {
		t.Fatal(err)
	}
	agents := rig.Daemon{Name: "agents", Dir: t.TempDir()}
	t.Cleanup(func() {
		if err := agents.Stop(); err != nil {
			t.Error(err)
		}
	})
	s.startAgents(agents)
	s.refused([]string{"--proxy-skip-range"}, "connectedk8s", "connect", "-n", edge, "-g", "default", "--proxy-https", proxy.URL(), "--proxy-skip-range", "10.0.0.0/99")
	s.must("connectedk8s", "connect", "-n", edge, "-g", "default", "--onboarding-timeout", "120", "--proxy-https", proxy.URL(), "--proxy-cert", authority,
		"--proxy-skip-range", "10.96.0.0/16,kubernetes.default.svc,.svc.cluster.local,.svc")
	before := proxy.Passed(s.hub.Address)
	s.eventually(20*time.Second, func() string {
		if proxy.Passed(s.hub.Address) <= before {
			return "no heartbeat through the proxy"
		}
		return ""
	})
	if proxy.Refused() > 0 {
		t.Errorf("%d requests asked for an upgrade, which the proxy forbids", proxy.Refused())
	}
	s.unseen(agents, proxy.Password)
	t.Run("Around", func(t *testing.T) { goesAround(s.on(t), agents, proxy) })
}

// unseen looks for a password where it must not be.
func (s *stage) unseen(agents rig.Daemon, password string) {
	s.t.Helper()
	for _, leak := range s.filesWith(password) {
		s.t.Errorf("the proxy's password is in %s", leak)
	}
	log, err := os.ReadFile(agents.LogFile())
	if err != nil || strings.Contains(string(log), password) {
		s.t.Errorf("the proxy's password is in the agents' log, or there is none: %v", err)
	}
	if strings.Contains(s.must("connectedk8s", "show", "-n", edge, "-g", "default", "-o", "json"), password) {
		s.t.Error("the proxy's password is in the connected cluster")
	}
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, name := range lines {
		if line, err := os.ReadFile(name); err == nil && strings.Contains(string(line), password) {
			s.t.Errorf("the proxy's password is in the command line %s", name)
		}
	}
}

// goesAround: each way to name the hub in the skip range.
func goesAround(s *stage, agents rig.Daemon, proxy *rig.Interceptor) {
	host, _, err := net.SplitHostPort(s.hub.Address)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, skip := range []string{"Arc", host, host + "/24"} {
		s.must("connectedk8s", "update", "-n", edge, "-g", "default", "--proxy-skip-range", "10.96.0.0/16,"+skip, "--proxy-https", proxy.URL())
		if err := agents.Stop(); err != nil {
			s.t.Fatal(err)
		}
		before := proxy.Passed(s.hub.Address)
		s.becomes("Offline", 30*time.Second)
		s.startAgents(agents)
		s.becomes("Connected", 30*time.Second)
		if after := proxy.Passed(s.hub.Address); after != before {
			s.t.Errorf("with %s in the skip range, %d requests went through the proxy", skip, after-before)
		}
	}
}
