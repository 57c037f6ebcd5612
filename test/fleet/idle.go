package main

import (
	"context"
	"time"
)

// idle is what a server needs to hold agents who want nothing.
type idle struct {
	Over           seconds `json:"overSeconds"`
	Held           int     `json:"requestsHeld"`
	Heartbeats     spread  `json:"heartbeats"`
	Failed         int64   `json:"heartbeatsFailed"`
	Cores          float64 `json:"cores"`          // of the server
	SimulatorCores float64 `json:"simulatorCores"` // of the agents' side, not charged to the server
	Resident       int64   `json:"residentBytes"`
	Peak           int64   `json:"peakBytes"`
	PerAgent       int64   `json:"residentBytesPerAgent"`
}

// idle measures a crowd at rest for a while.
func (f *fleet) idle(ctx context.Context, c *crowd, at server, during time.Duration) (*idle, error) {
	c.beats.take()
	failed := c.failed.Load()
	before, err := usageOf(at.PID())
	if err != nil {
		return nil, err
	}
	own := ownProcessor()
	if err := rest(ctx, during); err != nil {
		return nil, err
	}
	after, err := usageOf(at.PID())
	if err != nil {
		return nil, err
	}
	own = ownProcessor() - own
	took := after.at.Sub(before.at)
	found := &idle{
		Over: seconds(took), Heartbeats: c.beats.take(), Failed: c.failed.Load() - failed,
		Cores:          float64(after.processor-before.processor) / float64(took),
		SimulatorCores: float64(own) / float64(took), Resident: after.resident, Peak: after.peak,
		PerAgent: after.resident / int64(max(1, len(c.all()))),
	}
	found.Held, err = at.UnderWay(ctx)
	return found, err
}

func rest(ctx context.Context, during time.Duration) error {
	timer := time.NewTimer(during)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
