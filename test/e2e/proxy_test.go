package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

// TestProxy connects a cluster whose agents go through a proxy that asks for a password, and looks for
// that password where it must not be.
func TestProxy(t *testing.T) {
	t.Parallel()
	s := fullNode(t)
	proxy := &rig.Proxy{User: "shop", Password: "unmistakable-Pa55word"}
	if err := proxy.Start(t.Context(), s.cluster.HostAddress); err != nil {
		t.Fatal(err)
	}
	before := s.clusterScoped()
	s.must("connectedk8s", "connect", "-n", edge, "-g", "default", "--profile", "edge", "--onboarding-timeout", "150",
		"--proxy-https", proxy.URL(), "--proxy-skip-range", "10.96.0.0/16,kubernetes.default.svc,.svc.cluster.local,.svc")
	if proxy.Opened(s.hub.Address) == 0 {
		t.Error("connected, but not through the proxy")
	}
	s.beatsAfter(time.Now())
	for _, leak := range s.filesWith(proxy.Password) {
		t.Errorf("the proxy's password is in %s", leak)
	}
	for _, process := range processesWith(t, proxy.Password) {
		t.Errorf("the proxy's password is in the arguments of %s", process)
	}
	if shown := s.must("connectedk8s", "show", "-n", edge, "-g", "default", "-o", "json"); strings.Contains(shown, proxy.Password) {
		t.Error("the proxy's password is in the connected cluster")
	}
	newYard(s).chartIsWalledOff(proxy)
	s.must("connectedk8s", "delete", "-n", edge, "-g", "default", "--yes")
	if after := s.clusterScoped(); after != before {
		t.Errorf("before connect:\n%s\nafter delete:\n%s", before, after)
	}
}

// chartIsWalledOff installs a chart that the hub has seen in an index, from a repository to which the proxy lets nobody through.
func (y *yard) chartIsWalledOff(proxy *rig.Proxy) {
	y.t.Helper()
	shop := rig.Repository{Charts: map[string]string{"walled": "charts/walled-1.0.0.tgz"}}
	if err := shop.Start(y.t.Context(), y.cluster.HostAddress); err != nil {
		y.t.Fatal(err)
	}
	authority := filepath.Join(y.t.TempDir(), "shop.crt")
	if err := os.WriteFile(authority, shop.Authority, 0o600); err != nil {
		y.t.Fatal(err)
	}
	host := strings.TrimPrefix(shop.URL(), "https://")
	proxy.Refuse(host)
	y.must("extension-type", "register", "test.walled", "--chart", shop.URL()+"/walled", "--ca-file", authority)
	result := y.call("create", "walled", "--extension-type", "test.walled", "--release-namespace", "x-walled", "--timeout", "20s")
	if result.Code != 1 {
		y.t.Fatalf("create ended with %d:\n%s%s", result.Code, result.Out, result.Err)
	}
	y.lacks(strings.Join(strings.Fields(result.Err), " "),
		[]string{"ExtensionCreationFailed", noChart, "403 Forbidden", "The proxy on the way to " + host + " did not let the agent through", "fairlead explain NET-03"})
	if why := y.shown("walled").Properties.ErrorInfo; why == nil || why.Code != "ChartDownloadFailed" || why.Target != shop.URL()+"/walled" || why.doctorID() != "NET-03" {
		y.t.Errorf("the hub says %+v", why)
	}
	y.does("delete", "walled", "--yes")
}

// filesWith lists the hub's files (data and log) and the command line's that hold a text.
func (s *stage) filesWith(text string) []string {
	s.t.Helper()
	var found []string
	for _, dir := range []string{s.hub.Dir, s.cli.ConfigDir} {
		err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			if err == nil && strings.Contains(string(content), text) {
				found = append(found, path)
			}
			return err
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return found
}
