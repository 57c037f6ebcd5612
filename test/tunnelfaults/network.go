package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/fairlead/fairlead/test/tunnelfaults/site"
)

const (
	halfRoundTrip = 100 * time.Millisecond
	losses        = 0.02
	lossyGets     = 30
	lossyLimit    = 1500 * time.Millisecond
	lossyList     = 500_000
	idleLimit     = 30 * time.Second
	idleFor       = 95 * time.Second
	offFor        = 20 * time.Second
)

// open is what callers have open when something happens: a watch and an upgraded stream.
type open struct {
	began time.Time
	all   sync.WaitGroup
	ended [2]time.Duration
}

// hold opens both, and returns when both work.
func (s *scene) hold(ctx context.Context) (*open, error) {
	ready := make(chan error, 2)
	o := &open{}
	o.all.Go(func() {
		once := sync.OnceFunc(func() { ready <- nil })
		err := s.caller.Watch(ctx, glance, func(time.Duration) { once() })
		select {
		case ready <- err:
		default:
		}
		o.ended[0] = time.Since(o.began)
	})
	stream, err := s.caller.Upgrade(ctx)
	if err != nil {
		return nil, fmt.Errorf("open a stream: %w", err)
	}
	o.all.Go(func() {
		defer stream.Close()
		stop := context.AfterFunc(ctx, func() { stream.Close() })
		defer stop()
		for buffer := make([]byte, 1); ; {
			if _, err := stream.Read(buffer); err != nil {
				break
			}
		}
		o.ended[1] = time.Since(o.began)
	})
	select {
	case err := <-ready:
		return o, err
	case <-time.After(listLimit):
		return nil, fmt.Errorf("no event within %s", listLimit)
	}
}

// broken plays what breaks the connection: requests work again in time, and whoever had something open is told.
func (s *scene) broken(ctx context.Context, strike func(), back, told time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, told+listLimit)
	defer cancel()
	o, err := s.hold(limited)
	if err != nil {
		return err
	}
	o.began = time.Now()
	strike()
	took, err := s.works(ctx, back+recovery)
	s.mustWithin(back, took, err, "requests work again")
	over := make(chan struct{})
	go func() { o.all.Wait(); close(over) }()
	select {
	case <-over:
	case <-limited.Done():
		<-over
	}
	s.must(max(o.ended[0], o.ended[1]) <= told, fmt.Sprintf("an open watch and an upgraded stream end within %s", told),
		"%s and %s", round(o.ended[0]), round(o.ended[1]))
	s.oneConnection(ctx)
	return nil
}

// oneConnection states that no dead connection is kept.
func (s *scene) oneConnection(ctx context.Context) {
	const what = "one connection is left between cluster and hub"
	ctx, cancel := context.WithTimeout(ctx, notice+2*comeBack)
	defer cancel()
	for s.Link.Connections() != 1 {
		if site.Rest(ctx, 100*time.Millisecond) != nil {
			break
		}
	}
	s.must(s.Link.Connections() == 1, what, "%d", s.Link.Connections())
}

func dropped(ctx context.Context, s *scene) error {
	return s.broken(ctx, s.Link.Cut, comeBack, comeBack)
}

func blackHole(ctx context.Context, s *scene) error {
	return s.broken(ctx, s.Link.Swallow, notice+comeBack, notice+comeBack)
}

func halfOpenHub(ctx context.Context, s *scene) error {
	return s.broken(ctx, s.Link.LoseNear, comeBack, notice+comeBack)
}

func halfOpenAgent(ctx context.Context, s *scene) error {
	return s.broken(ctx, s.Link.LoseFar, notice+comeBack, notice+comeBack)
}

// outage: afterwards nobody waits for long, and meanwhile nobody waits for ever.
func outage(ctx context.Context, s *scene) error {
	s.Link.Down()
	until := time.Now().Add(offFor)
	if err := site.Rest(ctx, glance); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, listLimit)
	defer cancel()
	began := time.Now()
	err := s.caller.Small(limited, "outage")
	s.must(err != nil && limited.Err() == nil, fmt.Sprintf("whoever asks meanwhile is told within %s", listLimit), "%v after %s", err, round(time.Since(began)))
	if err := site.Rest(ctx, time.Until(until)); err != nil {
		return err
	}
	s.Link.Up()
	took, err := s.works(ctx, recovery+listLimit)
	s.mustWithin(recovery, took, err, "requests work after it")
	s.oneConnection(ctx)
	return nil
}

// lossy: everything takes longer, and nothing else changes.
func lossy(ctx context.Context, s *scene) error {
	accepted := s.Link.Accepted()
	s.Link.Set(linkShape{Delay: halfRoundTrip, Loss: losses})
	defer s.Link.Set(linkShape{})
	var took []time.Duration
	var failed []error
	for number := range lossyGets {
		began := time.Now()
		if err := s.caller.Small(ctx, fmt.Sprintf("lossy-%d", number)); err != nil {
			failed = append(failed, err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	s.must(len(failed) == 0, fmt.Sprintf("%d small requests succeed", lossyGets), "%d failed%s", len(failed), example(failed))
	s.must(percentile(took, .5) <= lossyLimit, fmt.Sprintf("half of them within %s", lossyLimit), "p50 %s, slowest %s", round(percentile(took, .5)), round(took[len(took)-1]))
	began := time.Now()
	err := s.caller.List(ctx, lossyList)
	s.mustWithin(listLimit, time.Since(began), err, fmt.Sprintf("a list of %d kB comes", lossyList/1000))
	s.must(s.Link.Accepted() == accepted, "nobody takes the connection for dead", "%d new connections", s.Link.Accepted()-accepted)
	return nil
}

// idleProxy: the tunnel says something often enough to be left alone.
func idleProxy(ctx context.Context, s *scene) error {
	accepted := s.Link.Accepted()
	s.Link.Set(linkShape{Idle: idleLimit})
	defer s.Link.Set(linkShape{})
	if err := site.Rest(ctx, idleFor); err != nil {
		return err
	}
	s.must(s.Link.Accepted() == accepted, fmt.Sprintf("the connection is still the same after %s without requests", idleFor), "%d new connections", s.Link.Accepted()-accepted)
	began := time.Now()
	err := s.once(ctx, "after-idle")
	s.mustWithin(impatience, time.Since(began), err, "a request works")
	return nil
}
