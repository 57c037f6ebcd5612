package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fairlead/fairlead/test/tunnelfaults/site"
)

const (
	restarts   = 3
	underWay   = time.Second // how long the request takes during which somebody goes
	goneFor    = 3 * time.Second
	afterHub   = 10 * time.Second
	clockLimit = 30 * time.Second
	// A longest pause is between two attempts of a cluster whose tunnels never last.
	longestPause = 30 * time.Second
	clockJumped  = time.Hour
)

// slow begins a request that takes a moment, and returns how it went.
func (s *scene) slow(ctx context.Context) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- s.caller.Slow(ctx, "slow", underWay) }()
	return ended
}

// hubRestart: as the update of a hub.
func hubRestart(ctx context.Context, s *scene) error {
	waiting := s.slow(ctx)
	if err := site.Rest(ctx, underWay/4); err != nil {
		return err
	}
	if err := s.Hub.Stop(); err != nil {
		return err
	}
	err := <-waiting
	s.must(err == nil, "the request under way ends well while the hub ends", "%v", wellIfNil(err))
	if err := s.Hub.Start(ctx); err != nil {
		return err
	}
	took, err := s.works(ctx, afterHub+recovery)
	s.mustWithin(afterHub, took, err, "requests work again after the start")
	s.oneConnection(ctx)
	return nil
}

// hubKill: a hub that crashes, and then one that crashes again and again, for which the cluster waits longer and longer.
func hubKill(ctx context.Context, s *scene) error {
	for number := range restarts {
		if err := errors.Join(s.Hub.Kill(), s.Hub.Start(ctx)); err != nil {
			return err
		}
		limit := afterHub
		if number > 0 {
			limit += longestPause
		}
		took, err := s.works(ctx, limit+recovery)
		s.mustWithin(limit, took, err, fmt.Sprintf("requests work again after crash %d", number+1))
	}
	s.oneConnection(ctx)
	return nil
}

// freshAgents are agents that have not failed yet.
func (s *scene) freshAgents(ctx context.Context) error {
	if err := errors.Join(s.StopAgent(), s.StartAgent(ctx)); err != nil {
		return err
	}
	_, err := s.works(ctx, recovery)
	return err
}

func wellIfNil(err error) any {
	if err == nil {
		return "well"
	}
	return err
}

// agentRestart: as the update of a pod.
func agentRestart(ctx context.Context, s *scene) error {
	for number := range restarts {
		waiting := s.slow(ctx)
		if err := site.Rest(ctx, underWay/4); err != nil {
			return err
		}
		if err := s.StopAgent(); err != nil {
			return err
		}
		err := <-waiting
		s.must(err == nil, "the request under way ends well while the agents end", "%v", wellIfNil(err))
		if number == 0 {
			s.askWhileGone(ctx)
		}
		if err := s.StartAgent(ctx); err != nil {
			return err
		}
		took, err := s.works(ctx, comeBack+recovery)
		s.mustWithin(comeBack, took, err, fmt.Sprintf("requests work again after start %d", number+1))
	}
	s.oneConnection(ctx)
	return nil
}

func (s *scene) askWhileGone(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, listLimit)
	defer cancel()
	began := time.Now()
	err := s.caller.Small(limited, "gone")
	s.must(err != nil && limited.Err() == nil, fmt.Sprintf("whoever asks meanwhile is told within %s", listLimit), "%v after %s", err, round(time.Since(began)))
	_ = site.Rest(ctx, goneFor) // the end of ctx is noticed next
}

// clockJump: statements about callers have times. Whoever's clock is put must find out by itself, for callers whom it knows and
// for others.
func clockJump(ctx context.Context, s *scene) error {
	defer s.JumpClock(0)
	known := s.caller
	defer func() { s.caller = known }()
	for number, jump := range []time.Duration{clockJumped, 0, -clockJumped, 0} {
		s.JumpClock(jump)
		for _, who := range []string{"a caller whom it knows", "another caller"} {
			began := time.Now()
			_, err := s.works(ctx, clockLimit)
			s.mustWithin(clockLimit, time.Since(began), err, fmt.Sprintf("the cluster's clock being put to %+.0f h, requests work of %s", jump.Hours(), who))
			other, err := s.Visitor(ctx, fmt.Sprintf("other-%d", number))
			if err != nil {
				return err
			}
			other.HTTP = known.HTTP
			s.caller = other
		}
		s.caller = known
	}
	return nil
}
