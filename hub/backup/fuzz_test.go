package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Whoever can hand an administrator a file must not get more out of its unpacking than an error: nothing
// outside the folder, nothing unlisted.
func FuzzUnpack(f *testing.F) {
	folder := f.TempDir()
	for name, text := range map[string]string{Database: "database", MasterKey: "key"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			f.Fatal(err)
		}
	}
	made, err := describe(folder, time.Unix(0, 0))
	if err != nil {
		f.Fatal(err)
	}
	var good bytes.Buffer
	if err := pack(&good, folder, made); err != nil {
		f.Fatal(err)
	}
	f.Add(plain(f, good.Bytes()))
	f.Add(archive(f, map[string]string{"../escaped": "x"}))
	f.Add(archive(f, map[string]string{manifestName: `{"format":1,"files":{"hub.db":{"size":-1}}}`}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, text []byte) {
		parent := t.TempDir()
		into := filepath.Join(parent, "into")
		if err := os.Mkdir(into, 0o700); err != nil {
			t.Fatal(err)
		}
		found, err := unpack(bytes.NewReader(packed(t, text)), into)
		if beside, _ := os.ReadDir(parent); len(beside) != 1 {
			t.Fatalf("written outside: %v", beside)
		}
		if err != nil {
			return
		}
		got, err := describe(into, time.Unix(0, 0))
		if err != nil || len(got.Files) != len(found.Files) {
			t.Fatalf("accepted %+v, wrote %+v, %v", found, got, err)
		}
		for name, file := range found.Files {
			if got.Files[name] != file {
				t.Fatalf("%s: accepted %+v, wrote %+v", name, file, got.Files[name])
			}
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`{"format":1,"files":{"hub.db":{"size":1,"sha256":""}}}`))
	f.Add([]byte(`{"format":2}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		found, err := parseManifest(text)
		if err != nil {
			return
		}
		for name, file := range found.Files {
			if name != Database && name != MasterKey || file.Size < 0 || file.Size > maxDatabase {
				t.Fatalf("accepted %q %+v", name, file)
			}
		}
	})
}

// plain and packed keep the fuzzing away from the compression, which is the standard library's.
func plain(t testing.TB, compressed []byte) []byte {
	t.Helper()
	from, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(from); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

func packed(t testing.TB, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	to := gzip.NewWriter(&out)
	if _, err := to.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func archive(t testing.TB, entries map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	to := tar.NewWriter(&out)
	for name, text := range entries {
		if err := to.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := to.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
