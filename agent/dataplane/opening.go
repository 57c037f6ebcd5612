package dataplane

import (
	"context"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
)

// opening lets one request at a time open a session's first connection, which the others can share when it is
// HTTP/2. Without it, heartbeat and long poll open one each, and one of both is thrown away: twice the work for a
// hub to which ten thousand clusters come back at once.
type opening struct {
	open atomic.Bool   // a connection was had, and no request has failed since
	turn chan struct{} // holds one
}

func newOpening() opening { return opening{turn: make(chan struct{}, 1)} }

// connected reports whether there was a connection lately.
func (o *opening) connected() bool { return o.open.Load() }

// lost notes that the connection has failed. A request that was given up says nothing of the kind.
func (o *opening) lost(ctx context.Context) {
	if ctx.Err() == nil {
		o.open.Store(false)
	}
}

// begin returns the context with which a request is to be made, once it is its turn. The caller must call done.
func (o *opening) begin(ctx context.Context) (with context.Context, done func(), err error) {
	if o.connected() {
		return ctx, func() {}, nil
	}
	select {
	case o.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx, nil, ctx.Err()
	}
	var once sync.Once
	done = func() { once.Do(func() { <-o.turn }) }
	if o.connected() {
		done()
		return ctx, func() {}, nil
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		o.open.Store(true)
		done()
	}}), done, nil
}
