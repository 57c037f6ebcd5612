package tunnel

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	connectTimeout   = 10 * time.Second
	handshakeTimeout = 20 * time.Second
	readBuffer       = 4 << 10
	maxAnswer        = 64 << 10 // its head, and what of its body is kept
)

// Dialer opens WebSockets to one server.
type Dialer struct {
	URL    string // https, or http in tests
	Header http.Header
	// Sign is called on each request before it is sent; nil signs nothing.
	Sign func(*http.Request) error
	// TLS is for the server, and for a proxy that is reached over TLS. ALPN is set to HTTP/1.1.
	TLS *tls.Config
	// Proxy returns the proxy to an address, nil for none; a nil Proxy never has one.
	Proxy func(*url.URL) (*url.URL, error)
	// Timeout bounds a handshake from the first packet on; 20 s if it is 0.
	Timeout time.Duration
}

// Dial opens one. The error is a *Refused if something answered, but not with a WebSocket.
func (d *Dialer) Dial(ctx context.Context) (*Conn, error) {
	target, err := url.Parse(d.URL)
	if err != nil {
		return nil, fmt.Errorf("read the server's address: %w", err)
	}
	timeout := d.Timeout
	if timeout == 0 {
		timeout = handshakeTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	under, err := d.connect(ctx, target)
	if err != nil {
		return nil, err
	}
	// The handshakes below know deadlines only.
	stop := context.AfterFunc(ctx, func() { _ = under.SetDeadline(time.Unix(1, 0)) })
	conn, err := d.handshake(ctx, under)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = under.Close()
		return nil, err
	}
	return conn, nil
}

func (d *Dialer) handshake(ctx context.Context, under net.Conn) (*Conn, error) {
	request, key, err := d.request(ctx)
	if err != nil {
		return nil, err
	}
	if err := request.Write(under); err != nil {
		return nil, &Refused{Reason: Silent, cause: err}
	}
	answer, early, err := readAnswer(under, request)
	if err != nil {
		return nil, &Refused{Reason: Silent, cause: err}
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		refused := refusal(answer)
		refused.classify()
		return nil, refused
	}
	if !hasToken(answer.Header, "Upgrade", webSocket) || answer.Header.Get("Sec-Websocket-Accept") != acceptOf(key) ||
		answer.Header.Get("Sec-Websocket-Extensions") != "" {
		return nil, &Refused{Reason: Stripped, Status: answer.StatusCode, Header: answer.Header}
	}
	return newConn(under, early(), true), nil
}

func (d *Dialer) request(ctx context.Context) (request *http.Request, key string, err error) {
	request, err = http.NewRequestWithContext(ctx, http.MethodGet, d.URL, http.NoBody)
	if err != nil {
		return nil, "", fmt.Errorf("prepare the handshake: %w", err)
	}
	maps.Copy(request.Header, d.Header)
	var random [keyLength]byte
	_, _ = rand.Read(random[:]) // never fails
	key = base64.StdEncoding.EncodeToString(random[:])
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": webSocket, "Sec-Websocket-Version": version, "Sec-Websocket-Key": key,
	} {
		request.Header.Set(name, value)
	}
	if d.Sign != nil {
		err = d.Sign(request)
	}
	return request, key, err
}

// readAnswer reads the head of an answer. What came behind it is returned by early.
func readAnswer(from io.Reader, request *http.Request) (answer *http.Response, early func() []byte, err error) {
	buffered := bufio.NewReaderSize(io.LimitReader(from, maxAnswer), readBuffer)
	answer, err = http.ReadResponse(buffered, request)
	return answer, func() []byte { return earlyIn(buffered) }, err
}

// refusal keeps of an answer what may tell why.
func refusal(answer *http.Response) *Refused {
	defer answer.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, maxRefusal)) // half of it may say enough
	return &Refused{Status: answer.StatusCode, Header: answer.Header, Body: body}
}
