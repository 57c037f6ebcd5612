package aadproxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"golang.org/x/oauth2"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"

	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/tunnel"
)

const (
	// The answerTimeout is far longer than the API server takes itself; services behind it may take their time.
	answerTimeout = 10 * time.Minute
	dialTimeout   = 5 * time.Second // to connect, and as long again for TLS
)

// apiServer passes requests on to the API server: as a caller in the name of this agent, or with the caller's own token.
type apiServer struct {
	address *url.URL
	token   oauth2.TokenSource // of this agent; nil when it shows a certificate
	asAgent *httputil.ReverseProxy
	asGiven *httputil.ReverseProxy
}

func newAPIServer(config *rest.Config, log *slog.Logger) (*apiServer, error) {
	if config.Impersonate.UserName != "" {
		return nil, errors.New("kube-aad-proxy impersonates callers, which nobody can who is impersonated himself: give it credentials of its own")
	}
	address, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("read the address of the API server: %w", err)
	}
	s := &apiServer{address: address}
	switch {
	case config.BearerTokenFile != "":
		s.token = transport.NewCachedFileTokenSource(config.BearerTokenFile)
	case config.BearerToken != "":
		s.token = oauth2.StaticTokenSource(&oauth2.Token{AccessToken: config.BearerToken})
	}
	own, err := roundTripper(config)
	if err != nil {
		return nil, err
	}
	// Whoever comes with a token of his own must not be helped by this agent's certificate.
	given, err := roundTripper(rest.AnonymousClientConfig(config))
	if err != nil {
		return nil, err
	}
	s.asAgent, s.asGiven = s.proxy(own, log), s.proxy(given, log)
	return s, nil
}

// roundTripper has connections of HTTP/1.1, the only kind that can be upgraded and on which no stream waits for another.
func roundTripper(config *rest.Config) (http.RoundTripper, error) {
	if config.ExecProvider != nil || config.AuthProvider != nil {
		return pluggedIn(config)
	}
	settings, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, fmt.Errorf("prepare the connection to the API server: %w", err)
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext: dialer.DialContext, DialTLSContext: secured(dialer, settings), Protocols: protocols,
		MaxIdleConnsPerHost: 256, IdleConnTimeout: 30 * time.Second, ResponseHeaderTimeout: answerTimeout,
		DisableCompression: true, MaxResponseHeaderBytes: 1 << 20, ReadBufferSize: 16 << 10, WriteBufferSize: 16 << 10,
	}, nil
}

// secured connects over TLS, in a way that bulk takes few system calls.
func secured(dialer *net.Dialer, settings *tls.Config) func(ctx context.Context, network, address string) (net.Conn, error) {
	if settings == nil {
		settings = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	settings.NextProtos = []string{"http/1.1"}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		of := settings
		if host, _, err := net.SplitHostPort(address); err == nil && of.ServerName == "" {
			of = of.Clone()
			of.ServerName = host
		}
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		return tunnel.Secure(ctx, conn, of)
	}
}

// pluggedIn lets client-go ask the programs that some kubeconfigs name for credentials.
func pluggedIn(config *rest.Config) (http.RoundTripper, error) {
	config = rest.CopyConfig(config)
	config.NextProtos = []string{"http/1.1"}
	way, err := rest.TransportFor(config)
	if err != nil {
		return nil, fmt.Errorf("prepare the connection to the API server: %w", err)
	}
	return way, nil
}

// close closes connections that nobody uses.
func (s *apiServer) close() {
	for _, way := range []http.RoundTripper{s.asAgent.Transport, s.asGiven.Transport} {
		if pool, ok := way.(*http.Transport); ok {
			pool.CloseIdleConnections()
		}
	}
}

// pass passes a caller's request on, until the end of ctx.
func (s *apiServer) pass(ctx context.Context, w http.ResponseWriter, r *http.Request, open *stream) {
	if open.as.Mode == caller.Token {
		s.passBy(ctx, s.asGiven, w, r, passage{})
		return
	}
	token, err := s.ownToken()
	if err != nil {
		refuse(w, refusalOf(ctx, err))
		return
	}
	s.passBy(ctx, s.asAgent, w, r, passage{open, token})
}

func (s *apiServer) passBy(ctx context.Context, by *httputil.ReverseProxy, w http.ResponseWriter, r *http.Request, with passage) {
	if plain(r) {
		s.relay(ctx, w, r, by.Transport, with)
		return
	}
	by.ServeHTTP(w, r.WithContext(context.WithValue(ctx, passageKey{}, with)))
}

// ownToken returns this agent's own token, empty when it shows a certificate.
func (s *apiServer) ownToken() (string, error) {
	if s.token == nil {
		return "", nil
	}
	found, err := s.token.Token()
	if err != nil {
		return "", unreachable("kube-aad-proxy has no token of its own for the API server: " + err.Error())
	}
	return found.AccessToken, nil
}

// passage is with what a request is passed on in the name of this agent; its zero value is for one that is not.
type passage struct {
	open  *stream
	token string
}

func (p passage) prepare(out http.Header) {
	if p.open != nil {
		p.open.as.headers.impersonate(out, p.open.level, p.token)
	}
}

type passageKey struct{}

func (s *apiServer) proxy(way http.RoundTripper, log *slog.Logger) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport: way, BufferPool: tunnel.Buffers{}, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = s.address.Scheme, s.address.Host, ""
			strip(r.Out.Header)
			with, _ := r.In.Context().Value(passageKey{}).(passage)
			with.prepare(r.Out.Header)
		},
		ModifyResponse: func(answer *http.Response) error {
			ctx := answer.Request.Context()
			with, _ := ctx.Value(passageKey{}).(passage)
			return with.answered(ctx, answer)
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { refuse(w, refusalOf(r.Context(), err)) },
	}
}
