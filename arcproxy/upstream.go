package arcproxy

import (
	"crypto/subtle"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/fairlead/fairlead/egress"
)

const (
	dialTimeout = 10 * time.Second
	// A hub that has gone without a word is noticed by pings, not by whoever waits for a watch.
	pingAfter   = 30 * time.Second
	pingTimeout = 15 * time.Second
	copySize    = 64 << 10
)

// RelayHeader carries the token of the relay when Authorization is for the cluster itself.
const RelayHeader = "ServiceBusAuthorization"

// Upstream is the API server of a cluster as a hub offers it.
type Upstream struct {
	// Base is the address below which the API is, such as https://HUB/kubernetes/ID.
	Base *url.URL
	// Trust says whose certificates the hub may have.
	Trust *tls.Config
	// Authorize makes a request one of whoever runs the proxy. It is called for each request, with its final address.
	Authorize func(*http.Request) error
	// Refused, if set, is told that the hub did not accept what Authorize has made.
	Refused func()
}

// cluster passes requests on to one cluster.
type cluster struct {
	log     *slog.Logger
	token   string // which lets in
	forward *httputil.ReverseProxy

	mutex   sync.RWMutex
	way     Upstream
	plain   *http.Transport // HTTP/2 where the hub has it
	upgrade *http.Transport // HTTP/1.1, since HTTP/2 has no upgrades
	streams map[*stream]struct{}
}

func newCluster(log *slog.Logger, token string) *cluster {
	c := &cluster{log: log, token: token, streams: map[*stream]struct{}{}}
	pool := &buffers{}
	c.forward = &httputil.ReverseProxy{
		Rewrite: c.rewrite, Transport: c, FlushInterval: -1, BufferPool: pool, ModifyResponse: c.look,
		ErrorHandler: c.fail, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return c
}

// change sets the way to the cluster. Streams that are open keep the way that they have.
func (c *cluster) change(way Upstream) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.way = way
	former := []*http.Transport{c.plain, c.upgrade}
	c.plain, c.upgrade = transports(way.Trust)
	for _, one := range former {
		if one != nil {
			one.CloseIdleConnections()
		}
	}
}

func transports(trust *tls.Config) (plain, upgrade *http.Transport) {
	var both, first http.Protocols
	both.SetHTTP1(true)
	both.SetHTTP2(true)
	first.SetHTTP1(true)
	return transport(trust, &both), transport(trust, &first)
}

func transport(trust *tls.Config, protocols *http.Protocols) *http.Transport {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, OnProxyConnectResponse: egress.CheckConnect,
		TLSClientConfig: trust.Clone(), Protocols: protocols, DisableCompression: true,
		DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext, TLSHandshakeTimeout: dialTimeout, IdleConnTimeout: idleTimeout, MaxIdleConnsPerHost: 32,
		HTTP2: &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
	}
}

// admits reports whether an Authorization header is the one that the proxy has handed out.
func (c *cluster) admits(header string) bool {
	scheme, given, _ := strings.Cut(header, " ")
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare([]byte(c.token), []byte(given)) == 1
}

// ServeHTTP passes a request on.
func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	one, r := c.begin(w, r)
	defer c.finish(one)
	c.forward.ServeHTTP(w, r)
}

func (c *cluster) rewrite(r *httputil.ProxyRequest) {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	r.SetURL(c.way.Base)
	r.Out.Header.Del("Authorization")
	r.Out.Header.Del(RelayHeader)
}

// RoundTrip sends a request to the hub in the name of whoever runs the proxy.
func (c *cluster) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mutex.RLock()
	way, carrier := c.way, c.plain
	if r.Header.Get("Upgrade") != "" {
		carrier = c.upgrade
	}
	c.mutex.RUnlock()
	if err := way.Authorize(r); err != nil {
		return nil, &unauthorizedError{err}
	}
	return carrier.RoundTrip(r)
}

// look learns from the hub's answers.
func (c *cluster) look(response *http.Response) error {
	c.mutex.RLock()
	refused := c.way.Refused
	c.mutex.RUnlock()
	if response.StatusCode == http.StatusUnauthorized && refused != nil {
		refused()
	}
	return nil
}

func (c *cluster) close() {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	c.plain.CloseIdleConnections()
	c.upgrade.CloseIdleConnections()
}

// buffers are what bytes are copied by.
type buffers struct{ pool sync.Pool }

// Get returns a buffer.
func (b *buffers) Get() []byte {
	if found, ok := b.pool.Get().(*[]byte); ok {
		return *found
	}
	return make([]byte, copySize)
}

// Put takes a buffer back.
func (b *buffers) Put(buffer []byte) { b.pool.Put(&buffer) }
