package tunnel_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/fairlead/fairlead/tunnel"
)

// slow is a connection that notes what is written to it, each time when it may.
type slow struct {
	net.Conn

	may     chan error
	mu      sync.Mutex
	written [][]byte
}

func (s *slow) Write(p []byte) (int, error) {
	if err := <-s.may; err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written = append(s.written, bytes.Clone(p))
	return len(p), nil
}

func (s *slow) SetWriteDeadline(time.Time) error { return nil }
func (s *slow) Close() error                     { return nil }

func (s *slow) seen() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written
}

func write(t *testing.T, to net.Conn, text []byte) {
	t.Helper()
	if n, err := to.Write(text); n != len(text) || err != nil {
		t.Fatalf("wrote %d of %d bytes: %v", n, len(text), err)
	}
}

// What is small goes together while something else is on its way, and all of it in order.
func TestSmallWritesGoTogether(t *testing.T) {
	noLeaks(t)
	under := &slow{may: make(chan error, 100)}
	conn := tunnel.Watch(under)
	var want []byte
	for i := range 30 {
		text := bytes.Repeat([]byte{byte(i)}, 100)
		want = append(want, text...)
		write(t, conn, text)
	}
	for range 100 {
		under.may <- nil
	}
	large := bytes.Repeat([]byte{100}, 60<<10)
	write(t, conn, large)
	write(t, conn, []byte{101})
	_ = conn.Close()
	want = append(append(want, large...), 101)
	if got := bytes.Join(under.seen(), nil); !bytes.Equal(got, want) {
		t.Errorf("%d bytes came, or in another order, of %d", len(got), len(want))
	}
	if writes := len(under.seen()); writes > 4 {
		t.Errorf("it took %d writes", writes)
	}
}

// Many write at once, and nobody's bytes are torn apart.
func TestManyWriteToATunnelAtOnce(t *testing.T) {
	noLeaks(t)
	near, far := net.Pipe()
	conn := tunnel.Watch(near)
	const writers, times, size = 8, 200, 300
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			for range times {
				write(t, conn, bytes.Repeat([]byte{byte(i)}, size*(1+i*i))) // some are large
			}
		})
	}
	go func() { group.Wait(); _ = conn.Close() }()
	count := map[byte]int{}
	for buffer := make([]byte, size*(1+writers*writers)); ; {
		if _, err := io.ReadFull(far, buffer[:1]); err != nil {
			break
		}
		rest := buffer[1 : size*(1+int(buffer[0])*int(buffer[0]))]
		if _, err := io.ReadFull(far, rest); err != nil {
			t.Fatal(err)
		}
		for _, b := range rest {
			if b != buffer[0] {
				t.Fatalf("%d within what %d wrote", b, buffer[0])
			}
		}
		count[buffer[0]]++
	}
	for i := range writers {
		if count[byte(i)] != times {
			t.Errorf("%d of what %d wrote came", count[byte(i)], i)
		}
	}
}

// What has failed is told to whoever writes next, and nothing is sent after it.
func TestAWriteFailsLater(t *testing.T) {
	noLeaks(t)
	broken := errors.New("broken")
	under := &slow{may: make(chan error, 1)}
	conn := tunnel.Watch(under)
	write(t, conn, []byte("lost"))
	under.may <- broken
	large := make([]byte, 60<<10)
	if _, err := conn.Write(large); !errors.Is(err, broken) { // it waits for what came before
		t.Errorf("the next write: %v", err)
	}
	if _, err := conn.Write([]byte("more")); !errors.Is(err, broken) {
		t.Errorf("the one after it: %v", err)
	}
	_ = conn.Close()
	if len(under.seen()) != 0 {
		t.Errorf("it was sent: %q", under.seen())
	}
}

// A peer that takes nothing does not keep anybody from closing.
func TestClosingDoesNotWaitForLong(t *testing.T) {
	noLeaks(t)
	under := &slow{may: make(chan error)}
	conn := tunnel.Watch(under)
	write(t, conn, []byte("stuck"))
	began := time.Now()
	_ = conn.Close()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	close(under.may) // as when the connection below is closed
}
