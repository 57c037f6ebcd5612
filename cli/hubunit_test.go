package cli

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestHubTellsSystemdThatItIsReady(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	listener, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan int, 1)
	go func() {
		ended <- Main(ctx, []string{"hub", "--data", filepath.Join(t.TempDir(), "hub"), "--listen", "127.0.0.1:0"}, Streams{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}})
	}()
	for _, want := range []string{"READY=1", "STOPPING=1"} {
		message := make([]byte, 100)
		if err := listener.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := listener.Read(message)
		if err != nil || string(message[:n]) != want {
			t.Errorf("%q, %v, want %s", message[:n], err, want)
		}
		stop()
	}
	<-ended
}

// systemd's own judgement, where it is installed.
func TestUnitIsValid(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd is not installed here")
	}
	name := filepath.Join(t.TempDir(), "fairlead-hub.service")
	// The binary need not be installed where the test runs.
	unit := strings.ReplaceAll(hubUnit, "/usr/local/bin/fairlead", "/bin/true")
	if err := os.WriteFile(name, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", name).CombinedOutput()
	if err != nil || strings.Contains(string(out), "fairlead-hub.service") {
		t.Errorf("%v\n%s", err, out)
	}
}
