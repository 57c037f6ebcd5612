package tunnel_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead/fairlead/tunnel"
)

// frame is one as a client sends it, with a mask of zeros, or as a server does.
func frame(first byte, masked bool, payload string) string { //nolint:revive // as the frame says
	var b bytes.Buffer
	b.WriteByte(first)
	var bit byte
	if masked {
		bit = 0x80
	}
	switch {
	case len(payload) < 126:
		b.WriteByte(bit | byte(len(payload)))
	case len(payload) < 1<<16:
		b.WriteByte(bit | 126)
		_ = binary.Write(&b, binary.BigEndian, uint16(len(payload)))
	default:
		b.WriteByte(bit | 127)
		_ = binary.Write(&b, binary.BigEndian, uint64(len(payload)))
	}
	if masked {
		b.WriteString("\x00\x00\x00\x00")
	}
	b.WriteString(payload)
	return b.String()
}

const (
	binaryFrame, continued, text, closing, ping, pong = 0x82, 0x80, 0x81, 0x88, 0x89, 0x8a
	final                                             = 0x80
)

// hear has a server hear some bytes and returns what it read, why it ended, and what it said.
func hear(t *testing.T, said string) (read, answer string, err error) {
	t.Helper()
	near, far := net.Pipe()
	conn := tunnel.NewConn(near, false)
	var group sync.WaitGroup
	group.Go(func() { _, _ = io.WriteString(far, said); _, _ = far.Write(nil) })
	var heard bytes.Buffer
	group.Go(func() { _, _ = io.Copy(&heard, far) })
	done := make(chan struct{})
	var content []byte
	go func() {
		content, err = io.ReadAll(conn)
		conn.Close()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(100 * time.Millisecond): // it waits for more
		far.Close()
		<-done
	}
	far.Close()
	group.Wait()
	return string(content), heard.String(), err
}

func TestFrames(t *testing.T) {
	noLeaks(t)
	large := strings.Repeat("x", 70000)
	for name, c := range map[string]struct {
		said, read string
		code       int // of the end, 0 if it is just cut
	}{
		"Message":       {frame(binaryFrame, true, "one"), "one", 0},
		"Medium":        {frame(binaryFrame, true, large[:300]), large[:300], 0},
		"Large":         {frame(binaryFrame, true, large), large, 0},
		"Empty":         {frame(binaryFrame, true, "") + frame(binaryFrame, true, "x"), "x", 0},
		"Pieces":        {frame(binaryFrame&^final, true, "one ") + frame(ping, true, "p") + frame(0, true, "and ") + frame(continued, true, "two"), "one and two", 0},
		"Closed":        {frame(binaryFrame, true, "x") + frame(closing, true, "\x03\xe8bye"), "x", 1000},
		"Restart":       {frame(closing, true, "\x03\xf4"), "", 1012},
		"Text":          {frame(text, true, "x"), "", 1003},
		"Compressed":    {frame(binaryFrame|0x40, true, "x"), "", 1002},
		"Unknown":       {frame(0x83, true, "x"), "", 1002},
		"UnknownWord":   {frame(0x8b, true, "x"), "", 1002},
		"Unmasked":      {frame(binaryFrame, false, "x"), "", 1002},
		"LostBegin":     {frame(continued, true, "x"), "", 1002},
		"LostEnd":       {frame(binaryFrame&^final, true, "x") + frame(binaryFrame, true, "y"), "x", 1002},
		"LargePing":     {frame(ping, true, large[:126]), "", 1002},
		"PingInPieces":  {frame(ping&^final, true, "x"), "", 1002},
		"TooLarge":      {"\x82\xff\x00\x00\x00\x00\x00\x10\x00\x01\x00\x00\x00\x00", "", 1009},
		"FarTooLarge":   {"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", "", 1009},
		"HTTP":          {"GET / HTTP/1.1\r\n\r\n", "", 1002},
		"CutInTheHead":  {"\x82", "", 0},
		"CutInTheFrame": {"\x82\x85\x00\x00\x00\x00xy", "xy", 0},
	} {
		t.Run(name, func(t *testing.T) {
			read, answer, err := hear(t, c.said)
			closed, ok := errors.AsType[*tunnel.ClosedError](err)
			if read != c.read || ok != (c.code != 0) || (ok && closed.Code != c.code) {
				t.Errorf("read %.20q, ended with %v", read, err)
			}
			if !ok && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("cut with %v", err)
			}
			if ok && !strings.Contains(answer, string(binary.BigEndian.AppendUint16(nil, uint16(c.code)))) {
				t.Errorf("the peer was told %q", answer)
			}
		})
	}
}

