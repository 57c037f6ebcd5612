package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/rancher/remotedialer"
	"github.com/sirupsen/logrus"
)

const (
	clientHeader = "X-Client"
	theClient    = "far"
	connectPath  = "/connect"
)

// playRemoteDialerHub DIR TARGET WAY: a hub whose tunnel is remotedialer's, used by a transport of Rancher's kind or a pooled
// one. Its address serves clusters and callers.
func playRemoteDialerHub(ctx context.Context, args []string, out io.Writer) error {
	logrus.SetOutput(io.Discard)
	dir, target, way := args[0], args[1], args[2]
	trust, err := trustIn(dir)
	if err != nil {
		return err
	}
	pair, err := pairIn(dir)
	if err != nil {
		return err
	}
	var connected atomic.Int64
	tunnels := remotedialer.New(func(r *http.Request) (string, bool, error) {
		connected.Add(1)
		return r.Header.Get(clientHeader), true, nil
	}, remotedialer.DefaultErrorWriter)
	transport := func(client string) *http.Transport {
		through := tunnels.Dialer(client)
		if way == "rancher" {
			return &http.Transport{DialContext: through, TLSClientConfig: trust, DisableCompression: true}
		}
		return pooled(trust, through)
	}
	mux := http.NewServeMux()
	mux.Handle(connectPath, tunnels)
	mux.Handle("/", reverseProxy(target, transport(theClient)))
	mux.Handle("/herd/", herdProxy(target, transport))
	mux.HandleFunc("/connected", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, connected.Load()) })
	mux.HandleFunc("/usage", tellUsage)
	listener, err := listen(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, listener.Addr())
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0), TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13},
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	return server.ServeTLS(listener, "", "")
}

// herdProxy sends /herd/CLIENT/… to that client, with a transport for each that is kept.
func herdProxy(target string, transport func(string) *http.Transport) http.Handler {
	var mu sync.Mutex
	kept := map[string]http.Handler{}
	of := func(client string) http.Handler {
		mu.Lock()
		defer mu.Unlock()
		if kept[client] == nil {
			kept[client] = http.StripPrefix("/herd/"+client, reverseProxy(target, transport(client)))
		}
		return kept[client]
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/herd/{client}/", func(w http.ResponseWriter, r *http.Request) { of(r.PathValue("client")).ServeHTTP(w, r) })
	return mux
}

// playRemoteDialerAgent DIR HUB.
func playRemoteDialerAgent(ctx context.Context, args []string, out io.Writer) error {
	logrus.SetOutput(io.Discard)
	once := sync.OnceFunc(func() { fmt.Fprintln(out, "connected") })
	return dialRemotely(ctx, args[0], args[1], theClient, once)
}

func dialRemotely(ctx context.Context, dir, hub, name string, connected func()) error {
	trust, err := trustIn(dir)
	if err != nil {
		return err
	}
	trust.NextProtos = []string{"http/1.1"}
	dialer := &websocket.Dialer{TLSClientConfig: trust, HandshakeTimeout: startLimit}
	return remotedialer.ConnectToProxy(ctx, "wss://"+hub+connectPath, http.Header{clientHeader: {name}},
		func(string, string) bool { return true }, dialer, func(context.Context, *remotedialer.Session) error { connected(); return nil })
}

// playRemoteDialerHerd DIR HUB COUNT: so many clusters.
func playRemoteDialerHerd(ctx context.Context, args []string, out io.Writer) error {
	logrus.SetOutput(io.Discard)
	return playHerd(ctx, args[2], out, func(ctx context.Context, number int, connected func()) error {
		return dialRemotely(ctx, args[0], args[1], strconv.Itoa(number), connected)
	})
}

// playHerd holds many tunnels, and says so when the last has come.
func playHerd(ctx context.Context, count string, out io.Writer, one func(context.Context, int, func()) error) error {
	many, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	ready := make(chan struct{}, many)
	turns := make(chan struct{}, 16) // so many connect at a time
	for number := range many {
		all.Go(func() {
			turns <- struct{}{}
			leave := sync.OnceFunc(func() { <-turns })
			defer leave()
			if err := one(ctx, number, sync.OnceFunc(func() { leave(); ready <- struct{}{} })); err != nil {
				cancel(err)
			}
		})
	}
	for range many {
		select {
		case <-ready:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	fmt.Fprintln(out, "connected")
	all.Wait()
	return nil
}

func startRemoteDialer(way string) starter {
	return func(ctx context.Context, b *bench, over hop) (*running, error) {
		hub, err := b.start(ctx, "rd-hub", b.dir, b.backend.address, way)
		if err != nil {
			return nil, err
		}
		address, err := over(ctx, hub.address)
		if err != nil {
			return nil, err
		}
		agent, err := b.start(ctx, "rd-agent", b.dir, address)
		if err != nil {
			return nil, err
		}
		r := &running{base: "https://" + hub.address, hub: []int{hub.PID}, agent: []int{agent.PID}}
		r.herd = func(ctx context.Context, count int) (*process, error) {
			return b.start(ctx, "rd-herd", b.dir, hub.address, strconv.Itoa(count))
		}
		r.herdPath = func(number int) string { return "/herd/" + strconv.Itoa(number) }
		r.usage = func(ctx context.Context) (usage, error) { return askUsage(ctx, b, "https://"+hub.address+"/usage") }
		return r, nil
	}
}
