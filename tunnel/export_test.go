package tunnel

import "net"

// NewConn is a WebSocket on a connection, without the handshake.
func NewConn(under net.Conn, client bool) *Conn { return newConn(under, nil, client) }

// StreamWindow is what may be under way on a stream that nobody reads.
const StreamWindow = streamWindow

// MaxMessage is the largest message that is sent.
const MaxMessage = maxMessage
