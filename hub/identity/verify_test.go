package identity_test

import (
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

var beat = []byte("{}")

func TestClusterIsRecognised(t *testing.T) {
	b := newBench(t)
	a := b.register(t, "edge-1")
	b.enrol(t, a)
	direct := b.heartbeat(t, a)
	direct.TLS = &tls.ConnectionState{PeerCertificates: a.chain}
	for name, r := range map[string]*http.Request{"ThroughProxy": b.heartbeat(t, a), "WithClientCertificate": direct} {
		t.Run(name, func(t *testing.T) {
			cluster, err := b.Verify(r, beat, a.id)
			if err != nil || cluster.Key != a.id.Key() || !strings.Contains(string(cluster.Body), "local") {
				t.Errorf("%+v: %v", cluster, err)
			}
		})
	}
}

func TestSpellingOfTheClusterDoesNotMatter(t *testing.T) {
	b := newBench(t)
	a := b.register(t, "Edge-1")
	b.enrol(t, a)
	loud := fairlead.ConnectedClusterID(a.id.Subscription, "SHOPS_(eu)", "EDGE-1")
	if _, err := b.Verify(b.request(t, loud, fairlead.OpHeartbeat, beat, a.key, a.chain...), beat, loud); err != nil {
		t.Error(err)
	}
}

func TestRequestIsRefused(t *testing.T) {
	b := newBench(t)
	a, other := b.register(t, "edge-1"), b.register(t, "edge-2")
	b.enrol(t, a)
	b.enrol(t, other)
	thief := ellipticKey(t, elliptic.P256())
	foreign := newAuthority(t, newBench(t).db, b.clock)
	uri, err := url.Parse("fairlead:" + a.id.Key())
	if err != nil {
		t.Fatal(err)
	}
	forged, err := foreign.IssueClient(csrOf(t, thief), []*url.URL{uri}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(key any, chain []*x509.Certificate) *http.Request {
		return b.request(t, a.id, fairlead.OpHeartbeat, beat, signer(t, key), chain...)
	}
	mixed := b.heartbeat(t, a)
	mixed.TLS = &tls.ConnectionState{PeerCertificates: other.chain}
	cases := map[string]struct {
		reason  string
		request *http.Request
		body    string
		code    string
	}{
		"OtherCluster":     {"a certificate speaks for its own cluster only", sign(other.key, other.chain), "{}", "InvalidProof"},
		"OtherKey":         {"a certificate without its key proves nothing", sign(thief, a.chain), "{}", "InvalidProof"},
		"ForeignAuthority": {"only the hub's own authority counts", sign(thief, forged), "{}", "InvalidProof"},
		"OnboardingKey":    {"the onboarding key only buys certificates", sign(a.onboarding, nil), "{}", "InvalidProof"},
		"AlteredBody":      {"the body is part of what is proved", b.heartbeat(t, a), "{ }", "InvalidProof"},
		"OtherConnection":  {"who connects must be who signs", mixed, "{}", "InvalidProof"},
		"NoProof":          {"nobody is believed for the asking", mustRequest(t, a.id), "{}", "InvalidProof"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := b.Verify(c.request, []byte(c.body), a.id); fairlead.CodeOf(err) != c.code {
				t.Errorf("%v, want %s because %s", err, c.code, c.reason)
			}
		})
	}
}

func TestRememberedSenderIsStillJudged(t *testing.T) {
	b := newBench(t)
	a, other := b.register(t, "edge-1"), b.register(t, "edge-2")
	b.enrol(t, a)
	if _, err := b.Verify(b.heartbeat(t, a), beat, a.id); err != nil {
		t.Fatal(err)
	}
	mixed, elsewhere := b.heartbeat(t, a), b.request(t, other.id, fairlead.OpHeartbeat, beat, a.key, a.chain...)
	mixed.TLS = &tls.ConnectionState{PeerCertificates: a.chain[1:]}
	for name, c := range map[string]struct {
		reason  string
		request *http.Request
		id      fairlead.ResourceID
	}{
		"OtherKey":        {"the chain is known, the key is not its own", b.request(t, a.id, fairlead.OpHeartbeat, beat, other.key, a.chain...), a.id},
		"OtherCluster":    {"the chain is for one cluster", elsewhere, other.id},
		"OtherConnection": {"who connects must be who signs", mixed, a.id},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := b.Verify(c.request, beat, c.id); fairlead.CodeOf(err) != "InvalidProof" {
				t.Errorf("%v, want a refusal because %s", err, c.reason)
			}
		})
	}
	b.now = a.chain[0].NotAfter.Add(time.Second)
	if _, err := b.Verify(b.heartbeat(t, a), beat, a.id); fairlead.CodeOf(err) != "CertificateExpired" {
		t.Errorf("%v, want the certificate refused once it has expired", err)
	}
}

func TestReplayIsRefused(t *testing.T) {
	b := newBench(t)
	a := b.register(t, "edge-1")
	b.enrol(t, a)
	r := b.heartbeat(t, a)
	if _, err := b.Verify(r, beat, a.id); err != nil {
		t.Fatal(err)
	}
	for _, age := range []time.Duration{0, time.Minute, 5 * time.Minute} {
		b.now = b.now.Add(age)
		if _, err := b.Verify(r, beat, a.id); fairlead.KindOf(err) != fairlead.Unauthenticated {
			t.Errorf("after %s: %v, want a refusal", age, err)
		}
	}
}

func TestDeletedClusterIsToldSo(t *testing.T) {
	b := newBench(t)
	a := b.register(t, "edge-1")
	b.enrol(t, a)
	if err := b.db.DeleteResource(t.Context(), a.id.Key(), store.AnyState); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Verify(b.heartbeat(t, a), beat, a.id); fairlead.CodeOf(err) != "ResourceNotFound" {
		t.Errorf("%v, want ResourceNotFound", err)
	}
}

func TestCertificateDoesNotOutliveItsResource(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(b *bench, a *agent)
	}{
		"NewPrincipal": {"the name was given to a new connected cluster", func(b *bench, a *agent) { b.put(t, a, "another") }},
		"NewKey": {"the cluster was connected again with another key", func(b *bench, a *agent) {
			again := *a
			again.onboarding = onboardingKey(t)
			b.put(t, &again, "principal-of-edge-1")
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			a := b.register(t, "edge-1")
			b.enrol(t, a)
			c.change(b, a)
			if _, err := b.Verify(b.heartbeat(t, a), beat, a.id); fairlead.CodeOf(err) != "CertificateNotCurrent" {
				t.Errorf("%v, want a refusal because %s", err, c.reason)
			}
		})
	}
}

// BenchmarkVerify is what each request of a cluster costs, store included.
func BenchmarkVerify(b *testing.B) {
	hub := newBench(b)
	a := hub.register(b, "edge-1")
	hub.enrol(b, a)
	requests := make([]*http.Request, 0, 4096)
	for i := 0; b.Loop(); i++ {
		if i%4096 == 0 {
			b.StopTimer()
			hub.now = hub.now.Add(11 * time.Minute)
			requests = requests[:0]
			for range 4096 {
				requests = append(requests, hub.heartbeat(b, a))
			}
			b.StartTimer()
		}
		if _, err := hub.Verify(requests[i%4096], beat, a.id); err != nil {
			b.Fatal(fmt.Errorf("request %d: %w", i, err))
		}
	}
}
