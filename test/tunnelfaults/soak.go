package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead/fairlead/test/tunnelfaults/site"
	"github.com/fairlead/fairlead/test/tunnelfaults/visitor"
)

const (
	soakMargin  = 5 * time.Minute
	leastPause  = 5 * time.Second
	mostPause   = 20 * time.Second
	soakTimeout = 40 * time.Second
	soakBytes   = 8_000_000
	soakWatch   = 30 * time.Second
)

// traffic is what callers of one kind do, and how it went.
type traffic struct {
	name    string
	workers int
	once    func(context.Context, *visitor.Visitor, string) error
	good    atomic.Int64
	failed  atomic.Int64
}

func mixed() []*traffic {
	return []*traffic{
		{name: "small", workers: 8, once: func(ctx context.Context, v *visitor.Visitor, name string) error { return v.Small(ctx, name) }},
		{name: "list", workers: 2, once: func(ctx context.Context, v *visitor.Visitor, _ string) error { return v.List(ctx, soakBytes) }},
		{name: "echo", workers: 2, once: func(ctx context.Context, v *visitor.Visitor, _ string) error { return v.Echo(ctx, soakBytes, nil) }},
		{name: "upload", workers: 2, once: func(ctx context.Context, v *visitor.Visitor, _ string) error { return v.Upload(ctx, soakBytes) }},
		{name: "watch", workers: 20, once: watchForAWhile},
	}
}

// watchForAWhile ends a watch itself when it has lasted long enough.
func watchForAWhile(ctx context.Context, v *visitor.Visitor, _ string) error {
	watching, cancel := context.WithTimeout(ctx, soakWatch)
	defer cancel()
	err := v.Watch(watching, glance, func(time.Duration) {})
	if watching.Err() != nil && ctx.Err() == nil && !errors.Is(err, visitor.ErrWrong) {
		return nil
	}
	return err
}

// soak: whatever goes wrong, no answer is wrong, and in the end everything is as before.
func soak(ctx context.Context, s *scene) error {
	chance := rand.New(rand.NewPCG(s.options.seed, 0))
	kinds := mixed()
	running, cancel := context.WithTimeout(ctx, s.options.soak)
	defer cancel()
	var all sync.WaitGroup
	var wrong firstError
	for _, kind := range kinds {
		for worker := range kind.workers {
			all.Go(func() { s.keepAsking(running, kind, worker, &wrong) })
		}
	}
	struck := map[string]int{}
	err := s.strikeOften(running, chance, struck)
	all.Wait()
	for _, kind := range kinds {
		s.must(kind.good.Load() > 0, fmt.Sprintf("callers of kind %s get through", kind.name), "%d times, %d failed", kind.good.Load(), kind.failed.Load())
	}
	s.must(wrong.err.Load() == nil, "no answer is wrong", "%d faults, seed %d: %v%s", total(struck), s.options.seed, struck, wrong.text())
	return err
}

func total(counts map[string]int) int {
	sum := 0
	for _, count := range counts {
		sum += count
	}
	return sum
}

func (s *scene) keepAsking(ctx context.Context, kind *traffic, worker int, wrong *firstError) {
	for number := 0; ctx.Err() == nil; number++ {
		limited, cancel := context.WithTimeout(ctx, soakTimeout)
		err := kind.once(limited, s.caller, fmt.Sprintf("%s-%d-%d", kind.name, worker, number))
		cancel()
		switch {
		case err == nil:
			kind.good.Add(1)
			continue
		case errors.Is(err, visitor.ErrWrong):
			wrong.set(err)
		}
		if ctx.Err() == nil {
			kind.failed.Add(1)
		}
		_ = site.Rest(ctx, 100*time.Millisecond) // the end of ctx is noticed next
	}
}

// strikeOften lets something happen now and then. The hub and the agents run when it returns.
func (s *scene) strikeOften(ctx context.Context, chance *rand.Rand, struck map[string]int) error {
	strikes := s.strikes()
	for {
		pause := leastPause + time.Duration(chance.Int64N(int64(mostPause-leastPause)))
		if site.Rest(ctx, pause) != nil {
			return s.repairNow()
		}
		next := strikes[chance.IntN(len(strikes))]
		struck[next.name]++
		if err := next.do(context.WithoutCancel(ctx)); err != nil {
			return fmt.Errorf("%s: %w", next.name, err)
		}
	}
}

func (s *scene) repairNow() error {
	s.Link.Set(linkShape{})
	s.Link.Up()
	return nil
}

type strike struct {
	name string
	do   func(context.Context) error
}

func (s *scene) strikes() []strike {
	on := func(do func()) func(context.Context) error {
		return func(context.Context) error { do(); return nil }
	}
	restart := func(end func() error) func(context.Context) error {
		return func(ctx context.Context) error { return errors.Join(end(), s.Hub.Start(ctx)) }
	}
	return []strike{
		{"cut", on(s.Link.Cut)},
		{"swallow", on(s.Link.Swallow)},
		{"lose near", on(s.Link.LoseNear)},
		{"lose far", on(s.Link.LoseFar)},
		{"slow link", on(func() { s.Link.Set(linkShape{Delay: halfRoundTrip, Loss: losses}) })},
		{"fast link", on(func() { s.Link.Set(linkShape{}) })},
		{"down", func(ctx context.Context) error {
			s.Link.Down()
			defer s.Link.Up()
			return site.Rest(ctx, goneFor)
		}},
		{"hub restart", restart(s.Hub.Stop)},
		{"hub kill", restart(s.Hub.Kill)},
		{"agent restart", func(ctx context.Context) error { return errors.Join(s.StopAgent(), s.StartAgent(ctx)) }},
	}
}