// pair returns both ends of a WebSocket.
func pair(t testing.TB) (client, server *tunnel.Conn) {
	t.Helper()
	near, far := net.Pipe()
	client, server = tunnel.NewConn(near, true), tunnel.NewConn(far, false)
	t.Cleanup(func() { near.Close(); far.Close() })
	return client, server
}

func TestAPingIsAnsweredEvenBesideAWriteThatIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		conn := tunnel.NewConn(near, false)
		go func() { _, _ = conn.Write(make([]byte, 10)) }() // nobody reads yet
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		synctest.Wait()
		if _, err := io.WriteString(far, frame(ping, true, "hello")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want := frame(binaryFrame, false, string(make([]byte, 10))) + frame(pong, false, "hello")
		got := make([]byte, len(want))
		if _, err := io.ReadFull(far, got); err != nil || string(got) != want {
			t.Errorf("the peer gets %q, %v", got, err)
		}
		conn.Close()
		far.Close()
	})
}

func TestWritesAreWholeMessages(t *testing.T) {
	noLeaks(t)
	for size, want := range map[int]int{1: 1, tunnel.FrameSize + 9: 1, tunnel.MaxMessage + 1: 2, 200_000: 4} {
		near, far := net.Pipe()
		conn := tunnel.NewConn(near, false)
		go func() { _, _ = conn.Write(make([]byte, size)); near.Close() }()
		messages, buffer := 0, make([]byte, 1<<17)
		for {
			n, err := far.Read(buffer)
			if err != nil {
				break
			}
			if n > 64<<10 || buffer[0] != binaryFrame {
				t.Errorf("a write of %d bytes begins with %x", n, buffer[0])
			}
			messages++
		}
		far.Close()
		if messages != want {
			t.Errorf("%d bytes are %d messages, want %d", size, messages, want)
		}
	}
}

func TestManyWriteAtOnce(t *testing.T) {
	noLeaks(t)
	client, server := pair(t)
	const writers, times = 8, 50
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			for range times {
				if _, err := client.Write(bytes.Repeat([]byte{byte('a' + i)}, 1000)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	got := make([]byte, writers*times*1000)
	if _, err := io.ReadFull(server, got); err != nil {
		t.Fatal(err)
	}
	group.Wait()
	for i := 0; i < len(got); i += 1000 {
		if !bytes.Equal(got[i:i+1000], bytes.Repeat(got[i:i+1], 1000)) {
			t.Fatal("messages are mixed up")
		}
	}
}

func TestDrainIsHeard(t *testing.T) {
	noLeaks(t)
	client, server := pair(t)
	var group sync.WaitGroup
	group.Go(func() { _, _ = io.Copy(io.Discard, client) })
	group.Go(func() { _, _ = io.Copy(io.Discard, server) })
	if err := server.Drain(); err != nil {
		t.Fatal(err)
	}
	within(t, client.Draining())
	if err := server.CloseWith(1012, "restart"); err != nil {
		t.Fatal(err)
	}
	group.Wait()
	_, err := client.Read(make([]byte, 1))
	if closed, ok := errors.AsType[*tunnel.ClosedError](err); !ok || closed.Code != 1012 {
		t.Errorf("the end is %v", err)
	}
}

// Close must not wait for a peer that reads nothing.
func TestCloseBesideAWriteThatIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		conn := tunnel.NewConn(near, true)
		go func() { _, _ = conn.Write(make([]byte, 10)) }()
		synctest.Wait()
		started := time.Now()
		conn.Close()
		if took := time.Since(started); took > 0 {
			t.Errorf("it took %s", took)
		}
		quiet := tunnel.NewConn(far, false) // nobody reads what it says at its end
		quiet.Close()
	})
}
