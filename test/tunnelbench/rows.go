package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead/fairlead/test/tunnelfaults/apiserver"
	"github.com/fairlead/fairlead/test/tunnelfaults/site"
)

const (
	megabyte    = 1_000_000
	warm        = 500 * time.Millisecond
	listSize    = 50 * megabyte
	manyWatches = 16
	watchEvery  = 5 * time.Millisecond
	stallSize   = 1000 * megabyte
	idleWait    = 10 * time.Second // until what was needed to begin has been closed
	stallLoad   = 8
	nothing     = 50 * time.Millisecond // of processor time a second
	beside      = 4
	endless     = 1 << 40
)

// values are what a measurement found, by name.
type values map[string]float64

// row is one kind of measurement.
type row struct {
	name   string
	wan    bool
	once   bool // it is coarse, and long
	except []string
	take   func(ctx context.Context, b *bench, r *running) (values, error)
}

func rows() []row {
	// The first three have no tunnels, rd-rancher idles as rd does, and the rest take a process for each tunnel.
	single := []string{"direct", "proxy", "twohop", "rd-rancher", "chisel", "frp", "konnectivity"}
	return []row{
		{name: "small1", take: small(1)},
		{name: "small32", take: small(32)},
		{name: "small256", take: small(256)},
		{name: "list", take: list},
		{name: "echo", take: echo},
		{name: "watch", take: watch},
		{name: "wan", wan: true, take: wan},
		{name: "stall16", take: stall(16)},
		{name: "stall512", take: stall(512)},
		{name: "idle", once: true, except: single, take: idle},
	}
}

func (r row) fits(candidate string) bool { return !slices.Contains(r.except, candidate) }

func rowNames() []string {
	var names []string
	for _, r := range rows() {
		names = append(names, r.name)
	}
	return names
}

