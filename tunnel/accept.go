package tunnel

import (
	"crypto/sha1" //nolint:gosec // RFC 6455 asks for it, and nothing rests on it
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	webSocket    = "websocket"
	keyLength    = 16
	keySuffix    = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	version      = "13"
	writeTimeout = 10 * time.Second
)

// acceptOf answers the key of a handshake.
func acceptOf(key string) string {
	sum := sha1.Sum([]byte(key + keySuffix)) //nolint:gosec // as above
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Accept makes a WebSocket of a request. If it cannot, it has answered the request, and the error is for the log: with
// status 426 and code UpgradeRequired, by which the dialing side knows that its Upgrade was lost on the way.
func Accept(w http.ResponseWriter, r *http.Request) (*Conn, error) {
	if err := checkHandshake(r); err != nil {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", webSocket)
		w.Header().Set("Sec-Websocket-Version", version)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUpgradeRequired)
		_, _ = fmt.Fprintf(w, `{"error":{"code":"UpgradeRequired","message":%q}}`, err.Error()) // the client is gone if this fails
		return nil, err
	}
	under, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "this connection cannot become a WebSocket", http.StatusInternalServerError)
		return nil, fmt.Errorf("take over the connection: %w", err)
	}
	answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		acceptOf(r.Header.Get("Sec-Websocket-Key")) + "\r\n\r\n"
	_ = under.SetDeadline(time.Now().Add(writeTimeout))
	if _, err := under.Write([]byte(answer)); err != nil {
		_ = under.Close()
		return nil, fmt.Errorf("answer the handshake: %w", err)
	}
	_ = under.SetDeadline(time.Time{})
	return newConn(under, earlyIn(buffered.Reader), false), nil
}

func checkHandshake(r *http.Request) error {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-Websocket-Key"))
	switch {
	case r.Method != http.MethodGet || r.ProtoMajor != 1 || r.ContentLength != 0:
		return errors.New("a WebSocket begins with a GET over HTTP/1.1 and without a body")
	case !hasToken(r.Header, "Connection", "upgrade") || !hasToken(r.Header, "Upgrade", webSocket):
		return errors.New("the request does not ask for a WebSocket; something on the way may have removed that")
	case r.Header.Get("Sec-Websocket-Version") != version:
		return errors.New("the WebSocket is of another version than " + version)
	case err != nil || len(key) != keyLength:
		return errors.New("the key of the WebSocket is malformed")
	}
	return nil
}

// hasToken reports whether a comma-separated header holds a word, in any case.
func hasToken(header http.Header, name, word string) bool {
	for _, line := range header.Values(name) {
		for token := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(token), word) {
				return true
			}
		}
	}
	return false
}
