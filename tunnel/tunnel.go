// Package tunnel carries HTTP to a server that can only dial out: the server's side opens a WebSocket
// to the client's, and HTTP/2 runs on it with the roles reversed. It does not know what is proxied,
// nor who may (docs/adr/0019-cluster-connect.md).
package tunnel

import (
	"time"

	"github.com/fairlead/fairlead/tunnel/h2"
)

const (
	// UpgradeHeader on a POST through a tunnel names the protocol (a value of Upgrade) that the request is to be switched to
	// at the far end, with MethodHeader as its method. On the answer, status 200, it names the protocol that was chosen; bytes
	// then flow both ways. Any other status is the far end's refusal.
	UpgradeHeader = "Fairlead-Upgrade"
	// MethodHeader is the method of a request that travels as a POST.
	MethodHeader = "Fairlead-Method"
)

const (
	// FrameSize is the largest HTTP/2 frame: with the heads of frame and message it fills four records of TLS.
	FrameSize = 64<<10 - frameHead - maxHead
	frameHead = 9 // of HTTP/2

	maxHeaders = 1 << 20 // of a request or of an answer
	maxStreams = 10_000  // that a tunnel carries at once, watches among them
	// What may be under way on a stream, and what one that nobody reads holds. At 40 ms that is 50 MB/s at most.
	streamWindow = 2 << 20
	// Never what stops a stream: a few readers that have stalled would stop the whole cluster.
	connectionWindow = 1 << 30

	// A cut cable is noticed within pingAfter and pingTimeout.
	pingAfter        = 10 * time.Second
	pingTimeout      = 5 * time.Second
	writeByteTimeout = 30 * time.Second
	closeTimeout     = time.Second // for a peer that is told of the end
)

// agreed is what both ends agree on.
func agreed() h2.Config {
	return h2.Config{
		MaxStreams: maxStreams, FrameSize: FrameSize, StreamWindow: streamWindow, ConnWindow: connectionWindow, HeaderSize: maxHeaders,
		PingAfter: pingAfter, PingTimeout: pingTimeout, WriteTimeout: writeByteTimeout,
	}
}
