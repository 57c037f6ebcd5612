package hub_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub"
)

// spawned is a hub in a process of its own: with files, connections and memory of its own.
type spawned struct {
	running

	process *exec.Cmd
}

// spawn starts a hub and waits for its welcome. The test ends it.
func spawn(t *testing.T, folder string) *spawned {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childFolder+"="+folder)
	child.Stderr = os.Stderr
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = child.Process.Kill(); _ = child.Wait() })
	line, err := bufio.NewReader(output).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the hub ended before its welcome: %v", err)
	}
	on := &spawned{process: child}
	if err := json.Unmarshal(line, &on.Welcome); err != nil {
		t.Fatal(err)
	}
	on.http = trusting(t, on.CAFile)
	return on
}

func (r *running) address(t *testing.T) string {
	t.Helper()
	parsed, err := url.Parse(r.URL)
	if err != nil {
		t.Fatal(err)
	}
	return "127.0.0.1:" + parsed.Port()
}

// Connections that never get as far as a request must not keep others out.
func TestTenThousandHalfOpenConnections(t *testing.T) {
	on := spawn(t, t.TempDir())
	bearer := on.signIn(t, on.Administrator.AppID, string(on.Administrator.Secret))
	const wanted = 10_000
	var held []net.Conn
	defer func() {
		for _, conn := range held {
			_ = conn.Close()
		}
	}()
	for len(held) < wanted {
		conn, err := (&net.Dialer{Timeout: patience}).DialContext(t.Context(), "tcp", on.address(t))
		if err != nil {
			t.Fatalf("after %d connections: %v", len(held), err)
		}
		held = append(held, conn)
	}
	fresh := trusting(t, on.CAFile) // a client that needs a new connection
	on.http = fresh
	for range 20 {
		if status, _ := on.do(t, http.MethodGet, "/subscriptions?api-version=2022-12-01", bearer, ""); status != http.StatusOK {
			t.Fatalf("status %d beside %d half-open connections", status, wanted)
		}
	}
}

// Whoever sends a header byte by byte is cut off, and nobody else waits for that.
func TestSlowHeadersAreCutOff(t *testing.T) {
	t.Parallel()
	on := start(t, t.TempDir())
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(on.CAFile)
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		t.Fatal("no authority", err)
	}
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(t.Context(), "tcp", on.address(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "); err != nil {
		t.Fatal(err)
	}
	if status, _ := on.do(t, http.MethodGet, "/healthz", "", ""); status != http.StatusOK {
		t.Errorf("others get %d", status)
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("still connected after %s: %q", patience, rest)
	}
}

// One principal that floods the hub is slowed down; another one notices nothing.
func TestFloodOfOnePrincipalHarmsNoOther(t *testing.T) {
	on := start(t, t.TempDir(), func(c *hub.Config) { c.PrincipalRate = 5 })
	administrator := on.signIn(t, on.Administrator.AppID, string(on.Administrator.Secret))
	other := on.another(t, administrator)
	ctx, stop := context.WithCancel(t.Context())
	var seen refusals
	var flood sync.WaitGroup
	for range 20 {
		flood.Go(func() { on.flood(ctx, administrator, &seen) })
	}
	for range 40 {
		status, _, err := on.ask(t.Context(), other)
		if err != nil || status != http.StatusOK {
			t.Fatalf("another principal gets %d, %v", status, err)
		}
	}
	stop()
	flood.Wait()
	if seen.all.Load() == 0 || seen.untold.Load() > 0 {
		t.Errorf("%d requests were refused, %d without Retry-After", seen.all.Load(), seen.untold.Load())
	}
}

// Whoever has no token may knock as often as he likes: he is answered, learns nothing, and keeps nobody else out.
func TestFloodOfStrangersHarmsNoPrincipal(t *testing.T) {
	on := start(t, t.TempDir())
	administrator := on.signIn(t, on.Administrator.AppID, string(on.Administrator.Secret))
	ctx, stop := context.WithCancel(t.Context())
	var turned, served atomic.Int64 // away, or not
	var flood sync.WaitGroup
	for range 20 {
		flood.Go(func() {
			for ctx.Err() == nil {
				status, _, err := on.ask(ctx, "nobody's")
				switch {
				case err != nil:
				case status == http.StatusUnauthorized:
					turned.Add(1)
				default:
					served.Add(1)
				}
			}
		})
	}
	for range 40 {
		status, _, err := on.ask(t.Context(), administrator)
		if err != nil || status != http.StatusOK {
			t.Fatalf("a principal gets %d, %v", status, err)
		}
	}
	stop()
	flood.Wait()
	if served.Load() > 0 || turned.Load() == 0 {
		t.Errorf("%d strangers were turned away, %d got another answer than 401", turned.Load(), served.Load())
	}
}

