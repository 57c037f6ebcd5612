package mirror_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/registry/mirror"
)

const ociManifest = "application/vnd.oci.image.manifest.v1+json"

// blob is any content, and its digest.
const (
	content = "hello"
	digest  = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
)

func open(t *testing.T, dir string, now func() time.Time) *mirror.Store {
	t.Helper()
	s, err := mirror.Open(t.Context(), dir, now, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func push(t *testing.T, s *mirror.Store) mirror.Manifest {
	t.Helper()
	upload, err := s.Begin("app")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := upload.Append(-1, strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	if err := upload.Commit(digest); err != nil {
		t.Fatal(err)
	}
	text := []byte(`{"schemaVersion":2,"layers":[{"mediaType":"text/plain","digest":"` + digest + `"}]}`)
	manifest, err := mirror.Parse(text, ociManifest)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Put("app", "1", manifest, text); err != nil {
		t.Fatal(err)
	}
	return manifest
}

func TestUnfinishedPushesAreGoneAfterARestart(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, time.Now)
	upload, err := s.Begin("app")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := upload.Append(-1, strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir, time.Now)
	left, err := os.ReadDir(filepath.Join(dir, "uploads"))
	if err != nil || len(left) != 0 {
		t.Errorf("%v %v", left, err)
	}
	if _, err := again.Upload("app", upload.ID); fairlead.KindOf(err) != fairlead.NotFound {
		t.Errorf("got %v", err)
	}
}

func TestWhatNothingNamesIsSweptOnceItIsOld(t *testing.T) {
	dir, clock := t.TempDir(), time.Now()
	now := func() time.Time { return clock }
	s := open(t, dir, now)
	manifest := push(t, s)
	clock = clock.Add(2 * time.Hour)
	open(t, dir, now)
	if _, err := os.Stat(s.Path(digest)); err != nil {
		t.Errorf("a blob that is named was swept: %v", err)
	}
	if err := s.Delete(t.Context(), "app", "1"); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{digest, manifest.Digest} {
		if _, err := os.Stat(s.Path(gone)); err == nil {
			t.Errorf("%s is still there", gone)
		}
	}
	if len(s.Repositories()) != 0 {
		t.Errorf("repositories %v", s.Repositories())
	}
}

func TestBlobsOfPushesUnderWayStay(t *testing.T) {
	clock := time.Now()
	s := open(t, t.TempDir(), func() time.Time { return clock })
	push(t, s)
	clock = clock.Add(2 * time.Hour)
	if !s.Keep(digest) {
		t.Fatal("the blob is not there")
	}
	if err := s.Delete(t.Context(), "app", "1"); err != nil {
		t.Fatal(err)
	}
	if !s.Keep(digest) {
		t.Error("a blob that somebody has just been told of is gone")
	}
}

func TestDamagedRepositoryDoesNotStopTheHubNorLoseBlobs(t *testing.T) {
	dir, clock := t.TempDir(), time.Now()
	s := open(t, dir, time.Now)
	push(t, s)
	files, err := filepath.Glob(filepath.Join(dir, "repositories", "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.WriteFile(files[0], []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	again, err := mirror.Open(t.Context(), dir, func() time.Time { return clock.Add(48 * time.Hour) }, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil || !strings.Contains(log.String(), "damaged") {
		t.Errorf("%v, log %s", err, log.String())
	}
	if !again.Keep(digest) {
		t.Error("the blob is gone")
	}
}

func TestBrokenConnectionKeepsWhatArrived(t *testing.T) {
	s := open(t, t.TempDir(), time.Now)
	upload, err := s.Begin("app")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := upload.Append(-1, iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(content)))); err == nil {
		t.Fatal("nothing broke")
	}
	if upload.Size() != 1 {
		t.Fatalf("%d bytes", upload.Size())
	}
	if _, err := upload.Append(1, strings.NewReader(content[1:])); err != nil {
		t.Fatal(err)
	}
	if err := upload.Commit(digest); err != nil {
		t.Error(err)
	}
}

func TestPushesAreBoundedAndGivenUp(t *testing.T) {
	clock := time.Now()
	s := open(t, t.TempDir(), func() time.Time { return clock })
	var err error
	for err == nil {
		_, err = s.Begin("app")
	}
	if fairlead.KindOf(err) != fairlead.TooManyRequests {
		t.Fatal(err)
	}
	clock = clock.Add(2 * time.Hour)
	if _, err := s.Begin("app"); err != nil {
		t.Errorf("pushes that nobody goes on with are in the way: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"layers":[{"digest":"`+digest+`"}]}`), ociManifest)
	f.Add([]byte(`{"mediaType":"`+ociManifest+`","config":{"digest":"sha256:../x"}}`), "")
	f.Add([]byte(`{"manifests":[{}]}`), "application/vnd.oci.image.index.v1+json")
	f.Fuzz(func(t *testing.T, text []byte, mediaType string) {
		manifest, err := mirror.Parse(text, mediaType)
		if err != nil && !errors.As(err, new(*fairlead.Error)) {
			t.Errorf("an error that is nobody's: %v", err)
		}
		for _, one := range append(manifest.Blobs, manifest.Manifests...) {
			if err == nil && !mirror.ValidDigest(one) {
				t.Errorf("%q would become a file's name", one)
			}
		}
	})
}
