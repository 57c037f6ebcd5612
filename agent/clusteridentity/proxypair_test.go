package clusteridentity

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
)

func issued(t *testing.T, now time.Time) (map[string][]byte, pair) {
	t.Helper()
	data := map[string][]byte{}
	if err := issuePair(data, now); err != nil {
		t.Fatal(err)
	}
	found, err := parsePair(data)
	if err != nil {
		t.Fatal(err)
	}
	return data, found
}

func TestBothEndsBelieveOneAnother(t *testing.T) {
	data, _ := issued(t, time.Now())
	for _, name := range serverNames() {
		if err := shake(t, data, data, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := shake(t, data, data, "other"); err == nil {
		t.Error("the server is believed to be anybody")
	}
	stranger, _ := issued(t, time.Now())
	if err := shake(t, stranger, data, fairlead.KubeAADProxy); err == nil {
		t.Error("another authority's certificates are believed")
	}
	// The server's certificate does not make a bridge, nor the other way round.
	swapped := maps.Clone(data)
	swapped[fieldBridge], swapped[fieldBridgeKey] = data[fieldServer], data[fieldServerKey]
	if err := shake(t, swapped, data, fairlead.KubeAADProxy); err == nil {
		t.Error("the server is let in as the bridge")
	}
	if _, err := parsePair(swapped); err == nil {
		t.Error("and its certificates pass for a pair")
	}
}

// shake has a bridge with certificates dial a server with others.
func shake(t *testing.T, bridge, server map[string][]byte, name string) error {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	accept := tls.Server(far, &tls.Config{
		Certificates: []tls.Certificate{keyPair(t, server, fieldServer, fieldServerKey)}, ClientAuth: tls.RequireAndVerifyClientCert,
		ClientCAs: pool(server), MinVersion: tls.VersionTLS13,
	})
	accepted := make(chan error, 1)
	go func() {
		err := accept.HandshakeContext(ctx)
		if err != nil {
			far.Close()
		}
		accepted <- err
	}()
	dialled := tls.Client(near, &tls.Config{
		Certificates: []tls.Certificate{keyPair(t, bridge, fieldBridge, fieldBridgeKey)}, RootCAs: pool(bridge), ServerName: name, MinVersion: tls.VersionTLS13,
	})
	err := dialled.HandshakeContext(ctx)
	if err != nil {
		near.Close()
	}
	if refused := <-accepted; refused != nil {
		return refused
	}
	return err
}

func keyPair(t *testing.T, data map[string][]byte, field, keyField string) tls.Certificate {
	t.Helper()
	found, err := tls.X509KeyPair(data[field], data[keyField])
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func pool(data map[string][]byte) *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(data[fieldAuthority])
	return roots
}

// The pods learn of new certificates at different times, so the authority stays and new ones are believed with it.
func TestRenewalKeepsTheAuthority(t *testing.T) {
	now := time.Now()
	old, found := issued(t, now)
	if found.due(now) || found.due(now.Add(pairLife/2-2*time.Hour)) {
		t.Error("renewed too early")
	}
	if !found.due(now.Add(pairLife/2 + time.Hour)) {
		t.Error("not renewed at half-life")
	}
	renewed := maps.Clone(old)
	if err := issuePair(renewed, now.Add(pairLife/2)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(renewed[fieldAuthority], old[fieldAuthority]) || bytes.Equal(renewed[fieldServer], old[fieldServer]) {
		t.Error("the authority was replaced, or nothing was")
	}
	if err := issuePair(renewed, now.Add(authorityLife-pairLife/2)); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(renewed[fieldAuthority], old[fieldAuthority]) {
		t.Error("an authority that ends before its certificates is kept")
	}
}

func TestBrokenPairsAreReplaced(t *testing.T) {
	good, _ := issued(t, time.Now())
	other, _ := issued(t, time.Now())
	for name, change := range map[string]func(map[string][]byte){
		"Empty":    func(d map[string][]byte) { clear(d) },
		"NoKey":    func(d map[string][]byte) { delete(d, fieldServerKey) },
		"OtherKey": func(d map[string][]byte) { d[fieldServerKey] = other[fieldServerKey] },
		"OtherAuthority": func(d map[string][]byte) {
			d[fieldAuthority], d[fieldAuthorityKey] = other[fieldAuthority], other[fieldAuthorityKey]
		},
		"Text": func(d map[string][]byte) { d[fieldBridge] = []byte("x") },
	} {
		t.Run(name, func(t *testing.T) {
			data := maps.Clone(good)
			change(data)
			if _, err := parsePair(data); err == nil {
				t.Fatal("passes for a pair")
			}
			if err := issuePair(data, time.Now()); err != nil {
				t.Fatal(err)
			}
			if _, err := parsePair(data); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestStatusOfTheCertificatesIsTrue(t *testing.T) {
	_, found := issued(t, time.Now())
	for connect, want := range map[Connect]string{NotConnected: notNeeded, InOneProcess: notNeeded, InTwoPods: stateSucceeded} {
		if got := (&ProxyKeeper{Connect: connect}).describe(found, nil); got.State != want || (got.ExpirationTime != "") != (want == stateSucceeded) {
			t.Errorf("%d: %+v", connect, got)
		}
	}
	if got := (&ProxyKeeper{Connect: InTwoPods}).describe(pair{}, context.DeadlineExceeded); got.State != stateFailed || got.Message == "" {
		t.Errorf("%+v", got)
	}
}
