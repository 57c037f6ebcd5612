package aadproxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/fairlead/fairlead/caller"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestARequestIsMadeInTheCallersName(t *testing.T) {
	server, api := newAPIServer(t)
	f := newFixture(t, api, nil)
	id := f.mustPut(func(s *caller.Statement) { s.Groups = []string{"0ccc", "0aaa"} })
	code, text := f.get("/api/v1/namespaces/shop/pods?limit=500", id)
	if code != http.StatusOK || text != "|here is the API server" {
		t.Fatalf("%d %s", code, text)
	}
	got := server.last()
	if got.URL.RequestURI() != "/api/v1/namespaces/shop/pods?limit=500" || got.ProtoMajor != 1 {
		t.Errorf("%s over %s", got.URL, got.Proto)
	}
	if got.Header.Get("Authorization") != "Bearer "+ownToken || got.Header.Get("Impersonate-User") != "ada@example.org" {
		t.Errorf("%v", got.Header)
	}
	if groups := got.Header["Impersonate-Group"]; !slices.Equal(groups, []string{"0aaa", "0ccc"}) || got.Header.Get("Impersonate-Extra-Oid") != "0bbb" {
		t.Errorf("groups %q of %q", groups, got.Header.Get("Impersonate-Extra-Oid"))
	}
}

// What a client sends to be somebody else never reaches the API server.
func TestNothingIsSmuggled(t *testing.T) {
	server, api := newAPIServer(t)
	f := newFixture(t, api, nil)
	id := f.mustPut(nil)
	for name, value := range map[string]string{
		"Authorization": "Bearer evil", "Fairlead-Anything": "x", "X-Remote-User": "admin", "X-Remote-Group": "system:masters",
		"X-Remote-Extra-Scopes": "x", "X-Forwarded-For": "10.0.0.1",
		"Sec-WebSocket-Protocol": "v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.ZXZpbA",
	} {
		request := f.request("/api", id)
		request.Header.Set(name, value)
		if code, text := f.do(request); code != http.StatusOK {
			t.Errorf("%s: %d %s", name, code, text)
		}
		got := server.last().Header
		if !slices.Equal(got["Authorization"], []string{"Bearer " + ownToken}) || !slices.Equal(got["Impersonate-User"], []string{"ada@example.org"}) {
			t.Errorf("%s: %v", name, got)
		}
		for passed := range got {
			if strings.HasPrefix(passed, "Fairlead-") || strings.HasPrefix(passed, "X-Remote-") {
				t.Errorf("%s: %s was passed on", name, passed)
			}
		}
		if strings.Contains(fmt.Sprint(got), "ZXZpbA") {
			t.Errorf("%s: a token was passed on", name)
		}
	}
	for _, name := range []string{"Impersonate-User", "impersonate-group", "Impersonate-Uid", "Impersonate-Extra-Scopes"} {
		server.seen = nil
		request := f.request("/api", id)
		request.Header.Set(name, "system:masters")
		if code, text := f.do(request); code != http.StatusBadRequest || server.last() != nil || status(t, text).Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, code, text)
		}
	}
}

func TestNobodyKnownNobodyServed(t *testing.T) {
	server, api := newAPIServer(t)
	f := newFixture(t, api, nil)
	known := f.mustPut(nil)
	for name, ids := range map[string][]string{"None": nil, "Unknown": {"s-99"}, "Empty": {""}, "Two": {known, "s-99"}, "Path": {"../" + known}} {
		request := f.request("/api", "")
		request.Header[caller.Header] = ids
		code, text := f.do(request)
		want := map[bool]int{true: http.StatusUnauthorized, false: http.StatusBadRequest}[len(ids) == 1]
		if code != want || want == http.StatusUnauthorized && !strings.HasPrefix(text, caller.ReasonUnknownCaller+"|") {
			t.Errorf("%s: %d %s", name, code, text)
		}
	}
	if server.last() != nil {
		t.Error("the API server was asked")
	}
}

