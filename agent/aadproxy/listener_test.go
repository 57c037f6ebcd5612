package aadproxy_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/aadproxy"
	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/internal/freeport"
	"github.com/fairlead/fairlead/tunnel"
)

// authority issues certificates as clusteridentityoperator does.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	pair := a.issue("authority", x509.ExtKeyUsageAny)
	a.cert, a.key = pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

func (a *authority) issue(name string, usage x509.ExtKeyUsage) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, ExtKeyUsage: []x509.ExtKeyUsage{usage},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), IsCA: a.cert == nil, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	parent, by := a.cert, a.key
	if parent == nil {
		parent, by, template.ExtKeyUsage = template, key, nil
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		a.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// mount lays down what the kubelet mounts for kube-aad-proxy.
func (a *authority) mount(folder string) {
	a.t.Helper()
	server := a.issue(fairlead.KubeAADProxy, x509.ExtKeyUsageServerAuth)
	key, err := x509.MarshalECPrivateKey(server.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		a.t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"ca.crt": {Type: "CERTIFICATE", Bytes: a.cert.Raw}, "tls.crt": {Type: "CERTIFICATE", Bytes: server.Certificate[0]}, "tls.key": {Type: "EC PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
}

// dial connects as somebody, and speaks.
func (a *authority) dial(address string, as *tls.Certificate, version uint16) error {
	a.t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	config := &tls.Config{RootCAs: roots, ServerName: fairlead.KubeAADProxy, MinVersion: version, MaxVersion: version}
	if as != nil {
		config.Certificates = []tls.Certificate{*as}
	}
	conn, err := (&tls.Dialer{Config: config}).DialContext(a.t.Context(), "tcp", address)
	if err != nil {
		return err
	}
	way, err := tunnel.NewClient(a.t.Context(), conn)
	if err != nil {
		return err
	}
	defer way.Close()
	request, err := http.NewRequestWithContext(a.t.Context(), http.MethodGet, "http://"+caller.ControlHost+"/healthz", nil)
	if err != nil {
		a.t.Fatal(err)
	}
	answer, err := way.RoundTrip(request)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

func TestOnlyTheBridgeIsLetIn(t *testing.T) {
	_, api := newAPIServer(t)
	own, stranger, folder := newAuthority(t), newAuthority(t), t.TempDir()
	own.mount(folder)
	address := freeport.Address(t)
	newFixture(t, api, func(c *aadproxy.Config) { c.Listener = aadproxy.Listener{Address: address, Folder: folder} })

	bridge := own.issue(fairlead.ClusterConnectAgent, x509.ExtKeyUsageClientAuth)
	began := time.Now()
	for err := own.dial(address, &bridge, tls.VersionTLS13); err != nil; err = own.dial(address, &bridge, tls.VersionTLS13) {
		if time.Since(began) > 5*time.Second {
			t.Fatal(err)
		}
	}
	other := own.issue("config-agent", x509.ExtKeyUsageClientAuth)
	server := own.issue(fairlead.ClusterConnectAgent, x509.ExtKeyUsageServerAuth)
	foreign := stranger.issue(fairlead.ClusterConnectAgent, x509.ExtKeyUsageClientAuth)
	for name, as := range map[string]*tls.Certificate{"Nobody": nil, "OtherName": &other, "ForServers": &server, "OtherAuthority": &foreign} {
		if own.dial(address, as, tls.VersionTLS13) == nil {
			t.Errorf("%s was let in", name)
		}
	}
	if own.dial(address, &bridge, tls.VersionTLS12) == nil {
		t.Error("TLS 1.2 was let in")
	}
	// What the kubelet brings later counts from the next connection on.
	stranger.mount(folder)
	if err := stranger.dial(address, &foreign, tls.VersionTLS13); err != nil {
		t.Errorf("the new certificates: %v", err)
	}
	if own.dial(address, &bridge, tls.VersionTLS13) == nil {
		t.Error("the old ones are still good")
	}
}
