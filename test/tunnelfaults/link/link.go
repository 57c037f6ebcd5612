// Package link is the network between a cluster and its hub, with everything that goes wrong on one. It works on whole
// connections: since it ends TCP on both sides, a lost packet is a pause, as it is to whoever reads from a socket.
package link

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	readSize = 32 << 10
	packet   = 1448
	// A burst is how far a direction may run ahead of the rate of the link.
	burst = 5 * time.Millisecond
	// The least is how many bytes a direction may hold, however short the link is.
	least          = 256 << 10
	socketSize     = 64 << 10
	connectTimeout = 10 * time.Second
)

// Shape is how good a link is. The zero value is as good as the machine.
type Shape struct {
	Delay time.Duration // one way
	Loss  float64       // share of packets
	Rate  int64         // bytes a second in each direction, 0 for no limit
	Idle  time.Duration // a connection without a byte for so long is closed, 0 for never
}

// Link passes connections on to one address.
type Link struct {
	Target string

	listener net.Listener
	accepted atomic.Int64
	all      sync.WaitGroup
	lanes    [2]lane // from the cluster, and to it

	mu    sync.Mutex
	shape Shape
	down  bool
	pairs map[*pair]struct{}
}

// Open listens on a free port.
func Open(ctx context.Context, target string) (*Link, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a link: %w", err)
	}
	l := &Link{Target: target, listener: listener, pairs: map[*pair]struct{}{}}
	l.all.Go(l.serve)
	return l, nil
}

// Address is where the link begins.
func (l *Link) Address() string { return l.listener.Addr().String() }

// Accepted is how many connections there have been.
func (l *Link) Accepted() int { return int(l.accepted.Load()) }

// Set changes the quality of the link for what passes from now on.
func (l *Link) Set(shape Shape) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shape = shape
}

func (l *Link) now() Shape {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shape
}

// Close ends the link and everything on it.
func (l *Link) Close() {
	l.listener.Close()
	l.Cut()
	l.all.Wait()
}

func (l *Link) serve() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.accepted.Add(1)
		l.all.Go(func() { l.join(near) })
	}
}

func (l *Link) join(near net.Conn) {
	defer near.Close()
	if l.isDown() {
		return
	}
	far, err := (&net.Dialer{Timeout: connectTimeout}).DialContext(context.Background(), "tcp", l.Target)
	if err != nil {
		reset(near)
		return
	}
	defer far.Close()
	if l.now().Rate > 0 { // what a socket holds is as good as on the link
		bound(near)
		bound(far)
	}
	p := &pair{link: l, near: near, far: far, ended: make(chan struct{})}
	if !l.add(p) {
		return
	}
	defer l.remove(p)
	p.used.Store(time.Now().UnixNano())
	var both sync.WaitGroup
	both.Go(func() { p.carry(near, far, &l.lanes[0]) })
	both.Go(func() { p.carry(far, near, &l.lanes[1]) })
	both.Go(p.watch)
	both.Wait()
}

func bound(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(socketSize) // it then holds what it holds
		_ = tcp.SetWriteBuffer(socketSize)
	}
}

func (l *Link) add(p *pair) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.down {
		l.pairs[p] = struct{}{}
	}
	return !l.down
}

func (l *Link) remove(p *pair) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pairs, p)
}

func (l *Link) isDown() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.down
}

func (l *Link) each(do func(*pair)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p := range l.pairs {
		do(p)
	}
}

// Connections is how many there are now, those that are dead to one side or both counted.
func (l *Link) Connections() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.pairs)
}

// Cut resets every connection. New ones are possible.
func (l *Link) Cut() { l.each((*pair).cut) }

// Down resets every connection and refuses new ones until Up.
func (l *Link) Down() {
	l.mu.Lock()
	l.down = true
	l.mu.Unlock()
	l.Cut()
}

// Up ends Down.
func (l *Link) Up() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
}

// Swallow lets the connections that there are live, but nothing passes on them any more: a firewall has forgotten them. New
// ones are possible.
func (l *Link) Swallow() { l.each(func(p *pair) { p.swallow.Store(true) }) }

// LoseNear ends the connections towards the cluster, which may come again, and lets the hub believe in them.
func (l *Link) LoseNear() { l.each(func(p *pair) { p.swallow.Store(true); reset(p.near) }) }

// LoseFar ends the connections towards the hub and lets the cluster believe in them.
func (l *Link) LoseFar() { l.each(func(p *pair) { p.swallow.Store(true); reset(p.far) }) }

