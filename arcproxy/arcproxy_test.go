package arcproxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/arcproxy"
	"github.com/fairlead/fairlead/internal/freeport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func edge() fairlead.ResourceID {
	return fairlead.ConnectedClusterID("11111111-1111-1111-1111-111111111111", "Shops", "edge-1")
}

// hub stands for the hub's relay: what it answers is about how it was asked.
func hub(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func wayTo(t *testing.T, server *httptest.Server) arcproxy.Upstream {
	t.Helper()
	base, err := url.Parse(server.URL + "/kubernetes" + edge().String())
	if err != nil {
		t.Fatal(err)
	}
	trust := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	trust.RootCAs.AddCert(server.Certificate())
	return arcproxy.Upstream{Base: base, Trust: trust, Authorize: func(r *http.Request) error {
		r.Header.Set("Authorization", "Bearer hub-token")
		return nil
	}}
}

// running is a proxy with a client that has its kubeconfig.
type running struct {
	url, host, token string
	client           *http.Client
	trust            *tls.Config
	stop             func()
}

func start(t *testing.T, way arcproxy.Upstream) *running {
	t.Helper()
	proxy, err := arcproxy.New(slog.New(slog.NewTextHandler(t.Output(), nil)), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	access := proxy.Add(edge(), way)
	listener, port, err := arcproxy.Listen(t.Context(), freeport.Of(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- proxy.Serve(ctx, listener) }()
	trust := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12, ServerName: "127.0.0.1"}
	trust.RootCAs.AppendCertsFromPEM(access.Authority)
	transport := &http.Transport{TLSClientConfig: trust.Clone(), ForceAttemptHTTP2: true, DisableCompression: true}
	r := &running{host: fmt.Sprintf("127.0.0.1:%d", port), token: access.Token, trust: trust, client: &http.Client{Transport: transport}}
	r.url = "https://" + r.host + access.Path
	r.stop = func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-served; err != nil {
			t.Errorf("the proxy ended with %v", err)
		}
		served <- nil
	}
	t.Cleanup(r.stop)
	return r
}

func (r *running) request(t *testing.T, method, path string, body io.Reader) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, r.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+r.token)
	return request
}

func (r *running) do(t *testing.T, request *http.Request) (int, string) {
	t.Helper()
	answer, err := r.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(content)
}

func TestARequestGoesToTheHubInTheNameOfWhoRunsTheProxy(t *testing.T) {
	r := start(t, wayTo(t, hub(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // the answer shows what was read
		_, _ = fmt.Fprintf(w, "%s %s %s %s %s %q", r.Proto, r.Method, r.URL.RequestURI(), r.Header.Get("Authorization"), r.Header.Get("Impersonate-User"), body)
	})))
	request := r.request(t, http.MethodPut, "/api/v1/namespaces/a%2Fb?limit=5", strings.NewReader("body"))
	request.Header.Set("Impersonate-User", "ada")
	request.Header.Set(arcproxy.RelayHeader, "smuggled")
	code, got := r.do(t, request)
	want := `HTTP/2.0 PUT /kubernetes` + edge().String() + `/api/v1/namespaces/a%2Fb?limit=5 Bearer hub-token ada "body"`
	if code != http.StatusOK || got != want {
		t.Errorf("%d %s\nwant %s", code, got, want)
	}
}

func TestNobodyGetsInWithoutTheCredential(t *testing.T) {
	r := start(t, wayTo(t, hub(t, func(http.ResponseWriter, *http.Request) { t.Error("the hub was asked") })))
	cases := map[string]struct {
		reason, path, header string
		code                 int
	}{
		"None":        {"any user of the machine can connect", "", "", http.StatusUnauthorized},
		"Wrong":       {"a guess", "", "Bearer " + strings.Repeat("A", 26), http.StatusUnauthorized},
		"Basic":       {"another scheme", "", "Basic " + r.token, http.StatusUnauthorized},
		"Empty":       {"an empty token", "", "Bearer ", http.StatusUnauthorized},
		"OtherPrefix": {"a cluster that nobody has added", "x", "Bearer " + r.token, http.StatusNotFound},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			request := r.request(t, http.MethodGet, c.path+"/version", nil)
			request.Header.Set("Authorization", c.header)
			code, body := r.do(t, request)
			if code != c.code || !strings.Contains(body, `"kind":"Status"`) {
				t.Errorf("%s: %d %s", c.reason, code, body)
			}
		})
	}
}

