package dataplane_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/dataplane"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/settings"
)

// serverCA returns the PEM of a new authority and a certificate of it for the loopback address.
func serverCA(t *testing.T) ([]byte, *tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "hub " + rand.Text()}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	root, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "hub"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"hub.example.org"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}), &tls.Certificate{Certificate: [][]byte{der, root}, PrivateKey: key}
}

// The hub changes its authority under agents that run: they trust both in between, and then the new one alone.
func TestConnectionsFollowTheHubsAuthority(t *testing.T) {
	oldPEM, oldPair := serverCA(t)
	newPEM, newPair := serverCA(t)
	key := onboarding(t)
	var serving atomic.Pointer[tls.Certificate]
	serving.Store(oldPair)
	server := httptest.NewUnstartedServer(verified(t, key, time.Now))
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{*serving.Load()}, MinVersion: tls.VersionTLS12}, nil
	}}
	server.Config.SetKeepAlivesEnabled(false) // each call has to trust the hub anew
	server.StartTLS()
	defer server.Close()

	holder := &identity.Holder{}
	c, err := dataplane.New(settings.Settings{HubURL: server.URL, HubCA: oldPEM, Cluster: fairlead.ConnectedClusterID("s", "g", "n")},
		holder, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	works := func(what string, want bool) {
		t.Helper()
		if _, err := c.Certificate(t.Context(), key, nil); (err == nil) != want {
			t.Errorf("%s: %v", what, err)
		}
	}
	follow := func(authorities []byte, instead []byte) {
		holder.Set(&identity.Identity{Chain: []*x509.Certificate{{Raw: []byte(rand.Text())}}, Trust: identity.Trust{
			Certificates: authorities, InsteadOf: identity.BaseOf(instead),
		}}, nil)
	}
	works("as installed", true)
	follow(append(append([]byte{}, oldPEM...), newPEM...), oldPEM)
	works("both trusted, the old one serves", true)
	serving.Store(newPair)
	works("both trusted, the new one serves", true)
	follow(newPEM, oldPEM)
	works("the new one alone", true)
	serving.Store(oldPair)
	works("the retired one", false)
	follow(newPEM, []byte("what another chart had"))
	works("the chart was installed anew since", true)
}
