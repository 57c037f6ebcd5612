package clusterconnect

import (
	"context"
	"slices"
	"sync"

	"github.com/fairlead/fairlead/tunnel"
)

// maxLinks are open at once: the newest, and those before it on which streams still run.
const maxLinks = 5

// link is one tunnel with what serves it.
type link struct {
	conn   *tunnel.Conn
	cancel context.CancelFunc
	done   chan struct{}
	err    error // once done is closed
}

// links are all tunnels that are open.
type links struct {
	mu             sync.Mutex
	open           []*link // oldest first
	running        sync.WaitGroup
	received, sent int64 // on those that have ended
}

// start serves a connection. The oldest tunnel ends when there would be too many.
func (l *links) start(ctx context.Context, far Far, conn *tunnel.Conn) *link {
	ctx, cancel := context.WithCancel(ctx)
	started := &link{conn: conn, cancel: cancel, done: make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = append(l.open, started)
	if len(l.open) > maxLinks {
		l.open[0].cancel()
	}
	l.running.Go(func() {
		defer cancel()
		started.err = far.Serve(ctx, conn)
		l.finish(started)
		close(started.done)
	})
	return started
}

func (l *links) finish(ended *link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = slices.DeleteFunc(l.open, func(other *link) bool { return other == ended })
	received, sent := ended.conn.Bytes()
	l.received, l.sent = l.received+received, l.sent+sent
}

func (l *links) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// bytes are those of all tunnels that there ever were.
func (l *links) bytes() (received, sent int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	received, sent = l.received, l.sent
	for _, one := range l.open {
		more, also := one.conn.Bytes()
		received, sent = received+more, sent+also
	}
	return received, sent
}

// wait waits until all tunnels have ended. None may be started meanwhile.
func (l *links) wait() { l.running.Wait() }
