package connect

import (
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func TestAHubThatStillPacksIsAskedAgain(t *testing.T) {
	var busy atomic.Int32
	content := registry.New(registry.Logger(log.New(t.Output(), "", 0)))
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/manifests/") && busy.Add(-1) >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		content.ServeHTTP(w, r)
	}))
	defer hub.Close()
	reference := strings.TrimPrefix(hub.URL, "http://") + "/agents/chart:1.0.0"
	parsed, err := name.ParseReference(reference)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(parsed, empty.Image); err != nil {
		t.Fatal(err)
	}
	busy.Store(4)
	found, err := artefacts{http.DefaultTransport}.image(t.Context(), reference)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := found.Digest(); err != nil || busy.Load() >= 0 {
		t.Errorf("%v, with %d refusals left", err, busy.Load())
	}
}
