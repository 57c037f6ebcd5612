package dataplane

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/logline"
	"github.com/fairlead/fairlead/proof"
	"github.com/fairlead/fairlead/tunnel"
)

// tunnelSession is what connections for tunnels share: they come back faster with the tickets of those before.
type tunnelSession struct {
	identity *identity.Identity
	hub      string // PEM of whom it trusts as the hub
	tls      *tls.Config
}

// OpenTunnel opens the WebSocket on which the hub reaches this cluster. It is a connection of its own, with the proof, the
// certificate, the proxy and the trust of all other requests. An error is a *Refusal when the hub itself refused, and a
// *tunnel.Refused when something on the way did.
func (c *Client) OpenTunnel(ctx context.Context) (*tunnel.Conn, error) {
	ctx = logline.WithCorrelation(ctx, uuid.NewString())
	conn, err := c.openTunnel(ctx)
	if fairlead.CodeOf(err) == "ProofExpired" && c.correctClock(ctx, err) {
		conn, err = c.openTunnel(ctx)
	}
	c.requests.WithLabelValues(fairlead.OpRelay, tunnelOutcome(err)).Inc()
	return conn, err
}

func (c *Client) openTunnel(ctx context.Context) (*tunnel.Conn, error) {
	now, _, err := c.identity.Current()
	if now == nil {
		return nil, err
	}
	signer := proof.Signer{Key: now.Key, Chain: now.Chain, Now: c.hubTime}
	path := fairlead.DataPlanePath(c.settings.Cluster, fairlead.OpRelay)
	dialer := tunnel.Dialer{
		URL: c.settings.HubURL + path, TLS: c.tunnelTLS(now), Proxy: c.anchors.proxy,
		Header: http.Header{
			"User-Agent": {"fairlead-agent/" + c.settings.AgentVersion}, "X-Ms-Correlation-Request-Id": {logline.Correlation(ctx)},
		},
		Sign: func(r *http.Request) error { return signer.Sign(r, nil) },
	}
	conn, err := dialer.Dial(ctx)
	if refused, ok := errors.AsType[*tunnel.Refused](err); ok && refused.Reason == tunnel.ByServer {
		answer := &http.Response{StatusCode: refused.Status, Header: refused.Header}
		return nil, refuse(answer, path, io.LimitReader(strings.NewReader(string(refused.Body)), maxAnswer))
	}
	return conn, err
}

// tunnelTLS returns the same configuration for as long as certificate and trust are the same.
func (c *Client) tunnelTLS(now *identity.Identity) *tls.Config {
	hub := now.Trust.Over(c.settings.HubCA)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tunnels == nil || !c.tunnels.identity.Is(now) || c.tunnels.hub != string(hub) {
		config := tlsOf(c.anchors, now, hub)
		config.ClientSessionCache = tls.NewLRUClientSessionCache(2)
		c.tunnels = &tunnelSession{identity: now, hub: string(hub), tls: config}
	}
	return c.tunnels.tls
}

func tunnelOutcome(err error) string {
	if err == nil {
		return "101"
	}
	if refused, ok := errors.AsType[*tunnel.Refused](err); ok && refused.Status != 0 {
		return strconv.Itoa(refused.Status)
	}
	return outcome(err)
}
