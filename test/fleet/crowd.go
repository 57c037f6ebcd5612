package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// server is what agents talk to: the hub, or the bare server that is its baseline.
type server interface {
	Endpoint() endpoint
	PID() int
	// UnderWay returns how many requests of agents the server is answering, long polls above all.
	UnderWay(ctx context.Context) (int, error)
	// Handshakes returns how many were begun since the server started, nothing when it does not count them.
	Handshakes(ctx context.Context) (handshakes, error)
	Kill() error
	Start(ctx context.Context) error
}

// handshakes are the connections that a server let in, and those that it turned away.
type handshakes struct {
	Served  int `json:"served"`
	Refused int `json:"refused"`
}

// endpoint is what an agent is told about a server.
type endpoint struct {
	URL string
	CA  []byte
}

// crowd is all agents, as they talk to one server.
type crowd struct {
	server endpoint
	beats  samples      // how long acknowledged heartbeats took
	failed atomic.Int64 // heartbeats
	since  atomic.Int64 // after which moment an agent counts as having returned, in nanoseconds since 1970

	ctx    context.Context //nolint:containedctx // the life of its agents
	cancel context.CancelFunc
	mu     sync.Mutex
	lives  []*life
	parts  sync.WaitGroup
}

func newCrowd(ctx context.Context, server endpoint) *crowd {
	c := &crowd{server: server}
	c.ctx, c.cancel = context.WithCancel(ctx)
	return c
}

// admit starts an agent.
func (c *crowd) admit(a *agent) error {
	l, err := newLife(a, c)
	if err != nil {
		return fmt.Errorf("start agent %s: %w", a.id.Name(), err)
	}
	c.mu.Lock()
	c.lives = append(c.lives, l)
	c.mu.Unlock()
	for _, part := range []func(context.Context){l.beat, l.poll, l.report, l.confirm} {
		c.parts.Go(func() { part(c.ctx) })
	}
	return nil
}

// stop ends all agents.
func (c *crowd) stop() {
	c.cancel()
	c.parts.Wait()
}

// all returns the agents that have been started.
func (c *crowd) all() []*life {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lives
}

// returned returns when each agent was first heard again, zero for those who were not.
func (c *crowd) returned() []time.Time {
	since := c.since.Load()
	var moments []time.Time
	for _, l := range c.all() {
		at := time.Time{}
		if back := l.back.Load(); back > since {
			at = time.Unix(0, back)
		}
		moments = append(moments, at)
	}
	return moments
}

// missing counts the agents that have not reached the server since the last call of forget.
func (c *crowd) missing() int {
	count := 0
	for _, at := range c.returned() {
		if at.IsZero() {
			count++
		}
	}
	return count
}

// forget makes every agent count as missing until a heartbeat that it sends from now on is acknowledged, or a long poll is sent.
func (c *crowd) forget() time.Time {
	now := time.Now()
	c.since.Store(now.UnixNano())
	return now
}

// complete waits until every agent was heard and has its long poll at the server.
func (c *crowd) complete(ctx context.Context, at server, patience time.Duration, tell func(string)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for said := time.Now(); ; {
		missing, held := c.missing(), 0
		if missing == 0 {
			held, _ = at.UnderWay(ctx) // a server that does not answer yet holds none
			if held >= len(c.all()) {
				return nil
			}
		}
		if time.Since(said) > 5*time.Second {
			said = time.Now()
			tell(fmt.Sprintf("%d of %d agents heard, %d requests held", len(c.all())-missing, len(c.all()), held))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d agents were not heard within %s, %d long polls held", missing, len(c.all()), patience, held)
		case <-tick.C:
		}
	}
}
