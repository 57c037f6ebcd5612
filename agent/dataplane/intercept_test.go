package dataplane_test

import (
	"bufio"
	"crypto/tls"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead/fairlead/agent/settings"
)

// interceptor is a proxy that ends TLS with an authority of its own, shows the hub no certificate, and refuses
// to upgrade connections.
type interceptor struct {
	*httptest.Server

	authority []byte
	seen      atomic.Int32
	upgrades  atomic.Int32
}

func newInterceptor(t *testing.T, to *httptest.Server) *interceptor {
	t.Helper()
	i := &interceptor{}
	var pair *tls.Certificate
	i.authority, pair = serverCA(t)
	onward := to.Client()
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		near, _, err := w.(http.Hijacker).Hijack()
		if err != nil || r.Method != http.MethodConnect {
			t.Error(r.Method, err)
			return
		}
		_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
		go i.serve(tls.Server(near, &tls.Config{Certificates: []tls.Certificate{*pair}, MinVersion: tls.VersionTLS12}), onward, to.URL)
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *interceptor) serve(near *tls.Conn, onward *http.Client, hub string) {
	defer func() { _ = near.Close() }()
	for reader := bufio.NewReader(near); ; {
		request, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		i.seen.Add(1)
		if request.Header.Get("Upgrade") != "" || request.Header.Get("Connection") == "Upgrade" {
			i.upgrades.Add(1)
			_ = (&http.Response{StatusCode: http.StatusForbidden, ProtoMajor: 1, ProtoMinor: 1}).Write(near)
			continue
		}
		forwarded, err := http.NewRequest(request.Method, hub+request.URL.RequestURI(), request.Body)
		if err != nil {
			return
		}
		forwarded.Header = request.Header
		answer, err := onward.Do(forwarded)
		if err != nil {
			return
		}
		_ = answer.Write(near)
		_ = answer.Body.Close()
	}
}

// Behind a proxy that reads everything, the cluster is known by its signature: the hub sees no certificate of it.
func TestProxyThatEndsTLS(t *testing.T) {
	key := onboarding(t)
	check := verified(t, key, time.Now)
	hub := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) > 0 {
			t.Error("a certificate came through")
		}
		check(w, r)
	}))
	defer hub.Close()
	proxy := newInterceptor(t, hub)
	s := settings.Settings{HubURL: "https://hub.example.org:8443"} // loopback is never proxied
	s.HubCA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: hub.Certificate().Raw})
	s.Proxy.HTTPS = proxy.URL
	if _, err := client(t, s).Certificate(t.Context(), key, nil); err == nil {
		t.Error("a proxy was trusted whose authority nobody gave")
	}
	s.Proxy.CA = proxy.authority
	if _, err := client(t, s).Certificate(t.Context(), key, nil); err != nil {
		t.Fatal(err)
	}
	if proxy.seen.Load() == 0 || proxy.upgrades.Load() > 0 {
		t.Errorf("%d requests through the proxy, %d asked for an upgrade, which such proxies refuse", proxy.seen.Load(), proxy.upgrades.Load())
	}
}
