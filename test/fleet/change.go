package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/fairlead/fairlead/client"
	"golang.org/x/sync/errgroup"
)

const (
	// So many changes are written at a time when all clusters are changed.
	writers = 32
	// What has not arrived by then is lost.
	deliveryPatience = time.Minute
	sampleSize       = 100
)

// delivery is how a change of the desired state reached the agents.
type delivery struct {
	Wanted    int     `json:"wanted"`
	Delivered int     `json:"delivered"`
	Took      seconds `json:"tookSeconds"` // from the first write to the last arrival
	Write     spread  `json:"write"`       // until the hub acknowledged
	FromAck   spread  `json:"fromAcknowledgement"`
	FromWrite spread  `json:"fromWrite"`
}

// write is one acknowledged write.
type write struct{ sent, acknowledged time.Time }

// deliver changes a tag of the given clusters, some at a time, and waits until each agent has been told.
func (f *fleet) deliver(ctx context.Context, change string, to []*life, atATime int) (*delivery, error) {
	began, written := time.Now(), make([]write, len(to))
	group, writing := errgroup.WithContext(ctx)
	group.SetLimit(atATime)
	for i, l := range to {
		group.Go(func() (err error) {
			written[i], err = f.write(writing, l, change)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("write change %s: %w", change, err)
	}
	arrived := awaitArrivals(ctx, change, to)
	found := &delivery{Wanted: len(to), Delivered: len(to) - countZero(arrived), Took: seconds(slices.MaxFunc(arrived, time.Time.Compare).Sub(began))}
	var writes, fromAck, fromWrite []time.Duration
	for i, w := range written {
		writes = append(writes, w.acknowledged.Sub(w.sent))
		if !arrived[i].IsZero() {
			// The hub wakes agents before it answers the writer, so an agent may be first.
			fromAck = append(fromAck, max(0, arrived[i].Sub(w.acknowledged)))
			fromWrite = append(fromWrite, arrived[i].Sub(w.sent))
		}
	}
	found.Write, found.FromAck, found.FromWrite = spreadOf(writes), spreadOf(fromAck), spreadOf(fromWrite)
	return found, nil
}

func (f *fleet) write(ctx context.Context, to *life, change string) (write, error) {
	w := write{sent: time.Now()}
	err := f.hub.api.Patch(ctx, to.id.String(), client.ClusterVersion, client.Document{"tags": tagsOf(to.number, change)}, nil)
	w.acknowledged = time.Now()
	return w, err
}

// awaitArrivals returns when each agent got the change, zero for those who did not in time.
func awaitArrivals(ctx context.Context, change string, to []*life) []time.Time {
	ctx, cancel := context.WithTimeout(ctx, deliveryPatience)
	defer cancel()
	arrived := make([]time.Time, len(to))
	for {
		for i, l := range to {
			if arrived[i].IsZero() {
				arrived[i], _ = l.arrival(change)
			}
		}
		if countZero(arrived) == 0 || rest(ctx, 50*time.Millisecond) != nil {
			return arrived
		}
	}
}

func countZero(moments []time.Time) int {
	count := 0
	for _, at := range moments {
		if at.IsZero() {
			count++
		}
	}
	return count
}

// changes delivers one change to a sample, one at a time, and then one to all.
func (f *fleet) changes(ctx context.Context) error {
	all := f.crowd.all()
	if len(all) == 0 {
		return errors.New("there are no agents to tell")
	}
	sample := make([]*life, 0, sampleSize)
	for _, i := range rand.Perm(len(all))[:min(sampleSize, len(all))] {
		sample = append(sample, all[i])
	}
	f.tell("one change to each of %d clusters, one after another", len(sample))
	var err error
	if f.report.ChangeSample, err = f.deliver(ctx, "sample", sample, 1); err != nil {
		return err
	}
	f.tell("one change to all %d clusters, %d writers", len(all), writers)
	f.report.ChangeAll, err = f.deliver(ctx, "all", all, writers)
	return err
}