// refusals counts answers 429, and those that do not say how long to wait.
type refusals struct{ all, untold atomic.Int64 }

func (r *running) flood(ctx context.Context, bearer string, seen *refusals) {
	for ctx.Err() == nil {
		status, retryAfter, err := r.ask(ctx, bearer)
		if err == nil && status == http.StatusTooManyRequests {
			seen.all.Add(1)
			if retryAfter == "" {
				seen.untold.Add(1)
			}
		}
	}
}

// another returns a token of a new principal.
func (r *running) another(t *testing.T, administrator string) string {
	t.Helper()
	status, made := r.do(t, http.MethodPost, "/v1.0/servicePrincipals", administrator, `{"displayName":"other"}`)
	id, _ := made["id"].(string)
	app, _ := made["appId"].(string)
	if status != http.StatusCreated {
		t.Fatalf("%d %v", status, made)
	}
	_, credential := r.do(t, http.MethodPost, "/v1.0/servicePrincipals/"+id+"/addPassword", administrator, `{}`)
	secret, _ := credential["secretText"].(string)
	return r.signIn(t, app, secret)
}

// ask lists the subscriptions, and returns the status and how long to wait.
func (r *running) ask(ctx context.Context, bearer string) (status int, retryAfter string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL+"/subscriptions?api-version=2022-12-01", nil)
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Authorization", "Bearer "+bearer)
	answer, err := r.http.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, answer.Header.Get("Retry-After"), err
}

// A path means one resource and no other, however it is written.
func TestPathsCannotBeConfused(t *testing.T) {
	on := start(t, t.TempDir())
	bearer := on.signIn(t, on.Administrator.AppID, string(on.Administrator.Secret))
	subscription := on.subscription(t, bearer)
	groups := "/subscriptions/" + subscription + "/resourceGroups/"
	version := "?api-version=2024-11-01"
	if status, answer := on.do(t, http.MethodPut, groups+"shops"+version, bearer, `{"location":"local"}`); status != http.StatusCreated {
		t.Fatalf("%d %v", status, answer)
	}
	on.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	cases := map[string]struct {
		reason, path string
		want         int
	}{
		"AnotherCase":   {"ids are compared without case", groups + "SHOPS", http.StatusOK},
		"Dots":          {"a path is not resolved silently: clients are sent to the plain one", groups + "absent/../shops", http.StatusTemporaryRedirect},
		"EncodedDots":   {"nor when the dots are encoded", groups + "absent/%2e%2e/shops", http.StatusTemporaryRedirect},
		"EncodedSlash":  {"a slash inside a segment hides segments", groups + "shops%2fproviders", http.StatusBadRequest},
		"Backslash":     {"so does a backslash", groups + "shops%5cx", http.StatusBadRequest},
		"NUL":           {"names hold no control characters", groups + "shops%00", http.StatusBadRequest},
		"LongS":         {"U+017F folds to s in Unicode, and is another name here", groups + "%C5%BFhops", http.StatusBadRequest},
		"KelvinSign":    {"U+212A folds to k in Unicode", groups + "%E2%84%AA", http.StatusBadRequest},
		"FullWidth":     {"full-width letters are other letters", groups + "%EF%BD%93hops", http.StatusBadRequest},
		"DottedCapital": {"U+0130 grows when it is folded", groups + "%C4%B0", http.StatusBadRequest},
		"DoubleEncoded": {"a path is decoded once", groups + "%2573hops", http.StatusBadRequest},
		"EmptySegment":  {"an empty segment names nothing", groups + "/shops", http.StatusTemporaryRedirect},
		"TooLong":       {"names are bounded", groups + strings.Repeat("s", 5000), http.StatusBadRequest},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			status, answer := on.do(t, http.MethodGet, c.path+version, bearer, "")
			if status/100 != c.want/100 {
				t.Errorf("%s: %d %v", c.reason, status, answer)
			}
			if found, _ := answer["name"].(string); c.want != http.StatusOK && strings.EqualFold(found, "shops") {
				t.Errorf("%s: the group was shown", c.reason)
			}
		})
	}
}

