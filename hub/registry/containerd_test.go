package registry_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/registry"
)

// containerd starts a containerd of its own and returns its address.
func containerd(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("containerd"); err != nil || os.Geteuid() != 0 {
		t.Skip("needs containerd and root")
	}
	dir := t.TempDir()
	address := filepath.Join(dir, "containerd.sock")
	config := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = %q\n"+
		"[plugins.\"io.containerd.internal.v1.opt\"]\npath = %q\n",
		filepath.Join(dir, "root"), filepath.Join(dir, "state"), address, filepath.Join(dir, "opt"))
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	command := exec.CommandContext(context.Background(), "containerd", "--config", filepath.Join(dir, "config.toml"))
	command.Stdout, command.Stderr = &log, &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	awaitAnswer(t, address)
	return address
}

func awaitAnswer(t *testing.T, address string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for tick := time.NewTicker(100 * time.Millisecond); ; <-tick.C {
		err := exec.CommandContext(t.Context(), "ctr", "--address", address, "version").Run()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("containerd does not answer: %v", err)
		}
	}
}

// trust returns a folder that tells containerd to speak TLS to front, which it would not do with a loopback
// address otherwise, and by which certificate.
func trust(t *testing.T, front *httptest.Server) string {
	t.Helper()
	dir := t.TempDir()
	of := filepath.Join(dir, host(front))
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})
	hosts := fmt.Sprintf("server = %q\n[host.%q]\ncapabilities = [\"pull\", \"resolve\"]\nca = %q\n", front.URL, front.URL, filepath.Join(of, "ca.crt"))
	if err := os.MkdirAll(of, 0o750); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"ca.crt": authority, "hosts.toml": []byte(hosts)} {
		if err := os.WriteFile(filepath.Join(of, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestContainerdPullsAndUnpacksTheImage(t *testing.T) {
	address := containerd(t)
	front := serve(t, server(t, program))
	reference := host(front) + "/" + fairlead.ImageRepository + ":" + registry.Tag()
	pull := exec.CommandContext(t.Context(), "ctr", "--address", address, "images", "pull",
		"--snapshotter", "native", "--hosts-dir", trust(t, front), reference)
	if output, err := pull.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	list, err := exec.CommandContext(t.Context(), "ctr", "--address", address, "images", "check", "--snapshotter", "native").CombinedOutput()
	if err != nil || !strings.Contains(string(list), reference) || !strings.Contains(string(list), "complete") || !strings.Contains(string(list), "true") {
		t.Errorf("%v: %s", err, list)
	}
}
