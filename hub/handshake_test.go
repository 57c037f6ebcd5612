package hub

import (
	"crypto/tls"
	"net"
	"testing"
	"testing/synctest"
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
	turns := &handshakes{most: 1, crowd: 10, patience: handshakePatience}
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
	taken(t, s.turns) // by somebody else
	conn, ended := s.begin(t)
	client := make(chan error, 1)
	go func() { client <- tls.Client(conn, s.client).HandshakeContext(t.Context()) }()
	select {
	case err := <-ended:
		t.Fatalf("the handshake did not wait: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	s.turns.next()
	if err := <-client; err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if s.turns.busy != 0 {
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
	turns := &handshakes{most: 1}
	conn := &turned{Conn: far}
	_ = conn.Close()
	taken(t, turns)
	conn.hold(turns.next)
	if turns.busy != 0 {
		t.Error("a closed connection keeps the turn")
	}
}

// taken takes the only turn.
func taken(t *testing.T, turns *handshakes) {
	t.Helper()
	if err := turns.wait(t.Context().Done()); err != nil {
		t.Fatal(err)
	}
}

// crowd lets names wait one after the other and returns where each is told to when its turn comes.
func crowd(turns *handshakes, order chan<- string, names ...string) {
	for _, name := range names {
		go func() {
			if turns.wait(nil) != nil {
				name += " was turned away"
			}
			order <- name
		}()
		synctest.Wait()
	}
}

func TestWhoCameLastIsServedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns, order := &handshakes{most: 1, crowd: 10, patience: time.Second}, make(chan string, 10)
		taken(t, turns)
		crowd(turns, order, "first", "second", "third")
		for _, want := range []string{"third", "second", "first"} {
			turns.next()
			if got := <-order; got != want {
				t.Errorf("%s had its turn, want %s", got, want)
			}
		}
		if turns.next(); turns.busy != 0 || len(turns.waiting) != 0 {
			t.Errorf("%d have a turn and %d wait when all is over", turns.busy, len(turns.waiting))
		}
	})
}

func TestWhoCannotBeServedInTimeIsTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns, order := &handshakes{most: 1, crowd: 10, patience: time.Second}, make(chan string, 10)
		taken(t, turns)
		began := time.Now()
		crowd(turns, order, "early")
		<-time.After(600 * time.Millisecond)
		crowd(turns, order, "late")
		if got := <-order; got != "early was turned away" || time.Since(began) != time.Second {
			t.Errorf("%s after %s", got, time.Since(began))
		}
		turns.next()
		if got := <-order; got != "late" {
			t.Errorf("then: %s", got)
		}
	})
}

// net/http gives a handshake up after headerTimeout: a turn that comes later is in vain.
func TestPatienceLeavesTimeForTheHandshake(t *testing.T) {
	if left := headerTimeout - handshakePatience; left < time.Second {
		t.Errorf("who has waited for %s has %s left", handshakePatience, left)
	}
}

func TestWhatClientsAreToldIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns, order := &handshakes{most: 1, crowd: 10, patience: time.Second}, make(chan string, 10)
		taken(t, turns)
		crowd(turns, order, "early")
		if waiting, told := turns.count(); waiting != 1 || told != (turnsTold{served: 1}) {
			t.Errorf("%d wait, %+v", waiting, told)
		}
		<-order // it has lost patience
		crowd(turns, order, "late")
		turns.next()
		<-order
		if waiting, told := turns.count(); waiting != 0 || told != (turnsTold{served: 2, refused: 1}) {
			t.Errorf("at last %d wait, %+v", waiting, told)
		}
	})
}

func TestACrowdHasABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns, order := &handshakes{most: 1, crowd: 2, patience: time.Second}, make(chan string, 10)
		taken(t, turns)
		crowd(turns, order, "first", "second", "third")
		if got := <-order; got != "first was turned away" {
			t.Errorf("%s, want the one that waits longest to make room", got)
		}
		turns.next()
		if got := <-order; got != "third" {
			t.Errorf("%s had its turn, want who came last", got)
		}
		turns.next()
		<-order
	})
}

func TestWhoLeavesGetsNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns, order := &handshakes{most: 1, crowd: 10, patience: time.Second}, make(chan string, 10)
		taken(t, turns)
		crowd(turns, order, "who stays")
		gone, left := make(chan struct{}), make(chan error)
		go func() { left <- turns.wait(gone) }()
		synctest.Wait()
		close(gone)
		if err := <-left; err == nil {
			t.Error("who is gone had a turn")
		}
		turns.next()
		if got := <-order; got != "who stays" {
			t.Errorf("%s", got)
		}
	})
}