// get gets a path and counts what comes. The bench checks sizes only: test/tunnelfaults checks every byte.
func (r *running) get(ctx context.Context, path string, count *atomic.Int64, buffer []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+path, nil)
	if err != nil {
		return err
	}
	if r.token != nil {
		token, err := r.token(ctx)
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := r.web.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 300))
		return fmt.Errorf("%s: %s", answer.Status, strings.TrimSpace(string(text)))
	}
	for {
		n, err := answer.Body.Read(buffer)
		count.Add(int64(n))
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// many is how long requests of several callers took.
type many struct {
	took   []time.Duration
	lasted time.Duration
	err    error
}

// smalls lets callers ask for small documents for a while.
func (r *running) smalls(ctx context.Context, workers int, lasts time.Duration) many {
	var all sync.WaitGroup
	var mu sync.Mutex
	var m many
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, lasts+startLimit)
	defer cancel()
	for range workers {
		all.Go(func() {
			var count atomic.Int64
			var took []time.Duration
			var err error
			for buffer := make([]byte, 4<<10); err == nil && time.Since(began) < lasts; {
				at := time.Now()
				if err = r.get(limited, apiserver.SmallPath("small"), &count, buffer); err == nil {
					took = append(took, time.Since(at))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			m.took, m.err = append(m.took, took...), errors.Join(m.err, err)
		})
	}
	all.Wait()
	m.lasted = time.Since(began)
	slices.Sort(m.took)
	return m
}

func (m many) milliseconds(share float64) float64 {
	if len(m.took) == 0 {
		return 0
	}
	return float64(m.took[min(len(m.took)-1, int(share*float64(len(m.took))))]) / float64(time.Millisecond)
}

func small(workers int) func(context.Context, *bench, *running) (values, error) {
	return func(ctx context.Context, b *bench, r *running) (values, error) {
		if m := r.smalls(ctx, workers, warm); m.err != nil {
			return nil, m.err
		}
		spent := b.meter(r)
		m := r.smalls(ctx, workers, b.options.window)
		v := values{"rps": float64(len(m.took)) / m.lasted.Seconds(), "p50": m.milliseconds(.5), "p99": m.milliseconds(.99)}
		spent.into(v, float64(len(m.took))/1e6, "us")
		return v, m.err
	}
}

// list gets one list after the other.
func list(ctx context.Context, b *bench, r *running) (values, error) {
	var bytes atomic.Int64
	buffer := make([]byte, 64<<10)
	path := apiserver.ListPath + fmt.Sprintf("?bytes=%d", listSize)
	if err := r.get(ctx, path, &bytes, buffer); err != nil {
		return nil, err
	}
	bytes.Store(0)
	limited, cancel := context.WithTimeout(ctx, b.options.window+startLimit)
	defer cancel()
	spent := b.meter(r)
	began := time.Now()
	for time.Since(began) < b.options.window {
		if err := r.get(limited, path, &bytes, buffer); err != nil {
			return nil, err
		}
	}
	v := values{"MBps": float64(bytes.Load()) / megabyte / time.Since(began).Seconds()}
	spent.into(v, float64(bytes.Load())/1e9, "GBs")
	return v, nil
}

// echo keeps both directions of an upgraded stream busy. A stream that has come to a stop is a failure, whatever came before.
func echo(ctx context.Context, b *bench, r *running) (values, error) {
	var bytes atomic.Int64
	limited, cancel := context.WithTimeout(ctx, b.options.window)
	defer cancel()
	var late atomic.Int64 // what had come when a quarter of the time was left
	note := time.AfterFunc(b.options.window*3/4, func() { late.Store(bytes.Load()) })
	defer note.Stop()
	spent := b.meter(r)
	began := time.Now()
	err := r.visitor().Echo(limited, endless, &bytes)
	took := time.Since(began)
	switch {
	case limited.Err() == nil:
		return nil, err
	case bytes.Load() == late.Load():
		return nil, fmt.Errorf("the stream stopped for good after %d bytes", late.Load())
	}
	v := values{"MBps": float64(bytes.Load()) / megabyte / took.Seconds()}
	spent.into(v, float64(bytes.Load())/1e9, "GBs")
	return v, nil
}

// watch says how long events take.
func watch(ctx context.Context, b *bench, r *running) (values, error) {
	limited, cancel := context.WithTimeout(ctx, b.options.window)
	defer cancel()
	var all sync.WaitGroup
	var mu sync.Mutex
	var m many
	spent := b.meter(r)
	for range manyWatches {
		all.Go(func() {
			err := r.visitor().Watch(limited, watchEvery, func(took time.Duration) {
				mu.Lock()
				defer mu.Unlock()
				m.took = append(m.took, took)
			})
			if limited.Err() == nil {
				mu.Lock()
				defer mu.Unlock()
				m.err = errors.Join(m.err, err)
			}
		})
	}
	all.Wait()
	slices.Sort(m.took)
	v := values{"p50": m.milliseconds(.5), "p99": m.milliseconds(.99)}
	spent.into(v, float64(len(m.took))/1e6, "us")
	return v, m.err
}

// wan is one list, then small documents alone and beside lists, all over the link.
func wan(ctx context.Context, b *bench, r *running) (values, error) {
	v := values{}
	if m := r.smalls(ctx, 1, warm); m.err != nil {
		return nil, m.err
	}
	alone := r.smalls(ctx, beside, b.options.window)
	if alone.err != nil {
		return nil, alone.err
	}
	v["p50"], v["p99"] = alone.milliseconds(.5), alone.milliseconds(.99)
	var bytes atomic.Int64
	began := time.Now()
	if err := r.get(ctx, apiserver.ListPath+fmt.Sprintf("?bytes=%d", listSize), &bytes, make([]byte, 64<<10)); err != nil {
		return nil, err
	}
	v["listMBps"] = float64(listSize) / megabyte / time.Since(began).Seconds()
	return v, wanBeside(ctx, b, r, v)
}

func wanBeside(ctx context.Context, b *bench, r *running, v values) error {
	limited, cancel := context.WithCancel(ctx)
	var lists sync.WaitGroup
	defer lists.Wait()
	defer cancel()
	var bytes atomic.Int64
	for range beside {
		lists.Go(func() {
			_ = r.get(limited, apiserver.ListPath+fmt.Sprintf("?bytes=%d", int64(endless)), &bytes, make([]byte, 64<<10)) // it is ended
		})
	}
	if err := site.Rest(ctx, 2*time.Second); err != nil { // buffers fill
		return err
	}
	bytes.Store(0)
	m := r.smalls(ctx, beside, 2*b.options.window)
	v["besideP50"], v["besideP99"] = m.milliseconds(.5), m.milliseconds(.99)
	v["bulkMBps"] = float64(bytes.Load()) / megabyte / m.lasted.Seconds()
	return m.err
}

// stall has callers that do not read what they asked for.
func stall(readers int) func(context.Context, *bench, *running) (values, error) {
	return func(ctx context.Context, b *bench, r *running) (values, error) {
		limited, cancel := context.WithCancel(ctx)
		defer cancel()
		before, agentBefore := residents(r.hub), residents(r.agent)
		stalled, err := r.stallMany(limited, readers)
		defer func() {
			for _, one := range stalled {
				one.Close()
			}
			r.web.CloseIdleConnections()
		}()
		if err != nil {
			return nil, err
		}
		if err := b.settle(ctx, r); err != nil {
			return nil, err
		}
		m := r.smalls(ctx, stallLoad, b.options.window)
		each := func(now, before int64) float64 { return float64(now-before) / (1 << 20) / float64(readers) }
		return values{
			"p50": m.milliseconds(.5), "p99": m.milliseconds(.99),
			"hubMB": each(residents(r.hub), before), "agentMB": each(residents(r.agent), agentBefore),
		}, m.err
	}
}

func (r *running) stallMany(ctx context.Context, readers int) ([]io.Closer, error) {
	var stalled []io.Closer
	var mu sync.Mutex
	var all sync.WaitGroup
	var failed error
	turns := make(chan struct{}, 32)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for range readers {
			select {
			case turns <- struct{}{}:
			case <-ctx.Done():
				return
			}
			all.Go(func() {
				defer func() { <-turns }()
				one, err := r.visitor().Stall(ctx, stallSize)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					failed = err
					return
				}
				stalled = append(stalled, one)
			})
		}
		all.Wait()
	}()
	select {
	case <-over:
	case <-time.After(startLimit):
		failed = fmt.Errorf("not all readers got through within %s", startLimit)
	}
	mu.Lock()
	defer mu.Unlock()
	return slices.Clone(stalled), failed
}

