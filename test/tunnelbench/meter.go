package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead/fairlead/test/tunnelfaults/site"
)

const (
	// A test during which others used more of the machine is repeated, at most so often.
	tolerable = 0.12
	tries     = 2
	glance    = time.Second
)

type usage = site.Usage

// tellUsage is for processes of this program: what it holds after a collection.
func tellUsage(w http.ResponseWriter, _ *http.Request) {
	debug.FreeOSMemory()
	_ = json.NewEncoder(w).Encode(site.Own()) // whoever asked is gone if this fails
}

func askUsage(ctx context.Context, b *bench, address string) (usage, error) {
	trust, err := trustIn(b.dir)
	if err != nil {
		return usage{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return usage{}, err
	}
	transport := pooled(trust, nil)
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return usage{}, err
	}
	defer answer.Body.Close()
	// The names are those of the JSON of site.Usage.
	var now usage
	return now, json.NewDecoder(answer.Body).Decode(&now)
}

// meter says what a candidate and both ends have used since.
type meter struct {
	hubs, agents, ends       []int
	hub, agent, backend, own time.Duration
}

func (b *bench) meter(r *running) *meter {
	m := &meter{hubs: r.hub, agents: r.agent, ends: []int{b.backend.PID}}
	m.hub, m.agent, m.backend, m.own = used(m.hubs), used(m.agents), used(m.ends), processorTime(os.Getpid())
	return m
}

func used(pids []int) time.Duration {
	var sum time.Duration
	for _, pid := range pids {
		sum += processorTime(pid)
	}
	return sum
}

// into adds what was used, by itself and by unit of work, and in relation to what both ends used for the same work: that is
// where the speed of the machine and the neighbours cancel out.
func (m *meter) into(v values, work float64, unit string) {
	hub, agent := used(m.hubs)-m.hub, used(m.agents)-m.agent
	ends := used(m.ends) - m.backend + processorTime(os.Getpid()) - m.own
	if work > 0 {
		v["hub_"+unit] = hub.Seconds() / work
		v["agent_"+unit] = agent.Seconds() / work
	}
	if ends > 0 {
		v["norm"] = (hub + agent).Seconds() / ends.Seconds()
	}
}

// machine is what all processors have done, and what we have.
type machine struct {
	at         time.Time
	busy, ours time.Duration
}

func (b *bench) machine() machine {
	m := machine{at: time.Now(), ours: processorTime(os.Getpid()), busy: busyTime()}
	for _, p := range b.processes {
		m.ours += processorTime(p.PID)
	}
	for _, s := range b.sites {
		m.ours += processorTime(s.Hub.PID())
	}
	return m
}

// busyTime is what all processors have worked, what was stolen from them counted.
func busyTime() time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(first)
	var sum int64
	for at, field := range fields {
		if at == 0 || at == 4 || at == 5 || at > 8 { // the name, idle, waiting for disks, and guests, which are counted
			continue
		}
		ticks, _ := strconv.ParseInt(field, 10, 64)
		sum += ticks
	}
	return time.Duration(sum) * time.Second / 100
}

// disturbed is which share of the machine others used between two moments.
func disturbed(from, to machine) float64 {
	others := (to.busy - from.busy) - (to.ours - from.ours)
	return max(0, others.Seconds()/to.at.Sub(from.at).Seconds()/float64(runtime.NumCPU()))
}

// waitQuiet waits for a moment in which others do little.
func (b *bench) waitQuiet(ctx context.Context) error {
	for until := time.Now().Add(b.options.patience); ; {
		from := b.machine()
		if err := site.Rest(ctx, glance); err != nil {
			return err
		}
		if disturbed(from, b.machine()) <= tolerable || time.Now().After(until) {
			return nil
		}
	}
}

// quietly measures, and again if others were busy meanwhile. It keeps the sample that was disturbed least, never the one that
// looks best.
func (b *bench) quietly(ctx context.Context, row row, r *running) (best values, least float64, err error) {
	for try := range tries {
		if err := b.waitQuiet(ctx); err != nil {
			return nil, 0, err
		}
		from := b.machine()
		found, err := row.take(ctx, b, r)
		if err != nil {
			return nil, 0, err
		}
		share := disturbed(from, b.machine())
		if try == 0 || share < least {
			best, least = found, share
		}
		if share <= tolerable || row.once {
			return best, least, nil
		}
	}
	if best == nil {
		return nil, 0, errors.New("nothing was measured")
	}
	return best, least, nil
}
