package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// streams are tried over what kubectl upgrades to by itself, and over what it falls back to.
func streams(w *ways) {
	for name, variable := range map[string]string{"WebSocket": "KUBECTL_REMOTE_COMMAND_WEBSOCKETS=true", "SPDY": "KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false"} {
		w.t.Run(name, func(t *testing.T) {
			over := w.on(t)
			over.upgrade = []string{variable, strings.Replace(variable, "REMOTE_COMMAND", "PORT_FORWARD", 1)}
			t.Run("Operations", func(t *testing.T) { over.on(t).all([]operation{{name: "Exec", raw: true, steps: execs()}}) })
			t.Run("Input", func(t *testing.T) { inputArrives(over.on(t)) })
			t.Run("Output", func(t *testing.T) { outputArrives(over.on(t)) })
			t.Run("Terminal", func(t *testing.T) { terminal(over.on(t)) })
			t.Run("Attach", func(t *testing.T) { attaches(over.on(t)) })
			t.Run("Copy", func(t *testing.T) { copies(over.on(t)) })
			t.Run("PortForward", func(t *testing.T) { forwards(over.on(t)) })
			t.Run("KilledClient", func(t *testing.T) { leavesNothingRunning(over.on(t)) })
		})
	}
	w.t.Run("FollowedLogs", func(t *testing.T) { followsLogs(w.on(t)) })
	w.t.Run("PreviousLogs", func(t *testing.T) { previousLogs(w.on(t)) })
	w.t.Run("Proxy", func(t *testing.T) { kubectlProxy(w.on(t)) })
}

func random(t *testing.T, size int) []byte {
	t.Helper()
	content := make([]byte, size)
	if _, err := rand.Read(content); err != nil {
		t.Fatal(err)
	}
	return content
}

// through is kubectl through the hub, over what is being tried.
func (w *ways) through(ctx context.Context, args ...string) *exec.Cmd {
	command := w.hub.command(ctx, args...)
	command.Env = append(command.Env, w.upgrade...)
	return command
}

func inputArrives(w *ways) {
	content := random(w.t, 8<<20)
	result := finish(w.t, w.through(w.t.Context(), words("exec -i deployment/kit -n kit -- /kit sum")...), string(content))
	if want := fmt.Sprintf("%d %x\n", len(content), sha256.Sum256(content)); result.Out != want {
		w.t.Errorf("the pod read %q, want %q; %s", result.Out, want, result.Err)
	}
}

func outputArrives(w *ways) {
	const size = 24 << 20
	result := finish(w.t, w.through(w.t.Context(), words(fmt.Sprint("exec deployment/kit -n kit -- /kit bytes ", size))...), "")
	if len(result.Out) != size || result.Code != 0 {
		w.t.Fatalf("%d bytes, code %d, %s", len(result.Out), result.Code, result.Err)
	}
	for i := range size {
		if result.Out[i] != byte(i%251) {
			w.t.Fatalf("byte %d is wrong", i)
		}
	}
}

// terminal lets script lend kubectl a terminal.
func terminal(w *ways) {
	script, err := exec.LookPath("script")
	if err != nil {
		w.t.Skip("left out: there is no script(1) to lend kubectl a terminal")
	}
	transcript := func(from *exec.Cmd) string {
		from.Args = []string{script, "-qec", strings.Join(from.Args, " "), "/dev/null"}
		from.Path = script
		result := finish(w.t, from, "ship ahoy\n")
		return result.Out
	}
	line := words("exec -it deployment/kit -n kit -- /kit tty")
	direct := w.direct.command(w.t.Context(), line...)
	direct.Env = append(direct.Env, w.upgrade...)
	for _, said := range []string{transcript(direct), transcript(w.through(w.t.Context(), line...))} { // where the echo comes in is chance
		if !strings.Contains(said, "terminal true") || !strings.Contains(said, `read "ship ahoy\n"`) || strings.Count(said, "ship ahoy") < 2 {
			w.t.Errorf("the pod says %q", said)
		}
	}
}

// attaches says something to a process and hears its answer, and leaves it running.
func attaches(w *ways) {
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	command := w.through(ctx, words("attach -i greets -n kit --quiet")...)
	in, err := command.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		w.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for _, name := range []string{"Ada", "Grace"} {
		if _, err := fmt.Fprintln(in, name); err != nil {
			w.t.Fatal(err)
		}
		for lines.Scan() && !strings.Contains(lines.Text(), "hello "+name) {
		}
		if lines.Text() != "hello "+name {
			w.t.Fatalf("got %q, %v", lines.Text(), lines.Err())
		}
	}
	_ = in.Close() // the pod does not mind: it is attached to, not run
	cancel()
	_ = command.Wait() // it was interrupted
	if restarts := w.kubectl("get", "pod", "greets", "-n", "kit", "-o", "jsonpath={.status.containerStatuses[0].restartCount}"); restarts != "0" {
		w.t.Errorf("the process was restarted %s times", restarts)
	}
}

