package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	"github.com/fairlead/fairlead/test/tunnelfaults/apiserver"
	"github.com/fairlead/fairlead/test/tunnelfaults/link"
)

// The link of row wan.
const (
	wanDelay = 20 * time.Millisecond
	wanRate  = 25_000_000
)

func listen(ctx context.Context) (net.Listener, error) {
	return (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
}

// playBackend DIR: the API server.
func playBackend(ctx context.Context, args []string, out io.Writer) error {
	pair, err := pairIn(args[0])
	if err != nil {
		return err
	}
	listener, err := listen(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, listener.Addr())
	return (&apiserver.Server{}).Serve(ctx, listener, pair)
}

// playLink TARGET: a link of 40 ms and 25 MB/s.
func playLink(ctx context.Context, args []string, out io.Writer) error {
	l, err := link.Open(ctx, args[0])
	if err != nil {
		return err
	}
	defer l.Close()
	l.Set(link.Shape{Delay: wanDelay, Rate: wanRate})
	fmt.Fprintln(out, l.Address())
	<-ctx.Done()
	return nil
}

// playProxy DIR TARGET: one plain reverse proxy.
func playProxy(ctx context.Context, args []string, out io.Writer) error {
	trust, err := trustIn(args[0])
	if err != nil {
		return err
	}
	return serveProxy(ctx, args[0], args[1], pooled(trust, nil), out)
}

type dial = func(ctx context.Context, network, address string) (net.Conn, error)

// pooled is a transport that keeps its connections.
func pooled(trust *tls.Config, through dial) *http.Transport {
	config := trust.Clone()
	config.NextProtos = []string{"http/1.1"}
	return &http.Transport{
		TLSClientConfig: config, DialContext: through, MaxIdleConns: 4096, MaxIdleConnsPerHost: 4096, DisableCompression: true,
		ReadBufferSize: 64 << 10, WriteBufferSize: 64 << 10,
	}
}

// serveProxy is a hub without a tunnel, or before one.
func serveProxy(ctx context.Context, dir, target string, way http.RoundTripper, out io.Writer) error {
	listener, err := listen(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, listener.Addr())
	return serveProxyOn(ctx, listener, dir, target, way)
}

func serveProxyOn(ctx context.Context, listener net.Listener, dir, target string, way http.RoundTripper) error {
	pair, err := pairIn(dir)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: reverseProxy(target, way), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13},
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	return server.ServeTLS(listener, "", "")
}

func reverseProxy(target string, way http.RoundTripper) http.Handler {
	to := &url.URL{Scheme: "https", Host: target}
	return &httputil.ReverseProxy{
		Transport: way, FlushInterval: -1, BufferPool: &buffers{}, ErrorLog: log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
	}
}

// buffers are of 64 KiB, as ours are.
type buffers struct{ pool sync.Pool }

// Get implements httputil.BufferPool.
func (b *buffers) Get() []byte {
	if made, ok := b.pool.Get().(*[64 << 10]byte); ok {
		return made[:]
	}
	return new([64 << 10]byte)[:]
}

// Put implements httputil.BufferPool.
func (b *buffers) Put(one []byte) { b.pool.Put((*[64 << 10]byte)(one)) }

func startDirect(ctx context.Context, b *bench, over hop) (*running, error) {
	address, err := over(ctx, b.backend.address)
	return &running{base: "https://" + address}, err
}

func startOneProxy(ctx context.Context, b *bench, over hop) (*running, error) {
	target, err := over(ctx, b.backend.address)
	if err != nil {
		return nil, err
	}
	p, err := b.start(ctx, "proxy", b.dir, target)
	if err != nil {
		return nil, err
	}
	return &running{base: "https://" + p.address, hub: []int{p.PID}}, nil
}

func startTwoHops(ctx context.Context, b *bench, over hop) (*running, error) {
	near, err := b.start(ctx, "proxy", b.dir, b.backend.address)
	if err != nil {
		return nil, err
	}
	target, err := over(ctx, near.address)
	if err != nil {
		return nil, err
	}
	p, err := b.start(ctx, "proxy", b.dir, target)
	if err != nil {
		return nil, err
	}
	return &running{base: "https://" + p.address, hub: []int{p.PID}, agent: []int{near.PID}}, nil
}
