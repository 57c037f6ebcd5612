package recording

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

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
}

// A file that nothing refers to, as a restored backup leaves it, goes when it is old.
func TestSweep(t *testing.T) {
	r, now := newRecorder(t, on), time.Now()
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
}
