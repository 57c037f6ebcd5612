package run

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6455 proves with it that a server speaks WebSocket; it guards nothing
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/fairlead/fairlead/doctor/probe/wire"
)

const (
	agent        = "fairlead-doctor-probe"
	webSocketKey = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // of RFC 6455
)

var errStatus = errors.New("the answer is not the wanted one")

// buffered is a connection of which some bytes have been read ahead.
type buffered struct {
	net.Conn
	ahead *bufio.Reader
}

func (b buffered) Read(p []byte) (int, error) { return b.ahead.Read(p) }

// connect asks the proxy for a tunnel.
func (w *walk) connect(_ context.Context, stage *wire.Stage) error {
	to := hostPort(w.url)
	request := fmt.Sprintf("CONNECT %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n%s\r\n", to, to, agent, w.authorization())
	answer, ahead, err := w.ask(request, stage)
	if err != nil {
		return fmt.Errorf("CONNECT %s: %w", to, err)
	}
	if answer.status < 200 || answer.status > 299 {
		w.body(ahead, stage)
		return fmt.Errorf("CONNECT %s: %w: the proxy says %d %s", to, errStatus, answer.status, plain(answer.words))
	}
	w.conn = buffered{w.conn, ahead}
	return nil
}

// get asks for the target's URL; any answer is good.
func (w *walk) get(_ context.Context, stage *wire.Stage) error {
	what, more := w.url.RequestURI(), ""
	if w.forwarded() {
		bare := url.URL{Scheme: w.url.Scheme, Host: w.url.Host, Path: w.url.Path, RawPath: w.url.RawPath, RawQuery: w.url.RawQuery}
		what, more = bare.String(), w.authorization()
	}
	request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: */*\r\nConnection: close\r\n%s\r\n", what, w.url.Host, agent, more)
	_, ahead, err := w.ask(request, stage)
	if err != nil {
		return fmt.Errorf("GET %s: %w", w.url.Redacted(), err)
	}
	w.body(ahead, stage)
	return nil
}

// upgrade asks for a WebSocket as browsers do, on HTTP/1.1.
func (w *walk) upgrade(_ context.Context, stage *wire.Stage) error {
	key := base64.StdEncoding.EncodeToString([]byte(rand.Text()[:16]))
	request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", w.url.RequestURI(), w.url.Host, agent, key)
	answer, ahead, err := w.ask(request, stage)
	if err != nil {
		return fmt.Errorf("upgrade %s to a WebSocket: %w", w.url.Redacted(), err)
	}
	accepted := answer.status == 101 && answer.header.Get("Sec-Websocket-Accept") == acceptFor(key)
	stage.Detail[wire.DetailAccepted] = fmt.Sprint(accepted)
	if accepted {
		return nil
	}
	if answer.status != 101 {
		w.body(ahead, stage)
	}
	return fmt.Errorf("upgrade %s to a WebSocket: %w: %d %s", w.url.Redacted(), errStatus, answer.status, plain(answer.words))
}

// ask sends a request and reads the answer's head, which is told in the stage.
func (w *walk) ask(request string, stage *wire.Stage) (head, *bufio.Reader, error) {
	if _, err := w.conn.Write([]byte(request)); err != nil {
		return head{}, nil, fmt.Errorf("send the request: %w", err)
	}
	ahead := bufio.NewReader(w.conn)
	answer, err := readAnswer(ahead)
	if err != nil {
		return head{}, nil, err
	}
	answer.tell(stage)
	return answer, ahead, nil
}

// body waits less for the body than for the head: it is an extra.
func (w *walk) body(ahead *bufio.Reader, stage *wire.Stage) {
	_ = w.conn.SetReadDeadline(time.Now().Add(min(grace, w.timeout)))
	readBody(ahead, stage)
}

func (w *walk) authorization() string {
	if w.proxy.User == nil {
		return ""
	}
	password, _ := w.proxy.User.Password()
	both := base64.StdEncoding.EncodeToString([]byte(w.proxy.User.Username() + ":" + password))
	return "Proxy-Authorization: Basic " + both + "\r\n"
}

func acceptFor(key string) string {
	sum := sha1.Sum([]byte(strings.TrimSpace(key) + webSocketKey)) //nolint:gosec // see the import
	return base64.StdEncoding.EncodeToString(sum[:])
}