// settle waits until windows and buffers are full, which is when nobody has anything to do.
func (b *bench) settle(ctx context.Context, r *running) error {
	for until := time.Now().Add(startLimit); time.Now().Before(until); {
		before := used(r.hub) + used(r.agent)
		if err := site.Rest(ctx, time.Second); err != nil {
			return err
		}
		if used(r.hub)+used(r.agent)-before < nothing {
			return nil
		}
	}
	return fmt.Errorf("hub and agents do not come to rest within %s", startLimit)
}

func residents(pids []int) int64 {
	var sum int64
	for _, pid := range pids {
		resident, _ := site.Resident(pid)
		sum += resident
	}
	return sum
}

// idle holds many tunnels, and then uses each once.
func idle(ctx context.Context, b *bench, r *running) (values, error) {
	count := b.options.agents
	before, err := r.usage(ctx)
	if err != nil {
		return nil, err
	}
	herd, err := r.herd(ctx, count)
	if err != nil {
		return nil, err
	}
	defer herd.stop()
	if err := site.Rest(ctx, idleWait); err != nil {
		return nil, err
	}
	held, err := r.usage(ctx)
	if err != nil {
		return nil, err
	}
	var bytes atomic.Int64
	for number := range count {
		if err := r.get(ctx, r.herdPath(number)+apiserver.SmallPath("small"), &bytes, make([]byte, 4<<10)); err != nil {
			return nil, fmt.Errorf("use tunnel %d: %w", number, err)
		}
	}
	used, err := r.usage(ctx)
	v := values{}
	for name, now := range map[string]usage{"": held, "used": used} {
		v[name+"KB"] = float64(now.Resident-before.Resident) / 1024 / float64(count)
		v[name+"HeapKB"] = float64(now.Heap-before.Heap) / 1024 / float64(count)
		v[name+"goroutines"] = float64(now.Goroutines-before.Goroutines) / float64(count)
	}
	return v, err
}
