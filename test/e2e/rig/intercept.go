package rig

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Interceptor is a proxy that asks for a user and password, if it has one, ends TLS with an authority of its own, shows nobody a
// client certificate, and forbids connections to be upgraded.
type Interceptor struct {
	User, Password string
	Hub            *http.Client // trusts the hub

	Authority []byte // PEM

	url     url.URL
	pair    tls.Certificate
	mutex   sync.Mutex
	passed  map[string]int
	refused int
}

// Start serves on a free port of host until ctx ends.
func (p *Interceptor) Start(ctx context.Context, host string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return fmt.Errorf("start the proxy: %w", err)
	}
	if p.pair, p.Authority, err = Certify(host, "quay proxy"); err != nil {
		return err
	}
	p.passed = map[string]int{}
	p.url = url.URL{Scheme: "http", Host: listener.Addr().String()}
	if p.User != "" {
		p.url.User = url.UserPassword(p.User, p.Password)
	}
	server := &http.Server{Handler: http.HandlerFunc(p.serve), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return nil
}

// URL is what --proxy-https takes, with user and password.
func (p *Interceptor) URL() string { return p.url.String() }

// Passed says how many requests to target were handed on.
func (p *Interceptor) Passed(target string) int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.passed[target]
}

// Refused says how many requests asked for an upgrade.
func (p *Interceptor) Refused() int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.refused
}

func (p *Interceptor) serve(w http.ResponseWriter, r *http.Request) {
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(p.User+":"+p.Password))
	if r.Method != http.MethodConnect || p.User != "" && r.Header.Get("Proxy-Authorization") != want {
		w.Header().Set("Proxy-Authenticate", `Basic realm="quay"`)
		http.Error(w, "who are you?", http.StatusProxyAuthRequired)
		return
	}
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n")
	inside := tls.Server(near, &tls.Config{Certificates: []tls.Certificate{p.pair}, MinVersion: tls.VersionTLS12})
	defer inside.Close()
	p.relay(context.WithoutCancel(r.Context()), inside, r.Host)
}

// relay answers one request after the other. It speaks HTTP/1.1 only, as such proxies do.
func (p *Interceptor) relay(ctx context.Context, inside net.Conn, target string) {
	for reader := bufio.NewReader(inside); ; {
		request, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		if p.note(request, target) {
			_ = (&http.Response{StatusCode: http.StatusForbidden, ProtoMajor: 1, ProtoMinor: 1}).Write(inside)
			continue
		}
		onward, err := http.NewRequestWithContext(ctx, request.Method, "https://"+target+request.URL.RequestURI(), request.Body)
		if err != nil {
			return
		}
		onward.Header = request.Header
		answer, err := p.Hub.Do(onward)
		if err != nil {
			return
		}
		err = answer.Write(inside)
		_ = answer.Body.Close()
		if err != nil {
			return
		}
	}
}

// note counts a request and reports whether it is refused.
func (p *Interceptor) note(request *http.Request, target string) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if request.Header.Get("Upgrade") != "" {
		p.refused++
		return true
	}
	p.passed[target]++
	return false
}
