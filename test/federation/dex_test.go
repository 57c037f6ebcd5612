// Package federation_test signs people in at a hub by way of Dex, a real OpenID Connect provider, as a browser
// does it, and workloads with tokens of Dex.
package federation_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dexidp/dex/server"
	"github.com/dexidp/dex/server/signer"
	"github.com/dexidp/dex/storage"
	"github.com/dexidp/dex/storage/memory"
	"github.com/dexidp/dex/web"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/bcrypt"
)

const (
	client       = "fairlead"
	clientSecret = "of-the-hub-at-dex"
	adaKnows     = "Analytical-Engine-1843"
)

// TestMain makes the certificate of httptest's servers, which is the same for all, one that this process trusts:
// the hub looks up the keys of workloads' issuers with the system's authorities.
func TestMain(m *testing.M) {
	os.Exit(run(m)) //nolint:forbidigo // this is the main of a binary
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "federation")
	if err != nil {
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	served := httptest.NewTLSServer(http.NotFoundHandler())
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: served.Certificate().Raw})
	served.Close()
	file := filepath.Join(dir, "ca.crt")
	if os.WriteFile(file, text, 0o600) != nil || os.Setenv("SSL_CERT_FILE", file) != nil {
		return 1
	}
	return m.Run()
}

// dex is a provider with its own passwords.
type dex struct {
	url     string
	storage storage.Storage
	client  *http.Client
}

func startDex(t *testing.T) *dex {
	t.Helper()
	var handler http.Handler
	var mutex sync.Mutex
	served := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		current := handler
		mutex.Unlock()
		current.ServeHTTP(w, r)
	}))
	t.Cleanup(served.Close)
	log := slog.New(slog.DiscardHandler)
	d := &dex{url: served.URL, storage: memory.New(log), client: served.Client()}
	if err := d.storage.CreateConnector(t.Context(), storage.Connector{ID: server.LocalConnector, Type: server.LocalConnector, Name: "Email"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	signs, err := (&signer.LocalConfig{KeysRotationPeriod: "24h"}).Open(ctx, d.storage, time.Hour, time.Now, log)
	if err != nil {
		t.Fatal(err)
	}
	made, err := server.NewServer(ctx, server.Config{
		Issuer: served.URL, Storage: d.storage, SkipApprovalScreen: true, PasswordConnector: server.LocalConnector, Signer: signs,
		AllowedGrantTypes: []string{"authorization_code", "password"},
		Web:               server.WebConfig{WebFS: web.FS()}, Logger: log, PrometheusRegistry: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	mutex.Lock()
	handler = made
	mutex.Unlock()
	return d
}

// person adds somebody with a password.
func (d *dex) person(t *testing.T, id, mail string, groups ...string) {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(adaKnows), bcrypt.MinCost+6)
	if err == nil {
		err = d.storage.CreatePassword(t.Context(), storage.Password{
			Email: mail, Hash: hash, Username: id, Name: "Name of " + id, PreferredUsername: mail, UserID: id, Groups: groups,
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// knows registers a program at the provider.
func (d *dex) knows(t *testing.T, redirect string) {
	t.Helper()
	if err := d.storage.CreateClient(t.Context(), storage.Client{ID: client, Secret: clientSecret, Name: "The hub", RedirectURIs: []string{redirect}}); err != nil {
		t.Fatal(err)
	}
}

// subjectOf reads whom a token is about.
func subjectOf(t *testing.T, token string) string {
	t.Helper()
	content, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	var claims struct {
		Subject string `json:"sub"`
	}
	if err == nil {
		err = json.Unmarshal(content, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims.Subject
}
