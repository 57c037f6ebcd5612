package main

import (
	"context"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

const (
	// So much of the herd is profiled, when that is wanted.
	herdProfile = 30 * time.Second
	// How long agents may take to come back before they are given up.
	herdPatience = 3 * time.Minute
	// The inventory is asked so often who is offline.
	lookEvery = 2 * time.Second
)

// herd is what happened when a server was killed and started again. Times count from the moment at which it was ready.
type herd struct {
	Down     seconds `json:"downSeconds"` // from the kill until ready
	Wanted   int     `json:"wanted"`
	Returned spread  `json:"returned"`        // when each agent reached the server
	Complete seconds `json:"completeSeconds"` // until all long polls were held again as well
	Failed   int64   `json:"heartbeatsFailed"`
	// One for each agent is what it takes.
	Handshakes handshakes `json:"handshakes"`
	Cores      float64    `json:"cores"`
	// Of the agents' side, which shares the processors with the server and is not charged to it.
	SimulatorCores float64 `json:"simulatorCores"`
	Peak           int64   `json:"peakBytes"`
	// What the inventory said meanwhile. Longest is from the look before the first at which a cluster was offline to the
	// first at which it was not any more, at most.
	Offline *offline `json:"offline,omitempty"`
}

type offline struct {
	Clusters int     `json:"clusters"`
	Longest  seconds `json:"longestSeconds"`
	Looks    int     `json:"looks"`
}

// restart kills the server as a power cut would and starts it again.
func (f *fleet) restart(ctx context.Context, c *crowd, at server, watch func(context.Context) *offline) (*herd, error) {
	failed := c.failed.Load()
	killed := time.Now()
	if err := at.Kill(); err != nil {
		return nil, err
	}
	c.forget()
	if err := at.Start(ctx); err != nil {
		return nil, err
	}
	ready, own := time.Now(), ownProcessor()
	before, err := usageOf(at.PID())
	if err != nil {
		return nil, err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	seen := make(chan *offline, 1)
	go func() { seen <- watch(watching) }()
	if err := c.complete(ctx, at, herdPatience, func(text string) { f.tell("%s", text) }); err != nil {
		return nil, err
	}
	found := &herd{Down: seconds(ready.Sub(killed)), Wanted: len(c.all()), Complete: seconds(time.Since(ready)), Failed: c.failed.Load() - failed}
	found.SimulatorCores = float64(ownProcessor()-own) / float64(found.Complete)
	stop()
	found.Offline = <-seen
	if found.Handshakes, err = at.Handshakes(ctx); err != nil {
		return nil, err
	}
	var returned []time.Duration
	for _, moment := range c.returned() {
		returned = append(returned, max(0, moment.Sub(ready)))
	}
	found.Returned = spreadOf(returned)
	used, err := usageOf(at.PID())
	found.Peak, found.Cores = used.peak, (used.processor-before.processor).Seconds()/used.at.Sub(before.at).Seconds()
	return found, err
}

func (f *fleet) notWatched(context.Context) *offline { return nil }

// watchInventory notes who is shown as offline until ctx ends, and once more after that.
func (f *fleet) watchInventory(ctx context.Context) *offline {
	found, began, last := &offline{}, map[string]time.Time{}, time.Now()
	for done := false; !done; {
		done = rest(ctx, lookEvery) != nil
		now, gone := time.Now(), map[string]bool{}
		if err := f.whoIsAway(context.WithoutCancel(ctx), gone); err != nil {
			continue // the hub is not there, or busy: the next look tells
		}
		found.note(began, gone, last, now)
		last = now
	}
	return found
}

// whoIsAway reads the list of all clusters only when there is somebody to be found in it: at ten thousand, reading it every
// two seconds is a load of its own.
func (f *fleet) whoIsAway(ctx context.Context, gone map[string]bool) error {
	if count, err := f.hub.away(ctx); err != nil || count == 0 {
		return err
	}
	_, err := f.walk(ctx, f.clustersPath(), client.ClusterVersion, nil, func(c cluster) {
		if c.Properties.Status != fairlead.Connected {
			gone[c.Name] = true
		}
	})
	return err
}

// note takes in one look at the inventory.
func (o *offline) note(began map[string]time.Time, gone map[string]bool, last, now time.Time) {
	o.Looks++
	for name := range gone {
		if _, known := began[name]; !known {
			began[name] = last
			o.Clusters++
		}
	}
	for name, from := range began {
		o.Longest = max(o.Longest, seconds(now.Sub(from)))
		if !gone[name] {
			delete(began, name)
		}
	}
}
