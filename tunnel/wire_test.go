package tunnel_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/fairlead/fairlead/tunnel"
)

// counting counts system calls.
type counting struct {
	net.Listener

	writes atomic.Int64
}

func (c *counting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	return &counted{conn, &c.writes}, err
}

type counted struct {
	net.Conn

	writes *atomic.Int64
}

func (c *counted) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// Whatever else comes on a listener for tunnels gets its answers whole, however large, and large ones with few system calls.
func TestAnswersOnAWire(t *testing.T) {
	noLeaks(t)
	for protocol, most := range map[string]int64{"HTTP/1.1": 128, "HTTP/2.0": 384} { // by themselves it is twice as many
		t.Run(protocol, func(t *testing.T) { answersOnAWire(t, protocol, most) })
	}
}

func answersOnAWire(t *testing.T, protocol string, most int64) {
	t.Helper()
	sizes := []int{0, 1, 100, 4096, 16383, 16384, 16385, 32768, 65536}
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<17)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, size := range sizes {
			_, _ = w.Write(content[:size])
		}
		_, _ = w.Write(content)
		_ = http.NewResponseController(w).Flush()
		if r.URL.Path == "/waits" {
			<-r.Context().Done()
		}
	}))
	counter := &counting{Listener: server.Listener}
	server.Listener = tunnel.Listener(counter)
	server.EnableHTTP2 = protocol == "HTTP/2.0"
	server.TLS = &tls.Config{DynamicRecordSizingDisabled: true, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	defer server.Close()
	for _, path := range []string{"/", "/waits"} {
		answer, err := server.Client().Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		if answer.Proto != protocol {
			t.Fatalf("it is %s", answer.Proto)
		}
		want := len(content)
		for _, size := range sizes {
			want += size
		}
		if n, err := io.CopyN(io.Discard, answer.Body, int64(want)); err != nil {
			t.Errorf("%s: %d bytes: %v", path, n, err)
		}
		answer.Body.Close()
	}
	if writes := counter.writes.Load(); writes > most {
		t.Errorf("it took %d system calls", writes)
	}
}

// A full record that nothing follows does not stay, and what fails is told.
func TestAFullRecordDoesNotStay(t *testing.T) {
	noLeaks(t)
	near, far := net.Pipe()
	wire := tunnel.Wire(near)
	record := bytes.Repeat([]byte{1}, 16<<10+22)
	write(t, wire, record)
	if n, err := io.ReadFull(far, make([]byte, len(record))); err != nil {
		t.Fatalf("%d bytes: %v", n, err)
	}
	_ = far.Close()
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		_, err = wire.Write(record)
	}
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("writing to nobody: %v", err)
	}
}

func write(t *testing.T, to net.Conn, text []byte) {
	t.Helper()
	if n, err := to.Write(text); n != len(text) || err != nil {
		t.Fatalf("wrote %d of %d bytes: %v", n, len(text), err)
	}
}
