package recording

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
	"k8s.io/streaming/pkg/httpstream/wsstream"

	"github.com/fairlead/fairlead/store"
)

// pod is the far end of a session as the API server and the kubelet have it, with Kubernetes' own code for both protocols:
// it greets on both outputs, then says again what it hears.
type pod struct{ chunks int }

func (p pod) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if wsstream.IsWebSocketRequest(r) {
		p.webSocket(w, r)
		return
	}
	p.spdy(w, r)
}

func (p pod) webSocket(w http.ResponseWriter, r *http.Request) {
	channels := []wsstream.ChannelType{wsstream.ReadChannel, wsstream.WriteChannel, wsstream.WriteChannel, wsstream.WriteChannel, wsstream.ReadChannel}
	conn := wsstream.NewConn(map[string]wsstream.ChannelProtocolConfig{
		"v5.channel.k8s.io": {Binary: true, Channels: channels}, "v4.channel.k8s.io": {Binary: true, Channels: channels},
		"v4.base64.channel.k8s.io": {Binary: false, Channels: channels},
	})
	_, streams, err := conn.Open(w, r)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	go func() { _, _ = io.Copy(io.Discard, streams[4]) }()
	p.talk(streams[0], streams[1], streams[2-len(r.URL.Query()["tty"])])
	_, _ = streams[3].Write([]byte(`{"status":"Success"}`))
}

func (p pod) spdy(w http.ResponseWriter, r *http.Request) {
	if _, err := httpstream.Handshake(r, w, []string{"v4.channel.k8s.io"}); err != nil {
		return
	}
	arrived := make(chan httpstream.Stream, 8)
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(stream httpstream.Stream, replied <-chan struct{}) error {
		go func() { <-replied; arrived <- stream }()
		return nil
	})
	if conn == nil {
		return
	}
	defer func() { _ = conn.Close() }()
	byType := map[string]httpstream.Stream{}
	for len(byType) < 4 {
		select {
		case stream := <-arrived:
			byType[stream.Headers().Get("streamType")] = stream
		case <-time.After(10 * time.Second):
			return
		}
	}
	if resize := byType["resize"]; resize != nil {
		go func() { _, _ = io.Copy(io.Discard, resize) }()
	}
	stderr := byType["stderr"]
	if stderr == nil {
		stderr = byType["stdout"]
	}
	p.talk(byType["stdin"], byType["stdout"], stderr)
	_, _ = byType["error"].Write([]byte(`{"status":"Success"}`))
}

func (p pod) talk(stdin io.Reader, stdout, stderr io.Writer) {
	for i := range p.chunks {
		_, _ = fmt.Fprintf(stdout, "line %d\r\n%s", i, strings.Repeat("x", 30_000))
	}
	_, _ = io.WriteString(stdout, "grüße\r\n")
	_, _ = io.WriteString(stderr, "warning\r\n")
	heard, _ := bufio.NewReader(stdin).ReadString('\n')
	_, _ = io.WriteString(stdout, "you said: "+heard)
}

// between stands where the hub is: it passes a request on, and the stream after its answer through a recording.
func between(t *testing.T, r *Recorder, backend string) (address string, finished <-chan error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	done := make(chan error, 1)
	go func() {
		client, err := listener.Accept()
		if err != nil {
			done <- err
			return
		}
		done <- relayed(r, client, backend)
	}()
	return listener.Addr().String(), done
}

type joined struct {
	io.Reader
	io.Writer
	io.Closer
}

func relayed(r *Recorder, client net.Conn, backend string) error {
	defer func() { _ = client.Close() }()
	ctx := context.Background()
	from := bufio.NewReader(client)
	request, err := http.ReadRequest(from)
	if err != nil {
		return err
	}
	session := execSession(request.Header.Get("Upgrade"))
	recording, err := r.Start(ctx, session)
	if err != nil {
		return err
	}
	defer recording.End(ctx)
	server, err := net.Dial("tcp", backend)
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }()
	if err := request.Write(server); err != nil {
		return err
	}
	to := bufio.NewReader(server)
	answer, err := http.ReadResponse(to, request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	stream, err := recording.Wrap(answer.Header.Get("Upgrade"), answer.Header.Get("Sec-WebSocket-Protocol"), joined{to, server, server})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(client, "HTTP/1.1 101 Switching Protocols\r\n"); err != nil {
		return err
	}
	if err := answer.Header.Write(client); err != nil {
		return err
	}
	if _, err := io.WriteString(client, "\r\n"); err != nil {
		return err
	}
	typed := make(chan error, 1)
	go func() {
		_, err := io.Copy(stream, from)
		_, _ = io.Copy(io.Discard, from) // to close with something unread resets the connection, and takes what was sent last along
		typed <- err
	}()
	_, shown := io.Copy(client, stream)
	if tcp, ok := client.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	_ = client.SetReadDeadline(time.Now().Add(5 * time.Second))
	return errors.Join(shown, broken(<-typed))
}