func (r *running) subscription(t *testing.T, bearer string) string {
	t.Helper()
	_, list := r.do(t, http.MethodGet, "/subscriptions?api-version=2022-12-01", bearer, "")
	values, _ := list["value"].([]any)
	if len(values) == 0 {
		t.Fatalf("no subscription in %v", list)
	}
	first, _ := values[0].(map[string]any)
	id, _ := first["subscriptionId"].(string)
	return id
}

// endless is a body without an end; it counts what was taken of it.
type endless struct{ taken atomic.Int64 }

func (e *endless) Read(into []byte) (int, error) {
	for i := range into {
		into[i] = 'a'
	}
	e.taken.Add(int64(len(into)))
	return len(into), nil
}

// No part of the hub reads a body to its end if it has none.
func TestBodiesAreBoundedEverywhere(t *testing.T) {
	on := start(t, t.TempDir())
	bearer := on.signIn(t, on.Administrator.AppID, string(on.Administrator.Secret))
	group := "/subscriptions/" + on.subscription(t, bearer) + "/resourceGroups/default"
	cluster := group + "/providers/Microsoft.Kubernetes/connectedClusters/c"
	const most = 16 << 20 // what sockets buffer, and more than any part of the hub reads
	for name, target := range map[string]struct{ method, path string }{
		"Group":       {http.MethodPut, group + "?api-version=2024-11-01"},
		"Cluster":     {http.MethodPut, cluster + "?api-version=2024-01-01"},
		"Patch":       {http.MethodPatch, cluster + "?api-version=2024-01-01"},
		"Token":       {http.MethodPost, "/" + on.TenantID + "/oauth2/v2.0/token"},
		"Graph":       {http.MethodPost, "/v1.0/servicePrincipals"},
		"Certificate": {http.MethodPost, strings.Replace(cluster, "/providers/", "/provider/", 1) + "/certificate"},
		"Heartbeat":   {http.MethodPost, strings.Replace(cluster, "/providers/", "/provider/", 1) + "/heartbeat"},
		"Settings":    {http.MethodPost, "/azure-arc-k8sagents/GetHelmSettings?api-version=2024-07-01-preview"},
	} {
		t.Run(name, func(t *testing.T) {
			body := &endless{}
			request, err := http.NewRequestWithContext(t.Context(), target.method, on.URL+target.path, body)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+bearer)
			request.Header.Set("Content-Type", "application/json")
			answer, err := on.http.Do(request)
			if err == nil {
				defer answer.Body.Close()
				if answer.StatusCode < 400 {
					t.Errorf("status %d", answer.StatusCode)
				}
			}
			if taken := body.taken.Load(); taken > most {
				t.Errorf("%d bytes were taken", taken)
			}
		})
	}
}

// Whatever a caller sends, its secrets are in no log line, error or metric of the hub.
func TestSecretsAreNowhereToBeSeen(t *testing.T) {
	on := start(t, t.TempDir())
	secret := string(on.Administrator.Secret)
	bearer := on.signIn(t, on.Administrator.AppID, secret)
	const wrong = "Wr0ng-but-still-secret"
	var answers strings.Builder
	if on.signsIn(t, on.Administrator.AppID, wrong) {
		t.Fatal("a wrong secret signs in")
	}
	for _, path := range []string{"/subscriptions", "/metrics", "/v1.0/servicePrincipals", "/subscriptions?api-version=x", "/nothing"} {
		status, answer := on.do(t, http.MethodGet, path, bearer, "")
		fmt.Fprintln(&answers, status, answer)
	}
	status, answer := on.do(t, http.MethodGet, "/subscriptions?api-version=2022-12-01", bearer+"x", "")
	fmt.Fprintln(&answers, status, answer)
	seen := on.log.String() + answers.String()
	if !strings.Contains(seen, "msg=request") {
		t.Fatal("requests were not logged, so this test shows nothing")
	}
	for what, text := range map[string]string{"secret": secret, "wrong secret": wrong, "token": bearer, "signature": bearer[strings.LastIndex(bearer, ".")+1:]} {
		if strings.Contains(seen, text) {
			t.Errorf("the %s can be seen", what)
		}
	}
}
