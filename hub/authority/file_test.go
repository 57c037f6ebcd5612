package authority_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub/authority"
)

func writePair(t *testing.T, source *authority.FileCertificate, modified time.Time) {
	t.Helper()
	issued, err := (&authority.ServerCertificate{Authority: open(t, newStore(t), time.Now), Hosts: []string{"hub"}}).GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(issued.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write(t, source.CertFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issued.Leaf.Raw}), modified)
	write(t, source.KeyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), modified)
}

func write(t *testing.T, name string, content []byte, modified time.Time) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, modified, modified); err != nil {
		t.Fatal(err)
	}
}

func TestFileCertificateFollowsItsFiles(t *testing.T) {
	var log bytes.Buffer
	folder, start := t.TempDir(), time.Now().Truncate(time.Second)
	source := &authority.FileCertificate{
		CertFile: filepath.Join(folder, "tls.crt"), KeyFile: filepath.Join(folder, "tls.key"),
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	}
	if _, err := source.Load(); err == nil || !strings.Contains(err.Error(), "tls.crt") {
		t.Errorf("missing files: %v", err)
	}
	writePair(t, source, start)
	if _, err := source.Load(); err != nil {
		t.Fatal(err)
	}
	first := certificateOf(t, source.GetCertificate)
	write(t, source.CertFile, []byte("half"), start.Add(time.Second))
	if !certificateOf(t, source.GetCertificate).Equal(first) || !strings.Contains(log.String(), "stays in use") {
		t.Errorf("a damaged file is not survived: %s", log.String())
	}
	writePair(t, source, start.Add(2*time.Second))
	if certificateOf(t, source.GetCertificate).Equal(first) {
		t.Error("the new certificate is not used")
	}
}

func TestFileCertificateWithoutFiles(t *testing.T) {
	source := &authority.FileCertificate{CertFile: "absent.crt", KeyFile: "absent.key", Log: slog.New(slog.DiscardHandler)}
	if _, err := source.GetCertificate(&tls.ClientHelloInfo{}); err == nil || !strings.Contains(err.Error(), "absent.crt") {
		t.Errorf("got %v", err)
	}
}
