package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
	"golang.org/x/sync/errgroup"
)

const (
	// So many of the clusters get something.
	rolloutClusters = 100
	// A cluster can have no more of it.
	maxPerCluster = 100
	// What has not come to its end by then is lost.
	rolloutPatience = 2 * time.Minute
)

// goods are what clusters get: resources of one type below them.
type goods struct {
	noun, resourceType, version string

	body client.Document
	id   func(cluster fairlead.ResourceID, name string) fairlead.ResourceID
	// moments are when an agent heard of what led to a state, and when the hub acknowledged its report of that.
	moments func(on *life, name, state string) (came, told time.Time)
}

// convergence is how goods came to many clusters, or went from them.
type convergence struct {
	Clusters  int     `json:"clusters"`
	Wanted    int     `json:"wanted"`
	Delivered int     `json:"delivered"`   // to agents
	Ended     int     `json:"ended"`       // as the hub says afterwards: installed, or gone
	Took      seconds `json:"tookSeconds"` // from the first write until the hub has the last agent's report
	Write     spread  `json:"write"`       // until the hub acknowledged
	FromAck   spread  `json:"fromAcknowledgement"`
	FromWrite spread  `json:"fromWrite"`
	Cores     float64 `json:"cores"` // of the hub, over that time
	// Of the agents' side and the writers, which share the processors with the hub and are not charged to it.
	SimulatorCores float64 `json:"simulatorCores"`
	Before         int64   `json:"residentBytesBefore"`
	Resident       int64   `json:"residentBytes"`
	Peak           int64   `json:"peakBytes"`
}

// placed is one of the goods on a cluster.
type placed struct {
	on   *life
	name string
}

// rollout is one change of all of them.
type rollout struct {
	goods

	method string
	body   any
	state  string // which agents report at its end
	// ended counts those that are at their end, by what the hub shows.
	ended func(shown map[string]int, wanted int) int
}

func installing(what goods) rollout {
	return rollout{what, http.MethodPut, what.body, fairlead.ExtensionSucceeded, func(shown map[string]int, _ int) int { return shown[fairlead.ExtensionSucceeded] }}
}

func removing(what goods) rollout {
	return rollout{what, http.MethodDelete, nil, fairlead.ExtensionGone, func(shown map[string]int, wanted int) int {
		for _, count := range shown {
			wanted -= count
		}
		return wanted
	}}
}

// rollOut brings so many goods to each of many clusters, and takes them away again, so that what follows is measured without them.
func (f *fleet) rollOut(ctx context.Context, what goods, each int) (come, gone *convergence, err error) {
	all := f.place(each)
	f.tell("%d %s on %d clusters, %d writers", len(all), what.noun, f.rolloutClusters(), writers)
	if come, err = f.converge(ctx, all, installing(what)); err != nil {
		return nil, nil, err
	}
	f.tell("remove them")
	gone, err = f.converge(ctx, all, removing(what))
	return come, gone, err
}

func (f *fleet) rolloutClusters() int { return min(rolloutClusters, len(f.crowd.all())) }

// place spreads goods over the clusters: one after the other gets its first, then its second.
func (f *fleet) place(each int) []placed {
	lives := f.crowd.all()[:f.rolloutClusters()]
	all := make([]placed, each*len(lives))
	for i := range all {
		all[i] = placed{lives[i%len(lives)], fmt.Sprintf("demo-%d", i/len(lives))}
	}
	return all
}

// converge writes a change of all extensions, some at a time, and waits until each agent has been told, has done it and the hub knows.
func (f *fleet) converge(ctx context.Context, all []placed, change rollout) (*convergence, error) {
	before, err := usageOf(f.hub.PID())
	if err != nil {
		return nil, err
	}
	own, began, written := ownProcessor(), time.Now(), make([]write, len(all))
	group, writing := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for i, one := range all {
		group.Go(func() error {
			written[i].sent = time.Now()
			call := client.Call{Method: change.method, Path: change.id(one.on.id, one.name).String(), Version: change.version, Body: change.body, Async: true}
			_, err := f.hub.api.Begin(writing, call)
			written[i].acknowledged = time.Now()
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("write %s: %w", change.noun, err)
	}
	arrived, reported := awaitReports(ctx, all, change)
	found := &convergence{Clusters: f.rolloutClusters(), Wanted: len(all), Delivered: len(all) - countZero(arrived)}
	found.spread(began, written, arrived, reported)
	after, err := usageOf(f.hub.PID())
	if err != nil {
		return nil, err
	}
	took := after.at.Sub(before.at)
	found.Cores, found.SimulatorCores = float64(after.processor-before.processor)/float64(took), float64(ownProcessor()-own)/float64(took)
	found.Before, found.Resident, found.Peak = before.resident, after.resident, after.peak
	found.Ended, err = f.awaitEnds(ctx, change, len(all))
	return found, err
}

func (c *convergence) spread(began time.Time, written []write, arrived, reported []time.Time) {
	var writes, fromAck, fromWrite []time.Duration
	last := began
	for i, w := range written {
		writes = append(writes, w.acknowledged.Sub(w.sent))
		if !arrived[i].IsZero() {
			// The hub wakes agents before it answers the writer, so an agent may be first.
			fromAck = append(fromAck, max(0, arrived[i].Sub(w.acknowledged)))
			fromWrite = append(fromWrite, arrived[i].Sub(w.sent))
		}
		if reported[i].After(last) {
			last = reported[i]
		}
	}
	c.Took = seconds(last.Sub(began))
	c.Write, c.FromAck, c.FromWrite = spreadOf(writes), spreadOf(fromAck), spreadOf(fromWrite)
}

// awaitReports returns when each change came to its agent, and when the hub had acknowledged what the agent said of it;
// zero for what did not happen in time.
func awaitReports(ctx context.Context, all []placed, change rollout) (arrived, reported []time.Time) {
	ctx, cancel := context.WithTimeout(ctx, rolloutPatience)
	defer cancel()
	for {
		arrived, reported = make([]time.Time, len(all)), make([]time.Time, len(all))
		for i, one := range all {
			arrived[i], reported[i] = change.moments(one.on, one.name, change.state)
		}
		if countZero(reported) == 0 || rest(ctx, 50*time.Millisecond) != nil {
			return arrived, reported
		}
	}
}

// awaitEnds waits until the hub shows all in their last state, and counts those that are.
func (f *fleet) awaitEnds(ctx context.Context, change rollout, wanted int) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, rolloutPatience)
	defer cancel()
	for {
		shown, err := f.shown(ctx, change.goods)
		if err != nil {
			return 0, err
		}
		ended := change.ended(shown, wanted)
		if ended == wanted || rest(ctx, 250*time.Millisecond) != nil {
			return ended, nil
		}
	}
}

// shown counts what the clusters' lists show, by state.
func (f *fleet) shown(ctx context.Context, what goods) (map[string]int, error) {
	shown := map[string]int{}
	for _, l := range f.crowd.all()[:f.rolloutClusters()] {
		all, err := f.hub.api.List(ctx, l.id.String()+"/providers/"+client.ConfigurationProvider+"/"+what.resourceType, what.version, nil)
		if err != nil {
			return nil, err
		}
		for _, document := range all {
			var one struct {
				Properties struct {
					ProvisioningState string `json:"provisioningState"`
				} `json:"properties"`
			}
			if err := client.Decode(document, &one); err != nil {
				return nil, err
			}
			shown[one.Properties.ProvisioningState]++
		}
	}
	return shown, nil
}