func TestStatementsAreTakenOrRefused(t *testing.T) {
	_, api := newAPIServer(t)
	f := newFixture(t, api, nil)
	good := f.hub.state(nil)
	signed := f.hub.sign(good)
	for name, c := range map[string]struct {
		id, text string
		want     int
	}{
		"Good":    {good.ID, signed, http.StatusNoContent},
		"OtherID": {"other", signed, http.StatusBadRequest},
		"NoID":    {"", signed, http.StatusBadRequest},
		"Path":    {good.ID + "/x", signed, http.StatusBadRequest},
		"Text":    {"x", "hello", http.StatusBadRequest},
		"Huge":    {"x", strings.Repeat("x", caller.MaxSize+1), http.StatusBadRequest},
		"Masters": {"m", f.hub.sign(f.hub.state(func(s *caller.Statement) { s.ID = "m"; s.Groups = []string{"system:masters"} })), http.StatusBadRequest},
		"Old":     {"o", f.hub.sign(f.hub.state(func(s *caller.Statement) { s.ID = "o"; s.IssuedAt -= 300; s.Expiry -= 300 })), http.StatusUnauthorized},
	} {
		if code, text := f.putAs(c.id, c.text); code != c.want {
			t.Errorf("%s: %d %s", name, code, text)
		}
	}
	if code, _ := f.put(good); code != http.StatusNoContent {
		t.Errorf("the same statement a second time: %d", code)
	}
}

func TestStatementsExpire(t *testing.T) {
	_, api := newAPIServer(t)
	f := newFixture(t, api, nil)
	id := f.mustPut(nil)
	f.hub.ahead.Store(caller.Life + 11)
	if code, text := f.get("/api", id); code != http.StatusUnauthorized || !strings.HasPrefix(text, caller.ReasonUnknownCaller+"|") {
		t.Errorf("%d %s", code, text)
	}
	// The hub's clock is what counts, whatever ours says.
	if code, text := f.get("/api", f.mustPut(nil)); code != http.StatusOK {
		t.Errorf("%d %s", code, text)
	}
}

func TestKeysAreFetchedAtAMeasuredPace(t *testing.T) {
	_, api := newAPIServer(t)
	f := newFixture(t, api, nil)
	f.mustPut(nil)
	before := f.hub.asked.Load()
	stranger := newHub(t)
	for range 20 {
		if code, _ := f.putAs("x", stranger.sign(f.hub.state(func(s *caller.Statement) { s.ID = "x" }))); code != http.StatusBadRequest {
			t.Fatalf("another hub's statement: %d", code)
		}
	}
	if after := f.hub.asked.Load(); after != before {
		t.Errorf("the hub was asked %d times", after-before)
	}
}

func TestAnAPIServerThatIsAway(t *testing.T) {
	server, api := newAPIServer(t)
	f := newFixture(t, api, nil)
	id := f.mustPut(nil)
	if code, _ := f.get("/api", id); code != http.StatusOK {
		t.Fatal(code)
	}
	_ = server.Listener.Close()
	server.CloseClientConnections()
	code, text := f.get("/api", id)
	if code != http.StatusBadGateway || !strings.HasPrefix(text, caller.ReasonAPIServer+"|") || !strings.Contains(status(t, text).Message, "cannot reach the API server") {
		t.Errorf("%d %s", code, text)
	}
}

// An API server, or a service behind it, must not speak in this agent's name.
func TestAnswersDoNotSpeakForTheAgent(t *testing.T) {
	server, api := newAPIServer(t)
	f := newFixture(t, api, nil)
	server.then(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(caller.ReasonHeader, caller.ReasonUnknownCaller)
		w.WriteHeader(http.StatusUnauthorized)
	})
	if _, text := f.get("/api", f.mustPut(nil)); text != "|" {
		t.Errorf("%s", text)
	}
}

// hold makes the API server answer with a line and then nothing until the client has gone.
func hold(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, "begun")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// watch opens a watch and returns a channel that tells when it ends.
func (f *fixture) watch(id string) <-chan error {
	f.t.Helper()
	answer, err := f.way.RoundTrip(f.request("/api/v1/namespaces/shop/pods?watch=1", id)) //nolint:bodyclose // below, at the end of the watch
	if err != nil {
		f.t.Fatal(err)
	}
	lines := bufio.NewReader(answer.Body)
	if line, err := lines.ReadString('\n'); err != nil || line != "begun\n" {
		f.t.Fatalf("%d %q, %v", answer.StatusCode, line, err)
	}
	ended := make(chan error, 1)
	go func() {
		defer answer.Body.Close()
		_, err := io.Copy(io.Discard, lines)
		ended <- err
	}()
	return ended
}

func TestAnOpenWatchEndsWhenRightsAreLost(t *testing.T) {
	server, api := newAPIServer(t)
	server.then(hold)
	f := newFixture(t, api, nil)
	for name, change := range map[string]func(*caller.Statement){
		"Group": func(s *caller.Statement) { s.Groups = nil },
		"User":  func(s *caller.Statement) { s.User = "somebody@example.org" },
	} {
		old := f.mustPut(func(s *caller.Statement) { s.Subject = name })
		ended := f.watch(old)
		f.mustPut(func(s *caller.Statement) { s.Subject = name }) // the next one, a minute later
		select {
		case err := <-ended:
			t.Fatalf("%s: ended for nothing: %v", name, err)
		case <-time.After(50 * time.Millisecond):
		}
		began := time.Now()
		f.mustPut(func(s *caller.Statement) { s.Subject = name; change(s) })
		select {
		case err := <-ended:
			t.Logf("%s: ended after %s: %v", name, time.Since(began), err)
		case <-time.After(time.Second):
			t.Fatalf("%s: still open", name)
		}
		if code, _ := f.get("/api", old); code != http.StatusUnauthorized {
			t.Errorf("%s: the old statement is still good: %d", name, code)
		}
	}
}

