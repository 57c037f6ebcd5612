package run

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"

	"github.com/fairlead/fairlead/doctor/probe/wire"
)

const notTried = "not tried: the time for the whole plan ran out"

// walk is the way to one target: where it goes, and the connection as far as it stands.
type walk struct {
	Runner
	target   wire.Target
	url      *url.URL
	proxy    *url.URL // nil without one
	files    wire.Resolver
	timeout  time.Duration
	resolved []netip.Addr
	conn     net.Conn
	result   wire.TargetResult
}

// step is a stage that is still to come.
type step struct {
	name wire.StageName
	do   func(context.Context, *wire.Stage) error
}

func (r Runner) follow(ctx context.Context, target wire.Target, files wire.Resolver, timeout time.Duration) wire.TargetResult {
	w := &walk{Runner: r, target: target, files: files, timeout: timeout}
	w.result = wire.TargetResult{Name: target.Name, URL: target.URL, Kind: target.Kind}
	if err := w.prepare(); err != nil {
		w.result.Error = err.Error()
		return w.result
	}
	if over(ctx) {
		w.result.Error = notTried
		return w.result
	}
	defer func() {
		if w.conn != nil {
			_ = w.conn.Close()
		}
	}()
	for _, next := range w.steps() {
		if !w.take(ctx, next) {
			break
		}
	}
	return w.result
}

// over reports whether there is no time left. The context itself may say so a moment later than its deadline.
func over(ctx context.Context) bool {
	deadline, limited := ctx.Deadline()
	return ctx.Err() != nil || limited && time.Until(deadline) <= 0
}

func (w *walk) prepare() error {
	parsed, err := url.Parse(w.target.URL)
	if err != nil || parsed.Hostname() == "" || parsed.Scheme != "https" && parsed.Scheme != "http" {
		return fmt.Errorf("the target's URL %q is not https://HOST[:PORT]/PATH", w.target.URL)
	}
	w.url = parsed
	switch w.target.Kind {
	case wire.HTTP, wire.TLS, wire.WebSocket:
	default:
		return fmt.Errorf("the target's kind %q is none of http, tls, websocket", w.target.Kind)
	}
	if w.target.Proxy == "" {
		return nil
	}
	// What url.Parse says about it may hold the proxy's password.
	w.proxy, err = url.Parse(w.target.Proxy)
	if err != nil || w.proxy.Hostname() == "" || w.proxy.Scheme != "https" && w.proxy.Scheme != "http" {
		return errors.New("the proxy's URL is not http://[USER:PASSWORD@]HOST:PORT")
	}
	w.result.Proxy = w.proxy.Redacted()
	return nil
}

func (w *walk) steps() []step {
	var steps []step
	if _, err := netip.ParseAddr(w.first().Hostname()); err != nil {
		steps = append(steps, step{wire.StageDNS, w.dns})
	}
	steps = append(steps, step{wire.StageTCP, w.tcp})
	if w.proxy != nil && w.proxy.Scheme == "https" {
		steps = append(steps, step{wire.StageProxyTLS, w.proxyTLS})
	}
	if w.proxy != nil && !w.forwarded() {
		steps = append(steps, step{wire.StageConnect, w.connect})
	}
	if w.url.Scheme == "https" || w.target.Kind == wire.TLS {
		steps = append(steps, step{wire.StageTLS, w.tls})
	}
	switch w.target.Kind {
	case wire.HTTP:
		steps = append(steps, step{wire.StageHTTP, w.get})
	case wire.WebSocket:
		steps = append(steps, step{wire.StageWebSocket, w.upgrade})
	case wire.TLS:
	}
	return steps
}

// take runs one stage in its time and reports whether there is a way on.
func (w *walk) take(ctx context.Context, next step) bool {
	started := time.Now()
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	if w.conn != nil {
		deadline, _ := ctx.Deadline()
		_ = w.conn.SetDeadline(deadline)
		stop := context.AfterFunc(ctx, func() { _ = w.conn.SetDeadline(time.Unix(1, 0)) })
		defer stop()
	}
	stage := wire.Stage{Name: next.name, Detail: map[string]string{}}
	err := next.do(ctx, &stage)
	stage.OK, stage.Millis = err == nil, time.Since(started).Milliseconds()
	if err != nil {
		stage.Error, stage.Reason = err.Error(), reason(err)
	}
	w.result.Stages = append(w.result.Stages, stage)
	return err == nil || errors.Is(err, errUntrusted)
}

// first is where the connection goes: to the proxy, or straight.
func (w *walk) first() *url.URL {
	if w.proxy != nil {
		return w.proxy
	}
	return w.url
}

// forwarded reports whether the proxy is to send the request on itself, as is done for plain HTTP.
func (w *walk) forwarded() bool {
	return w.proxy != nil && w.url.Scheme == "http" && w.target.Kind == wire.HTTP
}

// hostPort is the address of a URL with the port of its scheme where it has none.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}