func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // then Close sends a reset
	}
	conn.Close()
}

// pair is one connection, of which the link has two ends.
type pair struct {
	link      *Link
	near, far net.Conn
	swallow   atomic.Bool
	used      atomic.Int64
	silent    atomic.Int32 // directions that have ended
	once      sync.Once
	ended     chan struct{}
}

func (p *pair) cut() {
	p.once.Do(func() { close(p.ended) })
	reset(p.near)
	reset(p.far)
}

func (p *pair) watch() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-p.ended:
			return
		case <-tick.C:
		}
		idle := p.link.now().Idle
		if idle > 0 && time.Since(time.Unix(0, p.used.Load())) > idle {
			p.cut()
			return
		}
	}
}

// piece is what was read at a time, and when it may go on.
type piece struct {
	content []byte
	due     time.Time
}

// carry passes one direction on until it ends.
func (p *pair) carry(from, to net.Conn, shared *lane) {
	queue := make(chan piece, 4096)
	room := newRoom()
	var writing sync.WaitGroup
	writing.Go(func() { p.write(to, queue, room) })
	p.read(from, queue, room, shared)
	close(queue)
	writing.Wait()
	// An end that is believed in stays open until whoever believes gives up.
	if p.silent.Add(1) == 2 || !p.swallow.Load() {
		p.cut()
	}
	<-p.ended
}

func (p *pair) read(from net.Conn, queue chan<- piece, room *room, shared *lane) {
	var last time.Time
	for {
		content := make([]byte, readSize)
		n, err := from.Read(content)
		if n > 0 && !p.swallow.Load() {
			p.used.Store(time.Now().UnixNano())
			shape := p.link.now()
			if !room.take(n, shape, p.ended) {
				return
			}
			sent := shared.pass(n, shape)
			last = shape.arrival(n, sent, last)
			select {
			case queue <- piece{content[:n], last}:
			case <-p.ended:
				return
			}
			// Whoever reads on only then leaves the lane to others, and the rest to whoever sends.
			wait(time.Until(sent)-burst, p.ended)
		}
		if err != nil {
			return
		}
	}
}

func (p *pair) write(to net.Conn, queue <-chan piece, room *room) {
	failed := false
	for next := range queue {
		if !failed && !p.swallow.Load() {
			wait(time.Until(next.due), p.ended)
			_, err := to.Write(next.content)
			if failed = err != nil; failed && !p.swallow.Load() {
				p.cut()
			}
		}
		room.give(len(next.content))
	}
}

func wait(d time.Duration, ended <-chan struct{}) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	}
}

// lane is one direction of the link, which all connections share.
type lane struct {
	mu   sync.Mutex
	free time.Time
}

// pass says when so many bytes have gone onto the link.
func (o *lane) pass(n int, shape Shape) time.Time {
	now := time.Now()
	if shape.Rate <= 0 {
		return now
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.free.Before(now) {
		o.free = now
	}
	o.free = o.free.Add(time.Duration(int64(n) * int64(time.Second) / shape.Rate))
	return o.free
}

// arrival says when they come out, after all that came before them.
func (s Shape) arrival(n int, sent, last time.Time) time.Time {
	at := sent.Add(s.Delay)
	for range (n + packet - 1) / packet {
		// What was lost comes a round trip later, and all that follows waits for it.
		if s.Loss > 0 && rand.Float64() < s.Loss {
			at = at.Add(2 * s.Delay)
			break
		}
	}
	if at.Before(last) {
		return last
	}
	return at
}

// room bounds what a direction holds to what a link of that length and rate holds.
type room struct {
	mu      sync.Mutex
	held    int64
	changed chan struct{}
}

func newRoom() *room { return &room{changed: make(chan struct{}, 1)} }

func (r *room) take(n int, shape Shape, ended <-chan struct{}) bool {
	limit := int64(least)
	if shape.Delay > 0 {
		limit = max(limit, int64((2*shape.Delay).Seconds()*float64(max(shape.Rate, 25_000_000))))
	}
	for {
		r.mu.Lock()
		fits := r.held == 0 || r.held+int64(n) <= limit
		if fits {
			r.held += int64(n)
		}
		r.mu.Unlock()
		if fits {
			return true
		}
		select {
		case <-ended:
			return false
		case <-r.changed:
		}
	}
}

func (r *room) give(n int) {
	r.mu.Lock()
	r.held -= int64(n)
	r.mu.Unlock()
	select {
	case r.changed <- struct{}{}:
	default:
	}
}
