// Package contract replays what Microsoft's az sends to a hub, in its order and spelling, and asserts what az needs of
// each answer. The table is in contract_test.go; the numbers are those of the contract's list of all calls.
package contract_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub"
)

const (
	domain   = "hub.example.org"
	patience = 20 * time.Second
	// What connect sends with all its calls.
	fixedRequestID = "77ade16b-0f55-403b-b7d2-739554a897f2"
)

// replay is a hub in this process and what has been learnt from it so far. Words in braces in paths and bodies are
// replaced by what values has for them.
type replay struct {
	hub    hub.Welcome
	port   string
	http   *http.Client
	values map[string]string
}

func startHub(t *testing.T) *replay {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program") // none, so that the hub packs its chart and no image
	if err := os.WriteFile(program, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := hub.Defaults()
	config.Data, config.Listen, config.URL, config.Domain = t.TempDir(), "127.0.0.1:0", "", domain
	config.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	config.Binary = func() (string, error) { return program, nil }
	config.Probe = func(architecture string) ([]byte, error) { return []byte("probe for " + architecture), nil }
	welcomed, ended := make(chan hub.Welcome, 1), make(chan error, 1)
	config.Welcome = func(w hub.Welcome) error { welcomed <- w; return nil }
	opened, err := hub.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() { ended <- opened.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case welcome := <-welcomed:
		return newReplay(t, welcome)
	case err := <-ended:
		t.Fatal(err)
	case <-time.After(patience):
		t.Fatal("no welcome")
	}
	return nil
}

// newReplay has a client for which every name is this machine, but which checks certificates as az does.
func newReplay(t *testing.T, welcome hub.Welcome) *replay {
	t.Helper()
	authority, err := os.ReadFile(welcome.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	port := welcome.URL[strings.LastIndexByte(welcome.URL, ':')+1:]
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &replay{
		hub: welcome, port: port, http: &http.Client{Transport: transport, Timeout: patience},
		values: map[string]string{
			"tenant": welcome.TenantID, "app": welcome.Administrator.AppID, "secret": string(welcome.Administrator.Secret),
			"port": port, "rg": "shops", "cc": "edge-1",
		},
	}
}

func (r *replay) fill(text string) string {
	pairs := []string{}
	for name, value := range r.values {
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// exchange is an answer that was read, and the replay to learn into.
type exchange struct {
	*replay

	status   int
	header   http.Header
	text     string
	document map[string]any
}

// at returns what the document has at a path of names with dots between.
func (e *exchange) at(path string) any {
	var found any = e.document
	for name := range strings.SplitSeq(path, ".") {
		inside, _ := found.(map[string]any)
		if inside == nil {
			return nil
		}
		found = inside[name]
	}
	return found
}

func (e *exchange) word(path string) string {
	text, _ := e.at(path).(string)
	return text
}

func (r *replay) send(t *testing.T, c call) *exchange {
	t.Helper()
	target := r.fill(c.path)
	if !strings.HasPrefix(target, "https://") {
		target = "https://" + c.host + "." + domain + ":" + r.port + target
	}
	request, err := http.NewRequestWithContext(t.Context(), c.method, target, strings.NewReader(r.fill(c.body)))
	if err != nil {
		t.Fatal(err)
	}
	r.dress(request, c)
	answer, err := r.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := &exchange{replay: r, status: answer.StatusCode, header: answer.Header, text: string(text)}
	_ = json.Unmarshal(text, &got.document) // not every answer is an object
	return got
}

// dress gives a request the headers that az sends.
func (r *replay) dress(request *http.Request, c call) {
	header := request.Header
	header.Set("User-Agent", "AZURECLI/2.74.0 (DEB) azsdk-python-core/1.31.0 Python/3.13.5")
	switch {
	case c.form != nil:
		form := url.Values{}
		for name, value := range c.form {
			form.Set(name, r.fill(value))
		}
		request.Body = io.NopCloser(strings.NewReader(form.Encode()))
		request.ContentLength = int64(len(form.Encode()))
		header.Set("Content-Type", "application/x-www-form-urlencoded")
		return
	case c.body != "":
		header.Set("Content-Type", "application/json")
	}
	header.Set("Accept", "application/json")
	header.Set("X-Ms-Client-Request-Id", fixedRequestID)
	header.Set("CommandName", "connectedk8s connect")
	header.Set("ParameterSetName", "-g -n -l")
	header.Set("X-Ms-Azurearc-Cli", "true")
	if c.token != "" {
		header.Set("Authorization", "Bearer "+r.values[c.token])
	}
	if c.accept != "" {
		header.Set("Accept", c.accept)
	}
}