func copies(w *ways) {
	dir := w.t.TempDir()
	content := random(w.t, 5<<20)
	from, back := filepath.Join(dir, "from"), filepath.Join(dir, "back")
	if err := os.WriteFile(from, content, 0o600); err != nil {
		w.t.Fatal(err)
	}
	pod := strings.TrimPrefix(w.kubectl("get", "pods", "-n", "kit", "-l", "app=kit", "-o", "name"), "pod/")
	for _, line := range []string{"cp " + from + " kit/" + pod + ":/tmp/there", "cp kit/" + pod + ":/tmp/there " + back} {
		if result := finish(w.t, w.through(w.t.Context(), words(line)...), ""); result.Code != 0 {
			w.t.Fatalf("%s: %s", line, result.Err)
		}
	}
	found, err := os.ReadFile(back)
	if err != nil || !bytes.Equal(found, content) {
		w.t.Errorf("%d bytes came back of %d, %v", len(found), len(content), err)
	}
}

// forwarding is kubectl port-forward or proxy with the address that it has said to listen on.
func forwarding(w *ways, command *exec.Cmd) (address string, end func()) {
	w.t.Helper()
	out, err := command.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	var problems bytes.Buffer
	command.Stderr = &problems
	if err := command.Start(); err != nil {
		w.t.Fatal(err)
	}
	end = sync.OnceFunc(func() {
		_ = command.Process.Signal(os.Interrupt)
		_ = command.Wait() // it was interrupted
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(lines.Text()); found != "" {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return found, end
		}
	}
	end()
	w.t.Fatalf("it does not say where it listens: %s", problems.String())
	return "", nil
}

// forwards sends different bytes over several connections at once.
func forwards(w *ways) {
	address, end := forwarding(w, w.through(w.t.Context(), words("port-forward deployment/kit -n kit :7000 --address 127.0.0.1")...))
	defer end()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := echoed(w.t.Context(), address, random(w.t, 1<<20)); err != nil {
				w.t.Error(err)
			}
		})
	}
	all.Wait()
}

func echoed(ctx context.Context, address string, content []byte) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	wrote := make(chan error, 1)
	go func() {
		_, err := conn.Write(content)
		wrote <- err
	}()
	found := make([]byte, len(content))
	if n, err := io.ReadFull(conn, found); err != nil {
		return fmt.Errorf("after %d bytes of %d: %w", n, len(content), err)
	}
	if !bytes.Equal(found, content) {
		return fmt.Errorf("other bytes came back")
	}
	return <-wrote
}

// leavesNothingRunning kills kubectl in the middle of an exec: the process in the pod loses its input and ends.
func leavesNothingRunning(w *ways) {
	ctx, cancel := context.WithCancel(w.t.Context())
	command := w.through(ctx, words("exec -i deployment/kit -n kit -- /kit cat")...)
	command.Cancel = nil
	in, err := command.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		w.t.Fatal(err)
	}
	const mark = "a line that is unmistakable"
	_, _ = fmt.Fprintln(in, mark)
	if lines := bufio.NewScanner(out); !lines.Scan() || lines.Text() != mark {
		w.t.Fatalf("got %q", lines.Text())
	}
	_ = command.Process.Kill()
	cancel()
	_ = command.Wait() // it was killed
	w.eventually(15*time.Second, func() string {
		if found := len(processesWith(w.t, "/kit\x00cat")); found > 0 {
			return fmt.Sprint(found, " processes still read in the pod")
		}
		return ""
	})
}

// followsLogs reads what a pod says while it says it.
func followsLogs(w *ways) {
	w.kubectl("delete", "pod", "counts", "-n", "kit")
	w.apply(kitManifest)
	w.kubectl("wait", "--for=condition=Ready", "pod/counts", "-n", "kit", "--timeout=30s")
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	command := w.hub.command(ctx, words("logs -f counts -n kit")...)
	out, err := command.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		w.t.Fatal(err)
	}
	at := 0
	for lines := bufio.NewScanner(out); at < 300 && lines.Scan(); at++ {
		if want := fmt.Sprint("number ", at); lines.Text() != want {
			w.t.Fatalf("got %q, want %q", lines.Text(), want)
		}
	}
	if at != 300 {
		w.t.Errorf("the log ended after %d lines", at)
	}
	cancel()
	_ = command.Wait() // it was interrupted
}

// previousLogs reads what a container said that is gone. While it starts the next, kubelet takes the one before away.
func previousLogs(w *ways) {
	w.eventually(30*time.Second, func() string {
		line := words("logs falls -n kit --previous")
		direct, hub := w.direct.run(w.t, nil, "", line...), w.hub.run(w.t, nil, "", line...)
		if direct != hub || !strings.Contains(hub.Out, "to the output") {
			return fmt.Sprintf("directly %+v, through the hub %+v", direct, hub)
		}
		return ""
	})
}

// kubectlProxy has to be told that the API is below a path.
func kubectlProxy(w *ways) {
	address, end := forwarding(w, w.hub.command(w.t.Context(), "proxy", "--port=0", "--append-server-path"))
	defer end()
	for path, want := range map[string]string{"/version": `"gitVersion": "v1.34.1"`, "/api/v1/namespaces/kit/services/kit:80/proxy/x": "GET /x 0 bytes", "/api/v1/namespaces/none/pods/none": `"reason":"NotFound"`} {
		request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://"+address+path, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		answer, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			w.t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || !strings.Contains(string(body), want) {
			w.t.Errorf("%s: %s %.300s %v", path, answer.Status, body, err)
		}
	}
}
