package dataplane

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/fairlead/fairlead/egress"
)

// Outward returns a way to servers other than the hub's data plane, such as registries: through the agents' proxy, trusting the
// public authorities, the proxy's, the hub's and more (PEM, may be empty). It shows no certificate. Whoever has it closes its
// idle connections.
func (c *Client) Outward(more []byte) *http.Transport {
	hub := c.settings.HubCA
	if current, _, _ := c.identity.Current(); current != nil {
		hub = current.Trust.Over(hub)
	}
	roots := c.anchors.with(hub)
	roots.AppendCertsFromPEM(more)
	return &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) { return c.anchors.proxy(r.URL) }, OnProxyConnectResponse: egress.CheckConnect,
		DialContext:     (&net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: handshakeTimeout, ForceAttemptHTTP2: true,
		IdleConnTimeout: unnamedIdleTimeout, ResponseHeaderTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10,
	}
}
