package dataplane

import (
	"context"
	"crypto/tls"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// How long a connection may go on being opened after the request for which that was begun was given up.
	openingLeash = dialTimeout + handshakeTimeout
	// Between the end of a handshake and the moment at which others can use the connection.
	openingSettle = 100 * time.Millisecond
)

// opening lets one request at a time open a session's first connection, which the others can share when it is
// HTTP/2. Without it, heartbeat and long poll open one each, and one of both is thrown away: twice the work for a
// hub to which ten thousand clusters come back at once.
type opening struct {
	open atomic.Bool   // a connection was had, and no request has failed since
	turn chan struct{} // holds one

	mu       sync.Mutex
	silentAt time.Time // when a request was given up after which nothing was heard, zero if anything was
}

// connected reports whether there was a connection lately.
func (o *opening) connected() bool { return o.open.Load() }

// lost notes that the connection has failed. A request that was given up says nothing of the kind.
func (o *opening) lost(ctx context.Context) {
	if ctx.Err() == nil {
		o.open.Store(false)
	}
}

// heard notes an answer: the connection is good.
func (o *opening) heard() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.silentAt = time.Time{}
}

// gaveUp notes that a request which began at started was given up, and reports whether it was the second in a row. One
// alone is what a busy hub looks like, and to come back to that on a new connection makes it busier still.
func (o *opening) gaveUp(started time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.silentAt.IsZero() {
		o.silentAt = time.Now()
		return false
	}
	return !started.Before(o.silentAt)
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
	end := sync.OnceFunc(func() { <-o.turn })
	if o.connected() {
		end()
		return ctx, func() {}, nil
	}
	return httptrace.WithClientTrace(ctx, o.follow(end)), func() {
		if ctx.Err() == nil {
			end()
			return
		}
		// The connection goes on being opened, and another one beside it would come no sooner.
		time.AfterFunc(openingLeash, end)
	}, nil
}

// follow ends a turn when a connection was opened or could not be.
func (o *opening) follow(end func()) *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) {
			o.open.Store(true)
			end()
		},
		ConnectDone: func(_, _ string, err error) {
			if err != nil {
				end()
			}
		},
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err != nil {
				end()
				return
			}
			time.AfterFunc(openingSettle, end)
		},
	}
}
