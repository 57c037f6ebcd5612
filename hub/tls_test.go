package hub_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub"
	"github.com/fairlead/fairlead/hub/authority"
	"github.com/fairlead/fairlead/store"
)

// ownCertificate writes a certificate chain of an administrator's own authority, and its key.
func ownCertificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	box, err := authority.NewBox(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "company.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }() // all that is needed of it was read
	company, err := authority.Open(t.Context(), &authority.Vault{Box: box, Store: db}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := (&authority.ServerCertificate{Authority: company, Hosts: []string{"localhost"}}).GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	var certificates bytes.Buffer
	for _, der := range pair.Certificate {
		certificates.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	certFile, keyFile = filepath.Join(t.TempDir(), "tls.crt"), filepath.Join(t.TempDir(), "tls.key")
	for name, text := range map[string][]byte{certFile: certificates.Bytes(), keyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

func TestAdministratorsOwnCertificate(t *testing.T) {
	certFile, keyFile := ownCertificate(t)
	on := start(t, t.TempDir(), func(c *hub.Config) { c.TLSCert, c.TLSKey = certFile, keyFile })
	if on.CAFile != "" || on.Fingerprint != "" {
		t.Errorf("the hub shows an authority that it does not serve with: %+v", on.Welcome)
	}
	on.http = trusting(t, certFile)
	bearer := on.signIn(t, on.Administrator.AppID, string(on.Administrator.Secret))
	c := connect(t, on, bearer)
	status, settings := on.do(t, http.MethodPost, "/azure-arc-k8sagents/GetHelmSettings", bearer, `{"id":"`+c.id.String()+`"}`)
	values, _ := settings["helmValuesContent"].(map[string]any)
	if ca, _ := values["global.hubCA"].(string); status != http.StatusOK || ca == "" {
		t.Errorf("agents are not told which authority to trust: %d %v", status, settings)
	}
}

func TestUnusableCertificateIsRefused(t *testing.T) {
	config, _ := testConfig(t.TempDir())
	config.TLSCert, config.TLSKey = filepath.Join(t.TempDir(), "absent.crt"), filepath.Join(t.TempDir(), "absent.key")
	if _, err := hub.New(t.Context(), config); err == nil || !strings.Contains(err.Error(), "--tls-cert") || !strings.Contains(err.Error(), "absent.crt") {
		t.Errorf("got %v", err)
	}
}

func TestTransportIsStrict(t *testing.T) {
	on := start(t, t.TempDir())
	address := strings.TrimPrefix(on.URL, "https://")
	old := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	if connection, err := tls.Dial("tcp", address, old); err == nil {
		_ = connection.Close()
		t.Error("TLS 1.1 is spoken")
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, on.URL+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := on.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.ProtoMajor != 2 {
		t.Errorf("%s is spoken", answer.Proto)
	}
	if status := rawStatus(t, on, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: "+strings.Repeat("x", 100<<10)+"\r\n\r\n"); !strings.Contains(status, "431") {
		t.Errorf("endless headers: %q", status)
	}
}

// rawStatus sends text over TLS and returns the first line of the answer.
func rawStatus(t *testing.T, on *running, text string) string {
	t.Helper()
	transport, _ := on.http.Transport.(*http.Transport)
	settings := transport.TLSClientConfig.Clone()
	settings.NextProtos = []string{"http/1.1"}
	connection, err := (&tls.Dialer{NetDialer: &net.Dialer{Timeout: patience}, Config: settings}).DialContext(t.Context(), "tcp", strings.TrimPrefix(on.URL, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }() // the test is over
	if _, err := io.WriteString(connection, text); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 64)
	count, err := connection.Read(answer)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(answer[:count]), "\r\n")
	return line
}