// kubectl exec, attach and port-forward.
func TestUpgradesPassBothWaysAndEndWithTheProxy(t *testing.T) {
	for _, protocol := range []string{"websocket", "SPDY/3.1"} {
		t.Run(strings.ToLower(protocol[:4]), func(t *testing.T) {
			r := start(t, wayTo(t, hub(t, echo)))
			connection := upgrade(t, r, protocol)
			for _, word := range []string{"hello\n", "again\n"} {
				if _, err := io.WriteString(connection, word); err != nil {
					t.Fatal(err)
				}
				if got, err := bufio.NewReaderSize(connection, 16).ReadString('\n'); err != nil || got != word {
					t.Fatalf("%q came back, %v", got, err)
				}
			}
			began := time.Now()
			r.stop()
			if _, err := connection.Read(make([]byte, 1)); err == nil {
				t.Error("the stream outlives the proxy")
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("the proxy took %s to end", took)
			}
		})
	}
}

// A client that keeps a stream open whose other end is gone does not keep the proxy from ending.
func TestAClientThatDoesNotLetGoIsNotWaitedFor(t *testing.T) {
	r := start(t, wayTo(t, hub(t, func(w http.ResponseWriter, r *http.Request) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		_, _ = io.WriteString(connection, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+r.Header.Get("Upgrade")+"\r\n\r\n")
		_ = connection.Close()
	})))
	connection := upgrade(t, r, "websocket")
	if n, err := connection.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Fatalf("%d bytes, %v", n, err)
	}
	r.stop()
}

