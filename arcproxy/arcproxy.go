// Package arcproxy is the end of cluster connect on a person's machine: a listener on 127.0.0.1 by which programs that cannot
// sign in at a hub reach the API servers of connected clusters, and the program arcProxy that the az client runs for the
// same. It hands out a credential of its own for each cluster, lets in nobody without, and speaks for whoever runs it at the hub.
// It knows nothing of what a request means to Kubernetes, and decides nothing: the hub and the cluster do.
package arcproxy

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/fairlead/fairlead"
)

const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 5 * time.Minute
	// The patience is how long requests under way may take to end when the proxy does.
	endPatience = 3 * time.Second
)

// Proxy is a local listener for any number of clusters. Its methods may be used by several goroutines.
type Proxy struct {
	log      *slog.Logger
	identity *identity

	mutex    sync.RWMutex
	clusters map[string]*cluster // by Hash

	ended    bool
	requests sync.WaitGroup
}

// Access is what a kubeconfig needs to reach a cluster by a proxy. Path goes after https://127.0.0.1:PORT.
type Access struct {
	Path      string
	Authority []byte // PEM
	Token     string
}

// New returns a proxy with a certificate and an authority of its own, which are never written to disk.
func New(log *slog.Logger, now func() time.Time) (*Proxy, error) {
	made, err := newIdentity(now())
	if err != nil {
		return nil, fmt.Errorf("make the local proxy's certificate: %w", err)
	}
	return &Proxy{log: log, identity: made, clusters: map[string]*cluster{}}, nil
}

// Hash is how proxies of this machine name a cluster, as the az client does.
func Hash(id fairlead.ResourceID) string {
	sum := sha256.Sum256([]byte(strings.ToLower(id.String())))
	return hex.EncodeToString(sum[:])
}

// Add makes a cluster reachable, or changes the way to one that is: its kubeconfig stays good.
func (p *Proxy) Add(id fairlead.ResourceID, way Upstream) Access {
	hash := Hash(id)
	p.mutex.Lock()
	defer p.mutex.Unlock()
	known := p.clusters[hash]
	if known == nil {
		known = newCluster(p.log, rand.Text())
		p.clusters[hash] = known
	}
	known.change(way)
	return Access{Path: "/" + hash, Authority: p.identity.authority, Token: known.token}
}

func (p *Proxy) cluster(hash string) *cluster {
	p.mutex.RLock()
	defer p.mutex.RUnlock()
	return p.clusters[hash]
}

// ServeHTTP passes a request on to the cluster that its path begins with.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	hash, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	path = "/" + path
	if !p.enter() {
		refuse(w, r, path, failure(http.StatusServiceUnavailable, "ServiceUnavailable", "this proxy is ending"))
		return
	}
	defer p.requests.Done()
	known := p.cluster(hash)
	switch {
	case known == nil:
		refuse(w, r, path, failure(http.StatusNotFound, "NotFound", "this proxy knows no cluster of that address: use the kubeconfig that it has written"))
	case !known.admits(r.Header.Get("Authorization")):
		refuse(w, r, path, failure(http.StatusUnauthorized, "Unauthorized", "this proxy is for whoever has the kubeconfig that it has written, with the credential in it"))
	default:
		http.StripPrefix("/"+hash, known).ServeHTTP(w, r)
	}
}

// enter counts a request, unless the proxy has ended.
func (p *Proxy) enter() bool {
	p.mutex.RLock()
	defer p.mutex.RUnlock()
	if p.ended {
		return false
	}
	p.requests.Add(1)
	return true
}

// Serve answers on a listener until ctx ends; streams that are open then are closed, and all is over when it returns.
func (p *Proxy) Serve(ctx context.Context, listener net.Listener) error {
	return p.serve(ctx, tls.NewListener(listener, p.identity.settings()), p)
}

// serve is Serve for any handler, on a listener that does TLS itself or needs none.
func (p *Proxy) serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	// Requests are cancelled only after those under way had a moment to end.
	working, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: 1 << 20,
		BaseContext: func(net.Listener) context.Context { return working }, ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case <-ctx.Done():
		p.end(ctx, server, cancel)
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	case err := <-served:
		p.end(ctx, server, cancel)
		return err
	}
}

// end ends what is under way: streams at once, since they would go on for ever, all else after a moment.
func (p *Proxy) end(ctx context.Context, server *http.Server, cancel func()) {
	patient, done := context.WithTimeout(context.WithoutCancel(ctx), endPatience)
	defer done()
	p.mutex.RLock()
	for _, known := range p.clusters {
		known.endStreams()
	}
	p.mutex.RUnlock()
	_ = server.Shutdown(patient) // what has not ended by now is ended below
	cancel()
	_ = server.Close() // the listener is closed already
	p.mutex.Lock()
	p.ended = true
	p.mutex.Unlock()
	p.requests.Wait()
	for _, known := range p.clusters {
		known.close()
	}
}