func TestAnOlderStatementDoesNotComeBack(t *testing.T) {
	_, api := newAPIServer(t)
	f := newFixture(t, api, nil)
	old := f.hub.state(nil)
	f.put(old)
	f.mustPut(func(s *caller.Statement) { s.Groups = nil })
	if code, _ := f.put(old); code != http.StatusUnauthorized {
		t.Errorf("sent again: %d", code)
	}
	if code, _ := f.put(f.hub.state(func(s *caller.Statement) { s.IssuedAt -= 5; s.Expiry -= 5 })); code != http.StatusUnauthorized {
		t.Errorf("one from before with more rights: %d", code)
	}
}

func TestTheOwnTokenOfACaller(t *testing.T) {
	server, api := newAPIServer(t)
	f := newFixture(t, api, nil)
	id := f.mustPut(func(s *caller.Statement) { s.Mode = caller.Token })
	if code, text := f.get("/api", id); code != http.StatusUnauthorized || server.last() != nil || status(t, text).Reason != "Unauthorized" {
		t.Errorf("without a token: %d %s", code, text)
	}
	request := f.request("/api", id)
	request.Header.Set("Authorization", "Bearer mine")
	if code, _ := f.do(request); code != http.StatusOK {
		t.Errorf("%d", code)
	}
	got := server.last().Header
	if got.Get("Authorization") != "Bearer mine" || got["Impersonate-User"] != nil || got["Impersonate-Group"] != nil || got[caller.Header] != nil {
		t.Errorf("%v", got)
	}
}

func TestThousandGroupsReachTheAPIServer(t *testing.T) {
	server, api := newAPIServer(t)
	f := newFixture(t, api, nil)
	id := f.mustPut(func(s *caller.Statement) {
		s.Groups = nil
		for i := range 1000 {
			s.Groups = append(s.Groups, fmt.Sprintf("%08d-0000-0000-0000-000000000000", i))
		}
	})
	if code, text := f.get("/api", id); code != http.StatusOK || len(server.last().Header["Impersonate-Group"]) != 1000 {
		t.Errorf("%d %.200s", code, text)
	}
}

// An upgrade is passed on with both directions open, and ends with the caller's rights.
func TestUpgradesPassAndEnd(t *testing.T) {
	server, api := newAPIServer(t)
	server.then(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", r.Header.Get("Upgrade"))
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_ = both.Flush()
		_, _ = io.Copy(conn, both)
	})
	f := newFixture(t, api, nil)
	request := f.request("/api/v1/namespaces/shop/pods/web/exec?command=sh", f.mustPut(nil))
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "SPDY/3.1")
	answer, err := f.way.RoundTrip(request)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v %v", answer, err)
	}
	defer answer.Body.Close()
	if got := server.last().Header; got.Get("Upgrade") != "SPDY/3.1" || got.Get("Impersonate-User") != "ada@example.org" {
		t.Errorf("%v", got)
	}
	both, ok := answer.Body.(io.ReadWriter)
	if !ok {
		t.Fatalf("%T", answer.Body)
	}
	if _, err := both.Write([]byte("hello\n")); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(both)
	if line, err := lines.ReadString('\n'); err != nil || line != "hello\n" {
		t.Fatalf("%q %v", line, err)
	}
	f.mustPut(func(s *caller.Statement) { s.Groups = nil })
	ended := make(chan error, 1)
	go func() {
		_, err := lines.ReadByte()
		ended <- err
	}()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("more bytes")
		}
	case <-time.After(time.Second):
		t.Error("still open")
	}
}

func TestReadinessFollowsTheKeys(t *testing.T) {
	_, api := newAPIServer(t)
	f := newFixture(t, api, nil)
	select {
	case err := <-f.ready:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("not ready")
	}
}

func TestHealth(t *testing.T) {
	_, api := newAPIServer(t)
	f := newFixture(t, api, nil)
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/api": http.StatusNotFound, "/callers/": http.StatusNotFound} {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "https://"+caller.ControlHost+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if code, _ := f.do(request); code != want {
			t.Errorf("%s: %d", path, code)
		}
	}
}
