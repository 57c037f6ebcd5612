package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead/fairlead/test/tunnelfaults/site"
	"github.com/fairlead/fairlead/test/tunnelfaults/visitor"
)

const (
	stalled     = 16
	stalledList = 1 << 30
	stalledFor  = 5 * time.Second
	// What each may cost the hub: the window of its stream, and as much again that is not collected yet.
	stalledHeap     = 5 << 20
	stalledResident = 10 << 20
	oneList         = 20_000_000
	listLimit       = 30 * time.Second
	quickly         = 5 * time.Second
	uploadMemory    = 128 << 20 // what an upload of any size may cost the hub
	glance          = time.Second
)

// slowReader: whoever does not read must cost a bounded amount, and nobody else anything.
func slowReader(ctx context.Context, s *scene) error {
	before, err := s.undisturbed(ctx)
	if err != nil {
		return err
	}
	usage, err := s.Hub.Usage(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var readers []io.Closer
	defer func() {
		for _, reader := range readers {
			reader.Close()
		}
	}()
	for range stalled {
		reader, err := s.caller.Stall(ctx, stalledList)
		if err != nil {
			return fmt.Errorf("begin a list that is not read: %w", err)
		}
		readers = append(readers, reader)
	}
	during := s.startLoad(ctx, loaders)
	began := time.Now()
	err = s.caller.List(ctx, oneList)
	s.mustWithin(listLimit, time.Since(began), err, fmt.Sprintf("another list of %d MB comes", oneList/1_000_000))
	err = site.Rest(ctx, stalledFor)
	during.stop()
	if err != nil {
		return err
	}
	s.unharmed(before, during)
	resident, err := site.Resident(s.Hub.PID())
	if err != nil {
		return err
	}
	now, err := s.Hub.Usage(ctx)
	s.must(now.Heap-usage.Heap <= stalled*stalledHeap && resident-usage.Resident <= stalled*stalledResident,
		fmt.Sprintf("each costs the hub at most %d MiB of heap and %d MiB of memory", stalledHeap>>20, stalledResident>>20),
		"%.1f and %.1f MiB", mebibytes(now.Heap-usage.Heap)/stalled, mebibytes(resident-usage.Resident)/stalled)
	return err
}

// thousandStreams: many watches at once come, get their events, and leave nothing behind.
func thousandStreams(ctx context.Context, s *scene) error {
	before, err := s.undisturbed(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// As client-go does: a thousand connections would try the hub's TLS, and no tunnel.
	many := *s.caller
	many.HTTP = visitor.Multiplexed(s.Hub.Trust())
	defer many.HTTP.CloseIdleConnections()
	const events = 3
	var first, done atomic.Int64
	var all sync.WaitGroup
	var last firstError
	began := time.Now()
	opened := make(chan struct{})
	for range s.options.streams {
		all.Go(func() {
			seen := 0
			err := many.Watch(ctx, time.Second, func(time.Duration) {
				switch seen++; seen {
				case 1:
					if first.Add(1) == int64(s.options.streams) {
						close(opened)
					}
				case events:
					done.Add(1)
				}
			})
			if ctx.Err() == nil {
				last.set(err)
			}
		})
	}
	select {
	case <-opened:
	case <-time.After(listLimit):
	}
	s.must(first.Load() == int64(s.options.streams), fmt.Sprintf("all %d are open and have their first event within %s", s.options.streams, listLimit),
		"%d after %s", first.Load(), round(time.Since(began)))
	during := s.startLoad(ctx, loaders)
	err = site.Rest(ctx, quickly)
	during.stop()
	s.must(done.Load() == int64(s.options.streams), fmt.Sprintf("each has %d events %s later", events, quickly), "%d have%s", done.Load(), last.text())
	s.unharmed(before, during)
	cancel()
	all.Wait()
	return err
}

// firstError keeps the first of many.
type firstError struct{ err atomic.Pointer[error] }

func (f *firstError) set(err error) { f.err.CompareAndSwap(nil, &err) }

func (f *firstError) text() string {
	if found := f.err.Load(); found != nil {
		return ", one ended: " + (*found).Error()
	}
	return ""
}

// upload: a body of any size costs the hub no more than a small one, and arrives whole.
func upload(ctx context.Context, s *scene) error {
	before, err := s.undisturbed(ctx)
	if err != nil {
		return err
	}
	resident, err := site.Resident(s.Hub.PID())
	if err != nil {
		return err
	}
	sending := make(chan error, 1)
	began := time.Now()
	go func() { sending <- s.caller.Upload(ctx, s.options.upload) }()
	during := s.startLoad(ctx, 1)
	peak := resident
	for ended := false; !ended; {
		select {
		case err = <-sending:
			ended = true
		case <-time.After(glance):
			if now, err := site.Resident(s.Hub.PID()); err == nil {
				peak = max(peak, now)
			}
		}
	}
	took := time.Since(began)
	during.stop()
	seen := fmt.Sprintf("after %s, %.0f MB/s", round(took), float64(s.options.upload)/1e6/took.Seconds())
	if err != nil {
		seen += ": " + err.Error()
	}
	s.must(err == nil, fmt.Sprintf("%d MB arrive, byte by byte as they were sent", s.options.upload/1_000_000), "%s", seen)
	s.must(peak-resident <= uploadMemory, fmt.Sprintf("the hub needs at most %d MiB more meanwhile", uploadMemory>>20), "%.1f MiB", mebibytes(peak-resident))
	s.unharmed(before, during)
	return nil
}
