package rig

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Proxy is an HTTP proxy that knows CONNECT only and asks for a user and password.
type Proxy struct {
	User, Password string

	server  *http.Server
	url     url.URL
	mutex   sync.Mutex
	opened  map[string]int  // accepted CONNECTs by target
	refused map[string]bool // targets
}

// Start serves on a free port of host until ctx ends.
func (p *Proxy) Start(ctx context.Context, host string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return fmt.Errorf("start the proxy: %w", err)
	}
	p.opened, p.refused = map[string]int{}, map[string]bool{}
	p.url = url.URL{Scheme: "http", User: url.UserPassword(p.User, p.Password), Host: listener.Addr().String()}
	p.server = &http.Server{Handler: http.HandlerFunc(p.serve), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = p.server.Serve(listener) }()
	context.AfterFunc(ctx, func() { _ = p.server.Close() })
	return nil
}

// URL is what --proxy-https takes, with user and password.
func (p *Proxy) URL() string { return p.url.String() }

// Opened says how many connections to target were let through.
func (p *Proxy) Opened(target string) int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.opened[target]
}

// Refuse lets nobody through to target, such as 192.0.2.1:443, from now on.
func (p *Proxy) Refuse(target string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.refused[target] = true
}

func (p *Proxy) refuses(target string) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.refused[target]
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(p.User+":"+p.Password))
	switch {
	case r.Method != http.MethodConnect:
		http.Error(w, "CONNECT only", http.StatusMethodNotAllowed)
	case r.Header.Get("Proxy-Authorization") != want:
		w.Header().Set("Proxy-Authenticate", `Basic realm="quay"`)
		http.Error(w, "who are you?", http.StatusProxyAuthRequired)
	case p.refuses(r.Host):
		http.Error(w, "not on the list", http.StatusForbidden)
	default:
		p.join(w, r)
	}
}

func (p *Proxy) join(w http.ResponseWriter, r *http.Request) {
	far, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(r.Context(), "tcp", r.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer far.Close()
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer near.Close()
	p.mutex.Lock()
	p.opened[r.Host]++
	p.mutex.Unlock()
	_, _ = io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n")
	exchange(near, far)
}

// exchange copies both ways until one side ends.
func exchange(near, far net.Conn) {
	done := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		go func() { _, _ = io.Copy(way[0], way[1]); done <- struct{}{} }()
	}
	<-done
}
