package hub_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
)

// lively makes the cluster's client one whose connection says something all the time, as agents' do every few seconds.
func (c *cluster) lively(certificates ...tls.Certificate) {
	known, _ := c.http.Transport.(*http.Transport)
	trust := known.TLSClientConfig.Clone()
	trust.Certificates = certificates
	way := &http.Transport{
		TLSClientConfig: trust, ForceAttemptHTTP2: true, HTTP2: &http.HTTP2Config{SendPingTimeout: 100 * time.Millisecond, PingTimeout: patience},
	}
	own := *c.running
	own.http = &http.Client{Transport: way}
	c.running = &own
}

func (c *cluster) lastSeen(t *testing.T, bearer string) time.Time {
	t.Helper()
	_, shown := c.do(t, http.MethodGet, c.id.String()+"?api-version=2024-01-01", bearer, "")
	properties, _ := shown["properties"].(map[string]any)
	text, _ := properties["lastConnectivityTime"].(string)
	last, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatalf("%v: %v", properties, err)
	}
	return last
}

// A connection speaks for a cluster only when it is the cluster's own: one that a proxy holds may outlive it.
func TestOnlyTheClustersOwnConnectionSpeaksForIt(t *testing.T) {
	on := start(t, t.TempDir())
	bearer := on.signIn(t, on.Administrator.AppID, string(on.Administrator.Secret))
	own, proxied := connectAs(t, on, bearer, "own"), connectAs(t, on, bearer, "proxied")
	var shown tls.Certificate
	for _, one := range own.signer.Chain {
		shown.Certificate = append(shown.Certificate, one.Raw)
	}
	shown.PrivateKey = own.signer.Key
	own.lively(shown)
	proxied.lively()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	for _, one := range []*cluster{own, proxied} {
		var current fairlead.PendingConfigs
		if err := one.call(t.Context(), fairlead.OpPendingConfigs, fairlead.PendingQuery{}, &current); err != nil {
			t.Fatal(err)
		}
		go func() {
			_ = one.call(ctx, fairlead.OpPendingConfigs, fairlead.PendingQuery{ETag: current.ETag, WaitSeconds: 50}, &fairlead.PendingConfigs{}) // until it is cut
			ended <- struct{}{}
		}()
	}
	defer func() { cancel(); <-ended; <-ended }()
	own.waitForPolls(t, bearer, 2)
	first := proxied.lastSeen(t, bearer)
	for limit := time.Now().Add(patience); own.lastSeen(t, bearer).Sub(first) < 3*time.Second; {
		if time.Now().After(limit) {
			t.Fatal("what comes by the connection of a held poll is no sign of life")
		}
		<-time.After(100 * time.Millisecond) // the hub limits how often somebody asks
	}
	if last := proxied.lastSeen(t, bearer); last.Sub(first) > time.Second {
		t.Errorf("somebody else's connection has spoken for the cluster at %s, after %s", last, first)
	}
}
