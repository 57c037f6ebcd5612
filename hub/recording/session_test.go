package recording

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
	"k8s.io/streaming/pkg/httpstream/wsstream"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/store"
)

func cluster() fairlead.ResourceID { return fairlead.ConnectedClusterID("s", "shops", "edge-1") }

func newRecorder(tb testing.TB, settings string) *Recorder {
	tb.Helper()
	db, err := store.Open(tb.Context(), "sqlite:"+tb.TempDir()+"/store.db")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	id := cluster()
	_, err = db.PutResource(tb.Context(), store.Resource{
		Key: id.Key(), ID: id.String(), Type: "t", Name: id.Name(), Subscription: "s", ResourceGroup: "shops", Body: []byte(settings),
	}, store.AnyState)
	if err != nil {
		tb.Fatal(err)
	}
	r := &Recorder{
		Store: db, Dir: tb.TempDir() + "/recordings", Limits: Limits{DefaultAge, DefaultTotal, DefaultSession}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
	if err := r.Open(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return r
}

const (
	on        = `{"properties":{"clusterConnect":{"sessionRecording":"Enabled"}}}`
	onAndType = `{"properties":{"clusterConnect":{"sessionRecording":"Enabled","sessionRecordingInput":"Enabled"}}}`
	off       = `{"properties":{"clusterConnect":{"sessionRecording":"Disabled"}}}`
)

func execSession(upgrade string) Session {
	return Session{
		Cluster: cluster(), Caller: access.Principal{ObjectID: "oid", UserName: "ana@example.org"}, RequestID: uuid.NewString(), Method: "POST", Upgrade: upgrade,
		URL: &url.URL{Path: "/api/v1/namespaces/n/pods/p/exec", RawQuery: "container=c&command=sh&command=-c&command=ls"},
	}
}

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
	go func() { _, err := io.Copy(stream, from); typed <- err }()
	_, shown := io.Copy(client, stream)
	_ = client.Close()
	return errors.Join(shown, broken(<-typed))
}

// broken keeps what the recording has refused: that one end has gone is how sessions end.
func broken(err error) error {
	if err != nil && strings.Contains(err.Error(), "read along") {
		return err
	}
	return nil
}

type sized struct{ left int }

func (s *sized) Next() *remotecommand.TerminalSize {
	if s.left == 0 {
		return nil
	}
	s.left--
	return &remotecommand.TerminalSize{Width: 132, Height: 43}
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

// events returns what a file holds, by code, after its header.
func events(t *testing.T, r *Recorder, id string) (header map[string]any, byCode map[string]string) {
	t.Helper()
	content, err := os.ReadFile(r.path(id))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	if err := json.Unmarshal([]byte(lines[0]), &header); err != nil {
		t.Fatal(err)
	}
	byCode = map[string]string{}
	for _, line := range lines[1:] {
		var event []any
		if err := json.Unmarshal([]byte(line), &event); err != nil || len(event) != 3 {
			t.Fatalf("%q: %v", line, err)
		}
		if at, ok := event[0].(float64); !ok || at < 0 || at > 60 {
			t.Fatalf("the time of %q", line)
		}
		byCode[event[1].(string)] += event[2].(string)
	}
	return header, byCode
}

func only(t *testing.T, r *Recorder) store.Recording {
	t.Helper()
	all, err := r.Store.ListRecordings(t.Context(), store.RecordingQuery{Cluster: cluster().Key()})
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	return all[0]
}

// Real clients and servers of Kubernetes, with the recorder between them, in each protocol.
func TestSessionsOfKubernetes(t *testing.T) {
	for _, protocol := range []string{"spdy", "v5.channel.k8s.io", "v4.channel.k8s.io"} {
		for settings, typed := range map[string]string{on: "", onAndType: "open sesame\n"} {
			t.Run(protocol+"/"+fmt.Sprint(typed != ""), func(t *testing.T) {
				r := newRecorder(t, settings)
				backend := httptest.NewServer(pod{chunks: 5})
				defer backend.Close()
				address, finished := between(t, r, strings.TrimPrefix(backend.URL, "http://"))
				var stdout, stderr bytes.Buffer
				query := "command=sh"
				if typed != "" {
					query += "&tty=true"
				}
				err := executor(t, protocol, address, query).StreamWithContext(t.Context(), remotecommand.StreamOptions{
					Stdin: strings.NewReader("open sesame\n"), Stdout: &stdout, Stderr: &stderr, Tty: typed != "", TerminalSizeQueue: &sized{left: 2},
				})
				if broke := <-finished; err != nil || broke != nil {
					t.Fatal(err, broke)
				}
				row := only(t, r)
				header, got := events(t, r, row.ID)
				if header["version"] != 2.0 || header["command"] != "sh -c ls" || header["title"] != "ana@example.org: exec n/p" {
					t.Errorf("%v", header)
				}
				if !strings.Contains(stdout.String(), "you said: open sesame\n") || strings.Count(stdout.String(), "x") != 150_000 {
					t.Errorf("the session itself: %.200q", stdout.String())
				}
				if !strings.Contains(got["o"], "grüße\r\n") || !strings.Contains(got["o"], "warning\r\n") || !strings.Contains(got["o"], "you said: open sesame\n") ||
					len(got["o"]) != stdout.Len()+stderr.Len() || got["i"] != typed || typed != "" && !strings.HasPrefix(got["r"], "132x43") {
					t.Errorf("recorded %d of %d bytes, typed %q, size %q", len(got["o"]), stdout.Len()+stderr.Len(), got["i"], got["r"])
				}
				if row.State != store.RecordingComplete || row.Container != "c" || row.Pod != "p" || row.Caller != "ana@example.org" || row.EndedAt.IsZero() {
					t.Errorf("%+v", row)
				}
				if info, err := os.Stat(r.path(row.ID)); err != nil || info.Mode().Perm() != 0o600 || info.Size() != row.Size {
					t.Errorf("%v, %v", info, err)
				}
			})
		}
	}
}

func TestNothingIsRecordedWhereItIsOff(t *testing.T) {
	r := newRecorder(t, off)
	recording, err := r.Start(t.Context(), execSession("websocket"))
	if err != nil || recording != nil {
		t.Fatalf("%v, %v", recording, err)
	}
	var stream io.ReadWriteCloser = joined{}
	if same, err := recording.Wrap("anything", "", stream); err != nil || same != stream {
		t.Errorf("%v, %v", same, err)
	}
	recording.End(t.Context())
	if _, err := newRecorder(t, `{}`).Start(t.Context(), execSession("websocket")); err != nil {
		t.Error(err)
	}
}

// A cluster's wish that cannot be read is no permission to go on.
func TestFailsClosed(t *testing.T) {
	unknown := execSession("websocket")
	unknown.Cluster = fairlead.ConnectedClusterID("s", "shops", "other")
	if _, err := newRecorder(t, on).Start(t.Context(), unknown); err == nil {
		t.Error("a session in a cluster without a document was let through")
	}
	r := newRecorder(t, on)
	if err := os.RemoveAll(r.Dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.Dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Start(t.Context(), execSession("websocket")); err == nil {
		t.Error("a session without a file was let through")
	}
	r = newRecorder(t, on)
	recording, err := r.Start(t.Context(), execSession("websocket"))
	if err != nil {
		t.Fatal(err)
	}
	for _, protocol := range [][2]string{{"h2c", ""}, {"websocket", "SPDY/3.1+portforward.k8s.io"}, {"websocket", "other"}} {
		if _, err := recording.Wrap(protocol[0], protocol[1], joined{}); fairlead.KindOf(err) != fairlead.Forbidden {
			t.Errorf("%v: %v", protocol, err)
		}
	}
	recording.End(t.Context())
	recording.End(t.Context())
	if row := only(t, r); row.State != store.RecordingInterrupted {
		t.Errorf("%+v", row)
	}
}

func TestJudge(t *testing.T) {
	cases := map[string]struct {
		reason, method, path, query, upgrade string
		want                                 verdict
	}{
		"Exec":          {"a shell", "POST", "/api/v1/namespaces/n/pods/p/exec", "", "SPDY/3.1", record},
		"ExecSlashes":   {"the same path to an API server", "GET", "//api/v1/namespaces/n/pods/p/exec/", "", "websocket", record},
		"Attach":        {"what runs already", "GET", "/api/v1/namespaces/n/pods/p/attach", "", "websocket", record},
		"PortForward":   {"shows nothing", "GET", "/api/v1/namespaces/n/pods/p/portforward", "", "websocket", pass},
		"PodProxy":      {"shows nothing", "GET", "/api/v1/namespaces/n/pods/p/proxy/ws", "", "websocket", pass},
		"Watch":         {"dashboards watch so", "GET", "/api/v1/pods", "watch=true", "websocket", pass},
		"Log":           {"dashboards follow so", "GET", "/api/v1/namespaces/n/pods/p/log", "follow=true", "websocket", pass},
		"List":          {"no upgrade", "GET", "/api/v1/pods", "", "", pass},
		"OtherUpgrade":  {"nobody knows what it opens", "GET", "/api/v1/pods", "", "websocket", refuse},
		"Console":       {"a console in a protocol of its own", "GET", "/apis/subresources.kubevirt.io/v1/namespaces/n/virtualmachineinstances/v/console", "", "websocket", refuse},
		"OtherGroup":    {"not Kubernetes' pods", "GET", "/apis/x.example/v1/namespaces/n/pods/p/exec", "", "websocket", refuse},
		"KubeletExec":   {"a shell by way of the node", "GET", "/api/v1/nodes/a/proxy/exec/n/p/c", "", "websocket", refuse},
		"KubeletRun":    {"a command without an upgrade", "POST", "/api/v1/nodes/a/proxy/run/n/p/c", "", "", refuse},
		"KubeletStream": {"where the kubelet would send one on to", "GET", "/api/v1/nodes/a/proxy/cri/exec/token", "", "SPDY/3.1", refuse},
		"KubeletLogs":   {"shows files only", "GET", "/api/v1/nodes/a/proxy/logs/", "", "", pass},
	}
	r := newRecorder(t, on)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := execSession(c.upgrade)
			s.Method, s.URL = c.method, &url.URL{Path: c.path, RawQuery: c.query}
			recording, err := r.Start(t.Context(), s)
			got := pass
			switch {
			case err != nil:
				got = refuse
			case recording != nil:
				got = record
			}
			if got != c.want {
				t.Errorf("%s: %v, want %v (%v)", c.reason, got, c.want, err)
			}
			recording.End(t.Context())
		})
	}
}

