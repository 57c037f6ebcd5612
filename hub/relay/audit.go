package relay

import (
	"context"
	"io"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/hub/access"
)

// Request is one request of a caller whom the hub knows, for the API server of a cluster.
type Request struct {
	ID      string // by which the answer, the logs of both ends and traces name it
	At      time.Time
	Caller  access.Principal
	Mode    caller.Mode
	Cluster fairlead.ResourceID
	// Method, Path and Query are as the API server gets them; the path is escaped as it was sent.
	Method, Path, Query string
	// Upgrade is the protocol that the caller wants to switch to, such as websocket or SPDY/3.1; mostly empty.
	Upgrade             string
	ClientIP, UserAgent string
	// Refused says that the request goes nowhere, and is only to be written down.
	Refused bool
}

// Ending is how a request went. Status is that of the answer, 0 when there was none, 101 for an upgrade. Reason is empty
// for what went well, and otherwise one of few words.
type Ending struct {
	Status            int
	Reason            string
	BytesIn, BytesOut int64 // of bodies and upgraded streams, from the caller and to the caller
}

// Auditor is told of every request before it is sent on, of those that are refused too. An error refuses the request:
// what cannot be written down does not happen. The function that is returned is called once, when all is over.
type Auditor interface {
	Begin(ctx context.Context, request Request) (end func(Ending), err error)
}

// Session is what a request has been upgraded to. Protocol is the value of Upgrade, Subprotocol what was agreed within it.
type Session struct {
	Request

	Protocol, Subprotocol string
}

// Recorder sees the bytes of upgraded streams: what is read from stream goes to the caller, what is written to it comes
// from the caller. It returns the stream to use instead, stream itself when there is nothing to record. An error ends the
// session before a byte has passed.
type Recorder interface {
	Record(ctx context.Context, session Session, stream io.ReadWriteCloser) (io.ReadWriteCloser, error)
}