// broken keeps what the recording has refused: that one end has gone is how sessions end.
func broken(err error) error {
	if err != nil && strings.Contains(err.Error(), "read along") {
		return err
	}
	return nil
}

// sized is a terminal that has two sizes in its time, and lets nobody type before it has said both.
type sized struct {
	left int
	said chan struct{}
}

func (s *sized) Next() *remotecommand.TerminalSize {
	if s.left == 0 {
		close(s.said)
		return nil
	}
	s.left--
	return &remotecommand.TerminalSize{Width: 132, Height: 43}
}

// keyboard is typed on when said is closed: a pod that has heard all ends the session, with a size that is on its way.
type keyboard struct {
	io.Reader

	said chan struct{}
}

func (k keyboard) Read(into []byte) (int, error) {
	<-k.said
	return k.Reader.Read(into)
}

func executor(t *testing.T, protocol, address, query string) remotecommand.Executor {
	t.Helper()
	config := &rest.Config{Host: "http://" + address}
	target := &url.URL{Scheme: "http", Host: address, Path: "/api/v1/namespaces/n/pods/p/exec", RawQuery: query}
	if protocol == "spdy" {
		made, err := remotecommand.NewSPDYExecutor(config, "POST", target)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	made, err := remotecommand.NewWebSocketExecutorForProtocols(config, "GET", target.String(), protocol)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// Real clients and servers of Kubernetes, with the recorder between them, in each protocol.
func TestSessionsOfKubernetes(t *testing.T) {
	for _, protocol := range []string{"spdy", "v5.channel.k8s.io", "v4.channel.k8s.io"} {
		t.Run(protocol, func(t *testing.T) { inKubernetes(t, protocol, on, "command=sh") })
		t.Run(protocol+"/Terminal", func(t *testing.T) {
			if got := inKubernetes(t, protocol, onAndType, "command=sh&tty=true"); got["i"] != "open sesame\n" || !strings.HasPrefix(got["r"], "132x43") {
				t.Errorf("typed %q, size %q", got["i"], got["r"])
			}
		})
	}
}

// inKubernetes has one session, checks what came of it, and returns the recording.
func inKubernetes(t *testing.T, protocol, settings, query string) map[string]string {
	t.Helper()
	r := newRecorder(t, settings)
	backend := httptest.NewServer(pod{chunks: 5})
	defer backend.Close()
	address, finished := between(t, r, strings.TrimPrefix(backend.URL, "http://"))
	var stdout, stderr bytes.Buffer
	options := remotecommand.StreamOptions{Stdin: strings.NewReader("open sesame\n"), Stdout: &stdout, Stderr: &stderr}
	if strings.Contains(query, "tty") {
		terminal := &sized{left: 2, said: make(chan struct{})}
		options.Tty, options.TerminalSizeQueue, options.Stdin = true, terminal, keyboard{options.Stdin, terminal.said}
	}
	err := executor(t, protocol, address, query).StreamWithContext(t.Context(), options)
	// A pod's end resets a connection on which it has not read all, such as the client's farewell.
	if broke := <-finished; err != nil || broke != nil && !errors.Is(broke, syscall.ECONNRESET) {
		t.Fatal(err, broke)
	}
	if !strings.Contains(stdout.String(), "you said: open sesame\n") || strings.Count(stdout.String(), "x") != 150_000 {
		t.Errorf("the session itself: %.200q", stdout.String())
	}
	row := only(t, r)
	header, got := events(t, r, row.ID)
	for _, part := range []string{"grüße\r\n", "warning\r\n", "you said: open sesame\n"} {
		if !strings.Contains(got["o"], part) {
			t.Errorf("%q is not recorded", part)
		}
	}
	if want := stdout.Len() + stderr.Len(); len(got["o"]) != want || settings == on && got["i"] != "" {
		t.Errorf("recorded %d of %d bytes, typed %q", len(got["o"]), want, got["i"])
	}
	checkRow(t, r, row, header)
	return got
}

func checkRow(t *testing.T, r *Recorder, row store.Recording, header map[string]any) {
	t.Helper()
	if header["version"] != 2.0 || header["command"] != "sh -c ls" || header["title"] != "ana@example.org: exec n/p" {
		t.Errorf("%v", header)
	}
	if row.State != store.RecordingComplete || row.Container != "c" || row.Pod != "p" || row.Caller != "ana@example.org" || row.EndedAt.IsZero() {
		t.Errorf("%+v", row)
	}
	if info, err := os.Stat(r.path(row.ID)); err != nil || info.Mode().Perm() != 0o600 || info.Size() != row.Size {
		t.Errorf("%v, %v", info, err)
	}
}
