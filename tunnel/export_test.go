package tunnel

import (
	"context"
	"net"
	"net/http"
)

// NewConn is a WebSocket on a connection, without the handshake.
func NewConn(under net.Conn, client bool) *Conn { return newConn(under, nil, client) }

// StreamWindow is what may be under way on a stream that nobody reads.
const StreamWindow = streamWindow

// MaxMessage is the largest message that is sent.
const MaxMessage = maxMessage

// Upgrading is a handler of requests that are to be upgraded.
func Upgrading(handler http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { serveUpgrade(handler, w, r) }
}

// Shake is a handshake on a connection that is there.
func (d *Dialer) Shake(ctx context.Context, under net.Conn) (*Conn, error) {
	return d.handshake(ctx, under)
}

// Wire is what a listener makes of a connection.
func Wire(conn net.Conn) net.Conn { return &wire{Conn: conn} }
