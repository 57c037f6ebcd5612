package aadproxy

import (
	"context"
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
	"github.com/fairlead/fairlead/dataaction"
	"github.com/fairlead/fairlead/tunnel"
)

// answerTimeout is far longer than the API server takes itself; services behind it may take their time.
const answerTimeout = 10 * time.Minute

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
	s.asAgent = s.proxy(own, log, func(out http.Header, with passage) { with.headers.impersonate(out, with.level, with.token) })
	s.asGiven = s.proxy(given, log, func(http.Header, passage) {})
	return s, nil
}

// roundTripper has connections of HTTP/1.1, the only kind that can be upgraded and on which no stream waits for another.
func roundTripper(config *rest.Config) (http.RoundTripper, error) {
	if config.ExecProvider != nil || config.AuthProvider != nil {
		return pluggedIn(config)
	}
	tls, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, fmt.Errorf("prepare the connection to the API server: %w", err)
	}
	if tls != nil {
		tls.NextProtos = []string{"http/1.1"}
	}
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext: (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext, TLSClientConfig: tls, TLSHandshakeTimeout: 5 * time.Second,
		Protocols: protocols, MaxIdleConnsPerHost: 256, IdleConnTimeout: 30 * time.Second, ResponseHeaderTimeout: answerTimeout,
		DisableCompression: true, MaxResponseHeaderBytes: 1 << 20, ReadBufferSize: 16 << 10, WriteBufferSize: 16 << 10,
	}, nil
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

// pass passes a caller's request on.
func (s *apiServer) pass(w http.ResponseWriter, r *http.Request, from *stated, level dataaction.Level) {
	if from.Mode == caller.Token {
		s.asGiven.ServeHTTP(w, r)
		return
	}
	token, err := s.ownToken()
	if err != nil {
		refuse(w, refusalOf(r.Context(), err))
		return
	}
	with := passage{headers: from.headers, level: level, token: token}
	s.asAgent.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), passageKey{}, with)))
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

// passage is with what a request is passed on in the name of this agent.
type passage struct {
	headers headers
	level   dataaction.Level
	token   string
}

type passageKey struct{}

func (s *apiServer) proxy(
	way http.RoundTripper, log *slog.Logger, prepare func(http.Header, passage),
) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport: way, BufferPool: tunnel.Buffers{}, FlushInterval: -1, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = s.address.Scheme, s.address.Host, ""
			strip(r.Out.Header)
			with, _ := r.In.Context().Value(passageKey{}).(passage)
			prepare(r.Out.Header, with)
		},
		ModifyResponse: func(answer *http.Response) error {
			stripAnswer(answer.Header)
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { refuse(w, refusalOf(r.Context(), err)) },
	}
}
