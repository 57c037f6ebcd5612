package hub_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub"
)

const patience = 20 * time.Second

// logBook is a log that a test can read while it is written.
type logBook struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *logBook) Write(text []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(text)
}

func (l *logBook) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// running is a hub that runs in this process, as its users see it.
type running struct {
	hub.Welcome

	http *http.Client
	log  *logBook
	stop func() error // waits until the hub has stopped
}

func testConfig(folder string) (hub.Config, *logBook) {
	log := &logBook{}
	config := hub.Defaults()
	config.Data, config.Listen, config.URL = folder, "127.0.0.1:0", ""
	config.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	config.Binary = func() (string, error) { return "", errors.New("no image is needed here") } // packing takes seconds
	return config, log
}

// start runs a hub on folder until the test ends or stop is called.
func start(t *testing.T, folder string, changes ...func(*hub.Config)) *running {
	t.Helper()
	config, log := testConfig(folder)
	for _, change := range changes {
		change(&config)
	}
	welcomed, ended := make(chan hub.Welcome, 1), make(chan error, 1)
	config.Welcome = func(w hub.Welcome) error { welcomed <- w; return nil }
	opened, err := hub.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { ended <- opened.Run(ctx) }()
	stop := sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the hub ended with %v", err)
		}
	})
	select {
	case welcome := <-welcomed:
		on := &running{Welcome: welcome, log: log, stop: stop}
		if welcome.CAFile != "" {
			on.http = trusting(t, welcome.CAFile)
		}
		return on
	case <-time.After(patience):
		t.Fatal("no welcome")
		return nil
	}
}

func trusting(t *testing.T, caFile string) *http.Client {
	t.Helper()
	text, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatalf("no certificate in %s", caFile)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// do sends a request and returns status and document.
func (r *running) do(t *testing.T, method, path, bearer string, body string) (int, map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, r.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	return r.send(t, request)
}

func (r *running) send(t *testing.T, request *http.Request) (int, map[string]any) {
	t.Helper()
	answer, err := r.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }() // only read
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if len(text) > 0 && json.Unmarshal(text, &document) != nil {
		document = map[string]any{"text": string(text)}
	}
	return answer.StatusCode, document
}

// signIn returns a token for the administrator.
func (r *running) signIn(t *testing.T, appID, secret string) string {
	t.Helper()
	status, answer := r.askForToken(t, appID, secret)
	bearer, _ := answer["access_token"].(string)
	if status != http.StatusOK || bearer == "" {
		t.Fatalf("sign-in: %d %v", status, answer)
	}
	return bearer
}

func (r *running) signsIn(t *testing.T, appID, secret string) bool {
	t.Helper()
	status, _ := r.askForToken(t, appID, secret)
	return status == http.StatusOK
}

func (r *running) askForToken(t *testing.T, appID, secret string) (int, map[string]any) {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {appID}, "client_secret": {secret}, "scope": {r.URL + "/.default"}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.URL+"/"+r.TenantID+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r.send(t, request)
}