func echo(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor != 1 || r.Header.Get("Authorization") != "Bearer hub-token" {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	connection, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	defer func() { _ = connection.Close() }()
	_, _ = io.WriteString(connection, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+r.Header.Get("Upgrade")+"\r\n\r\n")
	_, _ = io.Copy(connection, buffered) // until the other end has had enough
}

// upgrade speaks HTTP/1.1 by hand, as what is upgraded does.
func upgrade(t *testing.T, r *running, protocol string) net.Conn {
	t.Helper()
	settings := r.trust.Clone()
	settings.NextProtos = []string{"http/1.1"}
	connection, err := (&tls.Dialer{Config: settings}).DialContext(t.Context(), "tcp", r.host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	request := r.request(t, http.MethodPost, "/api/v1/namespaces/a/pods/b/exec", nil)
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", protocol)
	if err := request.Write(connection); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReaderSize(connection, 16), request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close() // there is none
	if answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%+v", answer)
	}
	return connection
}

func TestStreamsAreNotHeldBack(t *testing.T) {
	next := make(chan string, 1)
	r := start(t, wayTo(t, hub(t, func(w http.ResponseWriter, _ *http.Request) {
		for word := range next {
			_, _ = io.WriteString(w, word)
			_ = http.NewResponseController(w).Flush()
		}
	})))
	defer close(next)
	next <- "first\n"
	answer, err := r.client.Do(r.request(t, http.MethodGet, "/api/v1/pods?watch=true", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	lines := bufio.NewReader(answer.Body)
	for _, word := range []string{"first\n", "second\n", "third\n"} {
		if word != "first\n" {
			next <- word
		}
		if got, err := lines.ReadString('\n'); err != nil || got != word {
			t.Fatalf("got %q, %v", got, err)
		}
	}
}

func TestAWatchEndsWithTheProxy(t *testing.T) {
	asked := make(chan struct{})
	r := start(t, wayTo(t, hub(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		close(asked)
		<-r.Context().Done()
	})))
	answer, err := r.client.Do(r.request(t, http.MethodGet, "/api/v1/pods?watch=1", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	<-asked
	began := time.Now()
	r.stop()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the proxy took %s to end", took)
	}
}

func TestWhatFailsIsToldInKubernetesWords(t *testing.T) {
	refused := 0
	way := wayTo(t, hub(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	way.Refused = func() { refused++ }
	r := start(t, way)
	if code, _ := r.do(t, r.request(t, http.MethodGet, "/version", nil)); code != http.StatusUnauthorized || refused != 1 {
		t.Errorf("%d, told %d times", code, refused)
	}
	way.Authorize = func(*http.Request) error { return fairlead.Errorf(fairlead.Unauthenticated, "ada is gone") }
	r = start(t, way)
	if code, body := r.do(t, r.request(t, http.MethodGet, "/version", nil)); code != http.StatusForbidden || !strings.Contains(body, "ada is gone") || !strings.Contains(body, "fairlead login") {
		t.Errorf("%d %s", code, body)
	}
	way = wayTo(t, hub(t, nil))
	way.Base.Host = "127.0.0.1:1"
	r = start(t, way)
	if code, body := r.do(t, r.request(t, http.MethodGet, "/version", nil)); code != http.StatusServiceUnavailable || !strings.Contains(body, "cannot reach the hub") {
		t.Errorf("%d %s", code, body)
	}
}

// What kubectl asks first is answered in words: client-go reads no Status there.
func TestDiscoveryFailsInWords(t *testing.T) {
	way := wayTo(t, hub(t, nil))
	way.Base.Host = "127.0.0.1:1"
	r := start(t, way)
	request := r.request(t, http.MethodGet, "/api", nil)
	request.Header.Set("Accept", "application/json, */*")
	if code, body := r.do(t, request); code != http.StatusBadGateway || !strings.HasPrefix(body, "the local proxy cannot reach the hub") {
		t.Errorf("%d %s", code, body)
	}
}

func TestProxiesMakeRoomForOneAnother(t *testing.T) {
	_, text, err := net.SplitHostPort(start(t, wayTo(t, hub(t, nil))).host)
	if err != nil {
		t.Fatal(err)
	}
	taken, err := net.LookupPort("tcp", text)
	if err != nil {
		t.Fatal(err)
	}
	listener, port, err := arcproxy.Listen(t.Context(), taken)
	if err != nil || port <= taken {
		t.Fatalf("port %d beside %d, %v", port, taken, err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		if connection, err := other.Accept(); err == nil {
			_ = connection.Close()
		}
	}()
	_, err = func() (int, error) {
		_, port, err := arcproxy.Listen(t.Context(), other.Addr().(*net.TCPAddr).Port)
		return port, err
	}()
	<-accepted
	if fairlead.CodeOf(err) != "PortTaken" {
		t.Errorf("beside another program: %v", err)
	}
}

func TestARelaysTokenIsReplacedBeforeItEnds(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	fetched, broken := 0, error(nil)
	relay := &arcproxy.Relay{
		Now: func() time.Time { return now },
		Fetch: func(context.Context) (arcproxy.RelayToken, error) {
			fetched++
			return arcproxy.RelayToken{Value: fmt.Sprint("token-", fetched), Expires: now.Add(time.Hour)}, broken
		},
	}
	expect := func(passed time.Duration, want string) {
		t.Helper()
		now = now.Add(passed)
		if got, err := relay.Token(t.Context()); got != want || (err != nil) != (want == "") {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	expect(0, "token-1")
	expect(54*time.Minute, "token-1")
	expect(2*time.Minute, "token-2")
	broken = errors.New("the hub is away")
	expect(57*time.Minute, "token-2")
	expect(4*time.Minute, "")
	broken = nil
	expect(0, "token-5")
	relay.Forget()
	expect(0, "token-6")
}
