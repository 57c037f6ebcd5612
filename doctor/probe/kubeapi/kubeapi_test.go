package kubeapi

import (
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type named struct {
	Name string `json:"name"`
}

// apiServer answers who asks with the right token, and returns the environment and service account of a pod.
func apiServer(t *testing.T) (getenv func(string) string, folder string) {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer who-i-am":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/long":
			_, _ = w.Write([]byte(`{"name":"` + strings.Repeat("x", 1<<20) + `"}`))
		case r.URL.Path == "/found" && r.URL.RawQuery == "a=b" && r.Header.Get("Accept") == "application/json":
			_, _ = w.Write([]byte(`{"name":"it"}`))
		case r.URL.Path == "/nonsense":
			_, _ = w.Write([]byte(`<html>`))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	folder = t.TempDir()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for name, content := range map[string][]byte{"token": []byte("who-i-am\n"), "ca.crt": authority} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(at.Host)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
	return func(key string) string { return all[key] }, folder
}

func TestGet(t *testing.T) {
	client, err := InCluster(apiServer(t))
	if err != nil {
		t.Fatal(err)
	}
	var found named
	if err := client.Get(t.Context(), "/found?a=b", "application/json", &found); err != nil || found.Name != "it" {
		t.Errorf("%+v, %v", found, err)
	}
	if err := client.Get(t.Context(), "/long", "application/json", &found); err != nil || len(found.Name) != 1<<20 {
		t.Errorf("%d bytes of a long answer, %v", len(found.Name), err)
	}
	var refusal Refusal
	if err := client.Get(t.Context(), "/missing", "application/json", &found); !errors.As(err, &refusal) || refusal.Status != http.StatusNotFound {
		t.Errorf("got %v, want a refusal with 404", err)
	}
	if err := client.Get(t.Context(), "/nonsense", "application/json", &found); err == nil {
		t.Error("an answer that is no JSON was taken")
	}
}

func TestAnotherAuthorityIsNotTrusted(t *testing.T) {
	getenv, folder := apiServer(t)
	_, other := apiServer(t)
	forged, err := os.ReadFile(filepath.Join(other, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	// Both servers of httptest have one certificate: spoil what is trusted.
	if err := os.WriteFile(filepath.Join(folder, "ca.crt"), forged[:len(forged)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := InCluster(getenv, folder); err == nil {
		t.Error("an authority that is no certificate was taken")
	}
}

func TestOutsideOfACluster(t *testing.T) {
	none := func(string) string { return "" }
	if _, err := InCluster(none, t.TempDir()); !errors.Is(err, ErrOutside) {
		t.Errorf("got %v", err)
	}
	some := func(string) string { return "10.0.0.1" }
	if _, err := InCluster(some, t.TempDir()); !errors.Is(err, ErrOutside) {
		t.Errorf("without a token: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("HTTP/1.0 200 OK\r\nA: b\r\n\r\n{}"))
	f.Add([]byte("HTTP/1.1 404\r\n\r\n"))
	f.Add([]byte("HTTP/2 200 OK\r\n\r\n"))
	f.Add([]byte("\r\n\r\n"))
	f.Add([]byte("HTTP/1.0 -1 no\r\n\r\n"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		status, body, err := parse(answer)
		if err == nil && (status < 100 || status > 599 || len(body) > len(answer)) {
			t.Errorf("status %d with %d bytes of %d", status, len(body), len(answer))
		}
	})
}
