package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
)

// calls is what one look asked of the API server.
type calls struct{ all, lists, changes int64 }

// count runs a program once through a proxy that counts. The run is not timed.
func (b *bench) count(ctx context.Context, p program) (calls, error) {
	var all, lists, changes atomic.Int64
	proxy := &httputil.ReverseProxy{Transport: b.api.client.Transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(b.api.server) }}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all.Add(1)
		switch {
		case isList(r):
			lists.Add(1)
		case r.Method != http.MethodGet:
			changes.Add(1)
		}
		proxy.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // doctor tries connections without using them
	server.StartTLS()
	defer server.Close()
	kubeconfig := filepath.Join(b.stage.Dir, "counted")
	if err := os.WriteFile(kubeconfig, []byte(through(server)), 0o600); err != nil {
		return calls{}, err
	}
	command := exec.CommandContext(ctx, p.path, p.args...) //nolint:gosec // it runs what it is told to run
	command.Env = environment(kubeconfig, b.stage.Dir)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	err := command.Run()
	if all.Load() == 0 {
		return calls{}, fmt.Errorf("%s asked the API server nothing: %w: %s", p.name, err, complaint.String())
	}
	return calls{all.Load(), lists.Load(), changes.Load()}, nil
}

// through is a kubeconfig that leads to the counting proxy, which has the credentials.
func through(server *httptest.Server) string {
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: counted
clusters: [{name: counted, cluster: {server: %q, certificate-authority-data: %s}}]
users: [{name: counted, user: {token: none}}]
contexts: [{name: counted, context: {cluster: counted, user: counted}}]
`, server.URL, base64.StdEncoding.EncodeToString(authority))
}

// isList reports whether a request lists a resource, in a namespace or everywhere.
func isList(r *http.Request) bool {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case r.Method != http.MethodGet:
		return false
	case parts[0] == "api" && len(parts) > 2:
		parts = parts[2:]
	case parts[0] == "apis" && len(parts) > 3:
		parts = parts[3:]
	default:
		return false
	}
	return len(parts) == 1 || len(parts) == 3 && parts[0] == "namespaces" && !slices.Contains([]string{"status", "finalize"}, parts[2])
}
