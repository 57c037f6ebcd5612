package hub_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub"
	"github.com/fairlead/fairlead/hub/authority"
)

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(patience); ; {
		if holds() {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("still not: %s", what)
		}
	}
}

func caFile(t *testing.T, folder string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// reaches tries a new connection that trusts nothing but the given authorities.
func reaches(t *testing.T, on *running, authorities []byte) bool {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authorities)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, on.URL+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := (&http.Client{Transport: transport, Timeout: patience}).Do(request)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return true
}

// signedBy reports whether a statement carries a signature of the first certificate of a PEM.
func signedBy(t *testing.T, stated *fairlead.HubTrust, text []byte) bool {
	t.Helper()
	block, _ := pem.Decode(text)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := certificate.PublicKey.(*ecdsa.PublicKey)
	digest := sha256.Sum256(stated.Signed())
	for _, signature := range stated.Signatures {
		if ecdsa.VerifyASN1(key, digest[:], signature) {
			return true
		}
	}
	return false
}

func change(t *testing.T, folder string, step hub.AuthorityStep) hub.AuthorityStatus {
	t.Helper()
	status, err := hub.ChangeAuthority(t.Context(), folder, step)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// The authority of a running hub is replaced by commands beside it; a cluster follows without being touched.
func TestAuthorityIsReplacedUnderClusters(t *testing.T) {
	folder := t.TempDir()
	on := start(t, folder)
	bearer := on.signIn(t, on.Administrator.AppID, string(on.Administrator.Secret))
	c := connect(t, on, bearer)
	if err := c.beat(t); err != nil {
		t.Fatal(err)
	}
	first, before := caFile(t, folder), c.trustHash(t)

	if status := change(t, folder, hub.RotateAuthority); status.Stage != authority.Pending || len(status.Authorities) != 2 {
		t.Fatalf("%+v", status)
	}
	eventually(t, "agents are offered the next authority", func() bool { return c.trustHash(t) != before })
	eventually(t, "people find it in ca.crt", func() bool { return len(caFile(t, folder)) > len(first) })
	both := caFile(t, folder)
	stated := c.renewed(t)
	if !bytes.HasPrefix(both, first) || string(both) != stated.Certificates || !signedBy(t, stated, first) || !reaches(t, on, first) {
		t.Fatal("the next authority is not published beside the old one, or not vouched for")
	}
	eventually(t, "the cluster is known to lag behind", func() bool { return len(change(t, folder, nil).Waiting) == 1 })
	if _, err := hub.ChangeAuthority(t.Context(), folder, hub.SwitchAuthority); fairlead.KindOf(err) != fairlead.Conflict || !strings.Contains(err.Error(), "edge-1") {
		t.Fatalf("switched although a cluster would be lost: %v", err)
	}
	if err := c.call(t.Context(), fairlead.OpHeartbeat, fairlead.Heartbeat{TrustGeneration: stated.Generation}, &fairlead.HeartbeatResponse{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the cluster trusts both", func() bool { return len(change(t, folder, nil).Waiting) == 0 })

	change(t, folder, hub.SwitchAuthority)
	second := both[len(first):]
	eventually(t, "the next authority signs", func() bool { return reaches(t, on, second) })
	if reaches(t, on, first) || on.log.String() == "" {
		t.Error("the old authority still signs")
	}
	on.http = trusting(t, on.CAFile)
	if err := c.beat(t); err != nil {
		t.Errorf("a certificate of the time before: %v", err)
	}
	if !signedBy(t, c.renewed(t), first) {
		t.Error("agents that were away cannot follow any more")
	}

	change(t, folder, hub.RetireAuthority)
	eventually(t, "the old authority is gone", func() bool { return bytes.Equal(caFile(t, folder), second) })
	if err := c.beat(t); err != nil {
		t.Errorf("a certificate of the new authority: %v", err)
	}
	if stated := c.renewed(t); stated.Certificates != string(second) || signedBy(t, stated, first) {
		t.Error("the retired authority is still vouched for")
	}
}

// A cluster that slept through it all comes back with its key.
func TestCertificateOfARetiredAuthorityIsRenewed(t *testing.T) {
	folder := t.TempDir()
	on := start(t, folder)
	c := connect(t, on, on.signIn(t, on.Administrator.AppID, string(on.Administrator.Secret)))
	if err := c.beat(t); err != nil {
		t.Fatal(err)
	}
	first := caFile(t, folder)
	for _, step := range []hub.AuthorityStep{hub.RotateAuthority, hub.SwitchAuthorityNow, hub.RetireAuthority} {
		change(t, folder, step)
	}
	if _, err := hub.ChangeAuthority(t.Context(), folder, hub.RetireAuthority); fairlead.KindOf(err) != fairlead.Conflict {
		t.Errorf("retired twice: %v", err)
	}
	eventually(t, "the hub follows", func() bool {
		if bytes.Equal(caFile(t, folder), first) {
			return false // whatever fails now, fails because this test trusts the wrong authority
		}
		on.http = trusting(t, on.CAFile)
		return c.beat(t) != nil
	})
	if err := c.renew(t); err != nil {
		t.Fatal(err)
	}
	if err := c.beat(t); err != nil {
		t.Error(err)
	}
}

func (c *cluster) trustHash(t *testing.T) string {
	t.Helper()
	var state fairlead.PendingConfigs
	if err := c.call(t.Context(), fairlead.OpPendingConfigs, fairlead.PendingQuery{}, &state); err != nil {
		t.Fatal(err)
	}
	return state.TrustHash
}

// renewed obtains a certificate and returns whom the hub states to trust.
func (c *cluster) renewed(t *testing.T) *fairlead.HubTrust {
	t.Helper()
	if err := c.renew(t); err != nil {
		t.Fatal(err)
	}
	return c.trust
}
