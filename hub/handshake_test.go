package hub

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub/authority"
	"github.com/fairlead/fairlead/store"
)

// shaking is a TLS server whose handshakes take turns.
type shaking struct {
	turns  *handshakes
	server *tls.Config
	client *tls.Config
}

func newShaking(t *testing.T) *shaking {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+t.TempDir()+"/hub.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	box, err := authority.NewBox(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := authority.Open(t.Context(), &authority.Vault{Box: box, Store: db}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	own := &authority.ServerCertificate{Authority: ca, Hosts: []string{"localhost"}}
	turns := &handshakes{free: make(chan struct{}, 1)}
	return &shaking{
		turns:  turns,
		server: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: own.GetCertificate, GetConfigForClient: turns.turn},
		client: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: ca.ServerRoots(), ServerName: "localhost"},
	}
}

// begin accepts a connection and returns the client's end, and how the server's handshake ends.
func (s *shaking) begin(t *testing.T) (net.Conn, <-chan error) {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { _, _ = near.Close(), far.Close() })
	ended := make(chan error, 1)
	go func() { ended <- tls.Server(&turned{Conn: far}, s.server).HandshakeContext(t.Context()) }()
	return near, ended
}

func TestAHandshakeWaitsForItsTurnAndGivesItBack(t *testing.T) {
	s := newShaking(t)
	s.turns.free <- struct{}{} // somebody else's
	conn, ended := s.begin(t)
	client := make(chan error, 1)
	go func() { client <- tls.Client(conn, s.client).HandshakeContext(t.Context()) }()
	select {
	case err := <-ended:
		t.Fatalf("the handshake did not wait: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	<-s.turns.free
	if err := <-client; err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(s.turns.free) != 0 {
		t.Error("the turn has not ended with the handshake")
	}
}

// stalled is a client's connection that sends its hello and then listens no more.
type stalled struct {
	net.Conn

	said chan struct{}
	once bool
}

func (c *stalled) Write(content []byte) (int, error) {
	n, err := c.Conn.Write(content)
	if !c.once {
		c.once = true
		close(c.said)
	}
	return n, err
}

func TestASlowClientHoldsNobodyUp(t *testing.T) {
	s := newShaking(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0") // buffers what the stalled client does not read
	if err != nil {
		t.Fatal(err)
	}
	guarded := s.turns.guard(listener)
	defer guarded.Close()
	go func() {
		for {
			conn, err := guarded.Accept()
			if err != nil {
				return
			}
			go func() { _ = tls.Server(conn, s.server).HandshakeContext(t.Context()) }()
		}
	}()
	for range 5 {
		slow := &stalled{Conn: dial(t, listener), said: make(chan struct{})}
		go func() {
			hello := s.client.Clone()
			hello.VerifyConnection = func(tls.ConnectionState) error { <-t.Context().Done(); return t.Context().Err() }
			_ = tls.Client(slow, hello).HandshakeContext(t.Context())
		}()
		<-slow.said
	}
	if err := tls.Client(dial(t, listener), s.client).HandshakeContext(t.Context()); err != nil {
		t.Errorf("behind five clients that do not go on: %v", err)
	}
}

func dial(t *testing.T, to net.Listener) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", to.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn
}

func TestATurnIsNotGivenToWhoIsGone(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	turns := &handshakes{free: make(chan struct{}, 1)}
	conn := &turned{Conn: far}
	_ = conn.Close()
	turns.free <- struct{}{}
	conn.hold(func() { <-turns.free })
	if len(turns.free) != 0 {
		t.Error("a closed connection keeps the turn")
	}
}
