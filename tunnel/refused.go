package tunnel

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Reason says who refused a WebSocket, as far as the dialing side can tell.
type Reason string

// The reasons.
const (
	ByServer Reason = "server" // it answered by itself, with an error document
	ByProxy  Reason = "proxy"  // the proxy does not connect to the server
	Stripped Reason = "strip"  // the server is there, but the wish for a WebSocket does not come through
	Silent   Reason = "silent" // TLS works, but there is no answer
)

// maxRefusal is how much of an answer is kept.
const maxRefusal = 4 << 10

// Refused is a handshake that did not end in a WebSocket.
type Refused struct {
	Reason Reason
	Status int // 0 if there was no answer
	Header http.Header
	Body   []byte // its first 4 KiB
	Code   string // of the server's error document
	cause  error
}

func (r *Refused) Error() string {
	switch r.Reason {
	case ByServer:
		return fmt.Sprintf("the server refuses the WebSocket: %d %s", r.Status, r.Code)
	case ByProxy:
		return fmt.Sprintf("the proxy does not connect to the server: %d %s", r.Status, http.StatusText(r.Status))
	case Silent:
		return fmt.Sprintf("the connection works, but the change to a WebSocket gets no answer: %v", r.cause)
	case Stripped:
	}
	return fmt.Sprintf("the change to a WebSocket is answered with %d by something on the way", r.Status)
}

// Unwrap returns the cause of a Silent one.
func (r *Refused) Unwrap() error { return r.cause }

// classify tells the server's own refusals from those of others by their form, and from a request of which only the wish
// for a WebSocket was lost: to that one the server says UpgradeRequired.
func (r *Refused) classify() {
	var document struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	r.Reason = Stripped
	if json.Unmarshal(r.Body, &document) == nil && document.Error.Code != "" && r.Status != http.StatusUpgradeRequired {
		r.Reason, r.Code = ByServer, printable([]byte(document.Error.Code))
	}
}
