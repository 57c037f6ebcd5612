package registry_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/chart"
	"github.com/fairlead/fairlead/hub/registry"
)

// pullAfterRestart starts a server on dir, pulls the image's manifest, stops it and returns the digest.
func pullAfterRestart(t *testing.T, s *registry.Server) string {
	t.Helper()
	front := serve(t, s)
	got := get(t, front, http.MethodGet, "/v2/"+fairlead.ImageRepository+"/manifests/"+registry.Tag())
	if got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.content)
	}
	return got.header.Get("Docker-Content-Digest")
}

func TestSecondStartPacksNothing(t *testing.T) {
	binary := program
	var packed atomic.Int32
	dir := t.TempDir()
	start := func() *registry.Server {
		s := server(t, binary)
		s.Dir, s.Chart = dir, func() ([]byte, error) { packed.Add(1); return chart.Archive() }
		return s
	}
	first, second := pullAfterRestart(t, start()), pullAfterRestart(t, start())
	if first != second || packed.Load() != 1 {
		t.Errorf("%s, then %s, packed %d times", first, second, packed.Load())
	}
}

func TestDamagedAndUnfinishedLayoutsAreReplaced(t *testing.T) {
	binary, dir := program, t.TempDir()
	start := func() *registry.Server {
		s := server(t, binary)
		s.Dir = dir
		return s
	}
	want := pullAfterRestart(t, start())
	for _, leftover := range []string{"packing-123", "0123456789"} {
		if err := os.MkdirAll(filepath.Join(dir, leftover, "blobs"), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	blobs, err := filepath.Glob(filepath.Join(dir, "*", "blobs", "sha256", "*"))
	if err != nil || len(blobs) == 0 {
		t.Fatalf("%d blobs: %v", len(blobs), err)
	}
	for _, blob := range blobs {
		if err := os.Truncate(blob, 10); err != nil {
			t.Fatal(err)
		}
	}
	if got := pullAfterRestart(t, start()); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%d layouts left, want the current one only", len(left))
	}
}

func TestHubThatIsNoLinuxProgramStillServesTheChart(t *testing.T) {
	script := filepath.Join(t.TempDir(), "hub")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	front := serve(t, server(t, script))
	if got := get(t, front, http.MethodGet, "/v2/"+fairlead.ChartRepository+"/manifests/"+registry.Tag()); got.status != http.StatusOK {
		t.Errorf("chart: %d %s", got.status, got.content)
	}
	got := get(t, front, http.MethodGet, "/v2/"+fairlead.ImageRepository+"/manifests/"+registry.Tag())
	if got.status != http.StatusNotFound || !strings.Contains(got.content, "not a Linux program") {
		t.Errorf("image: %d %s, want 404 with the reason", got.status, got.content)
	}
}

func TestRequestsWaitForPacking(t *testing.T) {
	s := server(t, program)
	asked, release := make(chan struct{}), make(chan struct{})
	s.Chart = func() ([]byte, error) { close(asked); <-release; return chart.Archive() }
	front := serve(t, s)
	<-asked
	status := make(chan int)
	go func() {
		response, err := front.Client().Head(front.URL + "/v2/" + fairlead.ImageRepository + "/manifests/" + registry.Tag())
		if err != nil {
			status <- 0
			return
		}
		_ = response.Body.Close()
		status <- response.StatusCode
	}()
	close(release)
	if got := <-status; got != http.StatusOK {
		t.Errorf("status %d, want 200 once packed", got)
	}
}

func TestFailedPackingIsToldNotHung(t *testing.T) {
	s := server(t, program)
	s.Chart = func() ([]byte, error) { return nil, errors.New("no chart") }
	front := serve(t, s)
	got := get(t, front, http.MethodGet, "/v2/"+fairlead.ImageRepository+"/manifests/"+registry.Tag())
	if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", got.status, got.content)
	}
}
