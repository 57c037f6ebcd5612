package tunnel

import (
	"net"
	"runtime"
	"sync"
)

// wire is a TCP connection below TLS, which by itself makes a system call of each record. While it is corked, writes are
// gathered until it is flushed, and full records are otherwise; a reader that finds much is given much the next time, out of a buffer that it holds only until
// it has read it.
type wire struct {
	net.Conn

	// Of the reader alone.
	large    *chunk
	from, to int
	hot      bool

	mu     sync.Mutex
	corked bool
	due    bool // somebody is about to send what is kept
	out    []byte
	outIn  *chunk // of which out is a part; nil while nothing is kept
	err    error  // of all further writes
}

// NetConn returns the connection below.
func (w *wire) NetConn() net.Conn { return w.Conn }

// Read reads what TLS wants, or more into a buffer.
func (w *wire) Read(p []byte) (int, error) {
	if w.large == nil && !w.hot {
		n, err := w.Conn.Read(p)
		w.hot = n == len(p) && n >= readBuffer
		return n, err
	}
	if w.large == nil {
		w.large = chunks.Get().(*chunk) //nolint:forcetypeassert // nothing else is in it
		n, err := w.Conn.Read(w.large[:])
		w.from, w.to, w.hot = 0, n, n == len(w.large)
		if err != nil {
			w.release()
			return 0, err
		}
	}
	n := copy(p, w.large[w.from:w.to])
	if w.from += n; w.from == w.to {
		w.release()
	}
	return n, nil
}

// holds reports whether something was read that nobody has got yet. It is for whoever reads.
func (w *wire) holds() bool { return w.large != nil }

func (w *wire) release() {
	chunks.Put(w.large)
	w.large = nil
}

// Write writes, or keeps p until the flush. A record that is full is mostly not the last one of what is written: it is kept
// until the next one that is not full, until there is no room, or for a moment.
func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return 0, w.err
	}
	full := len(p) > maxRecord
	if !w.corked && w.outIn == nil && (!full || len(p) > maxRecord+recordOverhead) {
		return w.Conn.Write(p)
	}
	w.open()
	if len(w.out)+len(p) > len(w.outIn) {
		if err := w.empty(); err != nil {
			return 0, err
		}
	}
	if len(p) > len(w.outIn) {
		return w.Conn.Write(p)
	}
	w.out = append(w.out, p...)
	return len(p), w.kept(full)
}

// kept sends what has been kept, unless it is to wait. It needs the lock, as all below do.
func (w *wire) kept(full bool) error {
	switch {
	case w.corked:
		return nil
	case !full || len(w.out)+maxRecord > len(w.outIn):
		err := w.empty()
		w.shut()
		return err
	case !w.due:
		w.due = true
		go w.later()
	}
	return nil
}

// later sends what was kept once everybody who was about to write has done so.
func (w *wire) later() {
	runtime.Gosched()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.due = false
	if !w.corked && w.outIn != nil {
		w.err = w.empty()
		w.shut()
	}
}

func (w *wire) open() {
	if w.outIn == nil {
		w.outIn = chunks.Get().(*chunk) //nolint:forcetypeassert // nothing else is in it
		w.out = w.outIn[:0]
	}
}

func (w *wire) shut() {
	chunks.Put(w.outIn)
	w.out, w.outIn = nil, nil
}

func (w *wire) cork() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.corked = true
	w.open()
}

// flush sends what was gathered.
func (w *wire) flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.empty()
	w.shut()
	w.corked = false
	return err
}

func (w *wire) empty() error {
	if len(w.out) == 0 {
		return nil
	}
	_, err := w.Conn.Write(w.out)
	w.out = w.outIn[:0]
	return err
}

// Listener makes the connections of a listener ready to carry tunnels: it belongs below TLS. Whatever else comes on them is
// not the worse for it.
func Listener(under net.Listener) net.Listener { return &wires{under} }

type wires struct{ net.Listener }

// Accept accepts a connection.
func (l *wires) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &wire{Conn: conn}, nil
}

// wireOf returns the wire below a connection, or nil.
func wireOf(conn net.Conn) *wire {
	for {
		if w, ok := conn.(*wire); ok {
			return w
		}
		below, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		conn = below.NetConn()
	}
}
