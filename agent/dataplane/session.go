package dataplane

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/settings"
	"github.com/fairlead/fairlead/egress"
	"github.com/fairlead/fairlead/proof"
)

// session is a set of connections that all present the same certificate, or none, and trust the same authorities.
type session struct {
	opening

	identity *identity.Identity
	hub      string // PEM of whom it trusts as the hub
	http     *http.Client
}

// anchors are whom we trust besides the hub's own authorities, and how we get out.
type anchors struct {
	others *x509.CertPool
	proxy  func(*url.URL) (*url.URL, error)
}

// with adds the hub's own authorities, which change in the life of a process.
func (a anchors) with(hub []byte) *x509.CertPool {
	roots := a.others.Clone()
	roots.AppendCertsFromPEM(hub)
	return roots
}

func trust(s settings.Settings) (anchors, error) {
	roots := publicRoots()
	for name, text := range map[string][]byte{"the hub's authority": s.HubCA, "the proxy's authority": s.Proxy.CA} {
		if len(text) > 0 && !x509.NewCertPool().AppendCertsFromPEM(text) {
			return anchors{}, errors.New(name + " is not a PEM certificate")
		}
	}
	roots.AppendCertsFromPEM(s.Proxy.CA)
	proxy := httpproxy.Config{HTTPProxy: s.Proxy.HTTP, HTTPSProxy: s.Proxy.HTTPS, NoProxy: s.Proxy.None}
	return anchors{others: roots, proxy: proxy.ProxyFunc()}, nil
}

// withIdentity returns the session of the certificate that the cluster has now. Requests on
// connections of the one before end undisturbed.
func (c *Client) withIdentity() (signedSession, error) {
	now, _, err := c.identity.Current()
	if now == nil {
		return signedSession{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil || !c.current.identity.Is(now) {
		if c.current != nil {
			c.current.http.CloseIdleConnections()
		}
		c.current = newSession(c.anchors, now, now.Trust.Over(c.settings.HubCA))
	}
	return signedSession{c.current, proof.Signer{Key: now.Key, Chain: now.Chain}}, nil
}

// withoutIdentity returns a session for the onboarding key. It shows no certificate: the one that the
// cluster has may be expired, which would end the handshake.
func (c *Client) withoutIdentity(onboarding crypto.Signer) signedSession {
	hub := c.settings.HubCA
	if current, _, _ := c.identity.Current(); current != nil {
		hub = current.Trust.Over(hub)
	}
	if c.told != nil {
		if told := c.told(); len(told) > 0 {
			hub = told
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unnamed == nil || c.unnamed.hub != string(hub) {
		if c.unnamed != nil {
			c.unnamed.http.CloseIdleConnections()
		}
		c.unnamed = newSession(c.anchors, nil, hub)
	}
	return signedSession{c.unnamed, proof.Signer{Key: onboarding}}
}

// So often, at the most, a connection may be abandoned. When another one so soon did not help, it is the hub that is slow: ten thousand
// clusters that come back to it on new connections again and again leave it no time for their requests. Connections that are
// dead end by their pings all the same.
const abandonEvery = 10 * time.Minute

// abandon makes the next request open a connection of its own. Something in between may have forgotten the
// ones there are and swallow whatever is sent on them, which takes until their next ping to notice.
func (c *Client) abandon(silent *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if !c.abandoned.IsZero() && now.Sub(c.abandoned) < abandonEvery {
		return
	}
	c.abandoned = now
	if c.current == silent {
		c.current = nil
	}
	if c.unnamed == silent {
		c.unnamed = nil
	}
	silent.http.CloseIdleConnections()
}

// How long a hub may take to accept a connection, and to do its part of the handshake. To wait for that costs nobody anything,
// and to begin anew costs both sides: a hub to which everybody comes back at once lets some wait for eight seconds.
const (
	dialTimeout      = 5 * time.Second
	handshakeTimeout = 12 * time.Second
)

// How long a connection without requests stays. The one for certificates is not needed again for months.
const (
	idleTimeout        = 90 * time.Second
	unnamedIdleTimeout = 5 * time.Second
)

func newSession(a anchors, shown *identity.Identity, hub []byte) *session {
	idle := unnamedIdleTimeout
	if shown != nil {
		idle = idleTimeout
	}
	transport := &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) { return a.proxy(r.URL) }, OnProxyConnectResponse: egress.CheckConnect,
		DialContext:     (&net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSClientConfig: tlsOf(a, shown, hub), TLSHandshakeTimeout: handshakeTimeout, ForceAttemptHTTP2: true,
		IdleConnTimeout: idle, MaxIdleConns: 2, ReadBufferSize: 4 << 10, WriteBufferSize: 4 << 10,
		MaxResponseHeaderBytes: 64 << 10,
		// A cut cable must be noticed before the hub gives the cluster up, and the hub takes what comes for a sign of life.
		HTTP2: &http.HTTP2Config{SendPingTimeout: fairlead.PingAfter, PingTimeout: 4 * time.Second},
	}
	return &session{
		opening: opening{turn: make(chan struct{}, 1)}, identity: shown, hub: string(hub),
		http: &http.Client{Transport: transport, CheckRedirect: stay},
	}
}

// tlsOf trusts the hub's authorities and ours, and shows the certificate if there is one.
func tlsOf(a anchors, shown *identity.Identity, hub []byte) *tls.Config {
	config := &tls.Config{RootCAs: a.with(hub), MinVersion: tls.VersionTLS12}
	if shown != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return certificate(shown), nil
		}
	}
	return config
}

// stay refuses redirects: a signature is for one path of one hub.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func certificate(i *identity.Identity) *tls.Certificate {
	chain := make([][]byte, len(i.Chain))
	for n, c := range i.Chain {
		chain[n] = c.Raw
	}
	return &tls.Certificate{Certificate: chain, PrivateKey: i.Key, Leaf: i.Leaf()}
}