// A session that the cluster refuses leaves nothing.
func TestRefusedSessionIsForgotten(t *testing.T) {
	r := newRecorder(t, on)
	recording, err := r.Start(t.Context(), execSession("websocket"))
	if err != nil {
		t.Fatal(err)
	}
	id := only(t, r).ID
	recording.End(t.Context())
	if all, err := r.Store.ListRecordings(t.Context(), store.RecordingQuery{}); err != nil || len(all) > 0 {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := r.Content(id); fairlead.KindOf(err) != fairlead.NotFound {
		t.Error(err)
	}
}

// openSession is a recording of a session that goes on.
func openSession(t *testing.T, r *Recorder) *Recording {
	t.Helper()
	recording, err := r.Start(t.Context(), execSession("websocket"))
	if err != nil {
		t.Fatal(err)
	}
	recording.begin()
	return recording
}

func TestSizeOfASessionIsBounded(t *testing.T) {
	r := newRecorder(t, on)
	r.Limits.Session = 10_000
	recording := openSession(t, r)
	for range 100 {
		if err := recording.output(bytes.Repeat([]byte{1}, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	recording.End(t.Context())
	row := only(t, r)
	_, got := events(t, r, row.ID)
	if row.State != store.RecordingTruncated || row.Size > 10_500 || len(got["o"]) != 1000 || !strings.Contains(got["m"], "ends here") {
		t.Errorf("%+v: %d bytes, %q", row, len(got["o"]), got["m"])
	}
}

func TestCharactersThatComeApart(t *testing.T) {
	r := newRecorder(t, on)
	recording := openSession(t, r)
	for _, b := range []byte("ä€😀\xff!") {
		if err := recording.output([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	if err := recording.output([]byte("\xe2\x82")); err != nil {
		t.Fatal(err)
	}
	recording.End(t.Context())
	if _, got := events(t, r, only(t, r).ID); got["o"] != "ä€😀\uFFFD!\uFFFD" {
		t.Errorf("%q", got["o"])
	}
}

// What was written when the hub died can be read, and is known to be cut off.
func TestCrash(t *testing.T) {
	r := newRecorder(t, on)
	recording := openSession(t, r)
	if err := recording.output([]byte("before the end")); err != nil {
		t.Fatal(err)
	}
	again := &Recorder{Store: r.Store, Dir: r.Dir, Limits: r.Limits, Now: r.Now, Log: r.Log}
	if err := again.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	row := only(t, again)
	if _, got := events(t, again, row.ID); got["o"] != "before the end" || row.State != store.RecordingInterrupted || row.Size == 0 || row.EndedAt.IsZero() {
		t.Errorf("%q, %+v", got["o"], row)
	}
}

func TestPrune(t *testing.T) {
	r := newRecorder(t, on)
	now := time.Now()
	for i, age := range []time.Duration{100 * 24 * time.Hour, 3 * time.Hour, 2 * time.Hour, time.Hour} {
		r.Now = func() time.Time { return now.Add(-age) }
		recording := openSession(t, r)
		if err := recording.output(bytes.Repeat([]byte("x"), 5000)); err != nil {
			t.Fatal(err)
		}
		if i != 2 {
			recording.End(t.Context()) // the third goes on
		}
	}
	r.Now = func() time.Time { return now }
	left := func(want int) {
		t.Helper()
		if err := r.prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		all, err := r.Store.ListRecordings(t.Context(), store.RecordingQuery{})
		if err != nil || len(all) != want {
			t.Fatalf("%d left, %v, want %d", len(all), err, want)
		}
		for _, one := range all {
			if file, err := r.Content(one.ID); err != nil || file.Close() != nil {
				t.Error(err)
			}
		}
	}
	left(3)
	r.Limits.Total = 6000
	left(2)
	if _, err := r.Content(uuid.NewString()); fairlead.KindOf(err) != fairlead.NotFound {
		t.Error(err)
	}
	if _, err := r.Content("../../etc/passwd"); fairlead.KindOf(err) != fairlead.NotFound {
		t.Error(err)
	}
	orphan := r.path(uuid.NewString())
	if err := os.MkdirAll(orphan[:strings.LastIndex(orphan, "/")], 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(orphan, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	old := now.Add(-92 * 24 * time.Hour)
	if err := os.Chtimes(orphan, old, old); err != nil {
		t.Fatal(err)
	}
	if err := r.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(orphan); !os.IsNotExist(err) {
		t.Errorf("a file that nothing refers to: %v", err)
	}
	left(2)
}
