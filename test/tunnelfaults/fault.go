package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/fairlead/fairlead/test/tunnelfaults/site"
	"github.com/fairlead/fairlead/test/tunnelfaults/visitor"
)

// fault is one thing that goes wrong.
type fault struct {
	name  string
	what  string
	play  func(context.Context, *scene) error
	limit time.Duration
}

// faults in the order in which they are played: the quick ones first.
func faults() []fault {
	const usual = 2 * time.Minute
	return []fault{
		{"dropped", "the connection is reset while requests are under way", dropped, usual},
		{"slow-reader", "sixteen callers ask for large lists and do not read them", slowReader, usual},
		{"thousand-streams", "a thousand watches are opened at once", thousandStreams, usual},
		{"upload", "one very large body goes to the cluster", upload, 30 * time.Minute},
		{"agent-restart", "the agents are restarted", agentRestart, usual},
		{"hub-restart", "the hub is asked to end, and started again", hubRestart, usual},
		{"hub-kill", "the hub is killed, and started again", hubKill, usual},
		{"lossy", "the link takes 200 ms a round trip and pauses as TCP does when 2 % of the packets are lost (it is a process of ours, not the kernel's netem)", lossy, usual},
		{"black-hole", "the connection swallows everything, and nobody is told", blackHole, usual},
		{"half-open-hub", "the cluster has lost the connection, the hub believes in it", halfOpenHub, usual},
		{"half-open-agent", "the hub has lost the connection, the cluster believes in it", halfOpenAgent, usual},
		{"outage", "there is no way to the hub for twenty seconds", outage, usual},
		{"clock", "the cluster's clock jumps by an hour, forth and back", clockJump, 5 * time.Minute},
		{"idle-proxy", "something on the way closes connections that say nothing for thirty seconds", idleProxy, 3 * time.Minute},
	}
}

func names(all []fault) []string {
	found := make([]string, len(all))
	for i, f := range all {
		found[i] = f.name
	}
	return found
}

// scene is where a fault is played.
type scene struct {
	*site.Site

	options options
	caller  *visitor.Visitor
	claims  []claim
	last    *held // when all was calm after the fault before
}

// must notes whether something held that must.
func (s *scene) must(held bool, what, seen string, args ...any) {
	s.claims = append(s.claims, claim{What: what, Held: held, Seen: fmt.Sprintf(seen, args...)})
}

// mustWithin notes how long something took.
func (s *scene) mustWithin(limit, took time.Duration, err error, what string) {
	what = fmt.Sprintf("%s within %s", what, limit)
	if err != nil {
		s.must(false, what, "%v after %s", err, round(took))
		return
	}
	s.must(took <= limit, what, "%s", round(took))
}

// play plays what is asked for.
func play(ctx context.Context, o options, dir string, progress io.Writer) (found *report, err error) {
	began := time.Now()
	tell := func(format string, args ...any) {
		fmt.Fprintf(progress, "%6.1f s  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}
	tell("start the hub and connect a cluster, profile %s", o.profile)
	place, err := site.Open(ctx, site.Options{Binary: o.binary, Dir: dir, Profile: o.profile})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, place.Close()) }()
	s := &scene{Site: place, options: o}
	if s.caller, err = place.Visitor(ctx, "caller"); err != nil {
		return nil, err
	}
	if err := place.StartAgent(ctx); err != nil {
		return nil, err
	}
	if _, err := s.works(ctx, joinLimit); err != nil {
		return nil, fmt.Errorf("the cluster cannot be reached at all: %w", err)
	}
	found = newReport(o)
	if o.soak > 0 {
		tell("mixed traffic and random faults for %s, seed %d", o.soak, o.seed)
		found.Outcomes = append(found.Outcomes, s.run(ctx, fault{"soak", "mixed traffic with random faults", soak, o.soak + soakMargin}))
		return found, ctx.Err()
	}
	for _, f := range faults() {
		if len(o.only) > 0 && !slices.Contains(o.only, f.name) {
			continue
		}
		tell("%s: %s", f.name, f.what)
		done := s.run(ctx, f)
		tell("%s: %s", f.name, done.summary())
		found.Outcomes = append(found.Outcomes, done)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return found, nil
}

// run plays one fault, between two looks at what is held.
func (s *scene) run(ctx context.Context, f fault) outcome {
	began := time.Now()
	s.claims = nil
	limited, cancel := context.WithTimeout(ctx, f.limit)
	defer cancel()
	err := s.between(limited, f)
	if err != nil {
		s.must(false, "the fault can be played to its end", "%v", err)
	}
	return outcome{Fault: f.name, What: f.what, Took: seconds(time.Since(began)), Claims: s.claims}
}

func (s *scene) between(ctx context.Context, f fault) error {
	if err := s.repair(ctx); err != nil {
		return err
	}
	before, err := s.last, error(nil)
	if before == nil {
		if before, err = s.calm(ctx, nil); err != nil {
			return err
		}
	}
	s.last = nil
	if err := f.play(ctx, s); err != nil {
		return err
	}
	if took, err := s.works(ctx, recovery); err != nil {
		s.mustWithin(recovery, took, err, "requests work afterwards")
		return nil
	}
	after, err := s.calm(ctx, before)
	if err != nil {
		return err
	}
	s.compare(before, after)
	if s.fits(before, after) {
		s.last = before // not after: many small leaks are one
	}
	return nil
}

// repair undoes what a fault may have left. Agents whose tunnels have broken again and again wait longer and longer: each fault
// meets fresh ones.
func (s *scene) repair(ctx context.Context) error {
	s.Link.Set(linkShape{})
	s.Link.Up()
	return s.freshAgents(ctx)
}
