package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/fairlead/fairlead/test/tunnelfaults/site"
	"github.com/fairlead/fairlead/test/tunnelfaults/visitor"
)

// hop returns the address to use in place of another, such as that of a link to it.
type hop func(ctx context.Context, target string) (string, error)

type starter func(ctx context.Context, b *bench, over hop) (*running, error)

// candidate is a way to the API server.
type candidate struct {
	name, what string
	start      starter
	programs   []string // of others, to be found in a folder that is given
}

func candidates() []candidate {
	return []candidate{
		{"direct", "no hub at all", startDirect, nil},
		{"proxy", "one plain reverse proxy", startOneProxy, nil},
		{"twohop", "two plain reverse proxies, no tunnel", startTwoHops, nil},
		{"ours-edge", "fairlead, profile edge: the tunnel ends in the agent that proxies", startOurs(site.Edge), nil},
		{"ours-standard", "fairlead, profile standard: bridge, mutual TLS, kube-aad-proxy", startOurs(site.Standard), nil},
		{"rd", "remotedialer behind a transport that keeps its connections", startRemoteDialer("pooled"), nil},
		{"rd-rancher", "remotedialer behind a transport as Rancher's", startRemoteDialer("rancher"), nil},
		{"chisel", "chisel", startChisel, nil},
		{"frp", "frp by its default, TLS without a WebSocket, behind one plain reverse proxy", startFrp, []string{frpServer, frpClient}},
		{"konnectivity", "konnectivity, mutual TLS, behind a plain reverse proxy that asks it to CONNECT", startKonnectivity, []string{konnectivityServer, konnectivityAgent}},
	}
}

func candidateNames() []string {
	var names []string
	for _, c := range candidates() {
		names = append(names, c.name)
	}
	return names
}

// running is a candidate that has been started.
type running struct {
	base       string
	token      func(context.Context) (string, error)
	web        *http.Client
	hub, agent []int

	// Only of candidates that can hold many clusters in one process.
	herd     func(ctx context.Context, count int) (*process, error)
	herdPath func(number int) string
	usage    func(context.Context) (usage, error)
}

func (r *running) visitor() *visitor.Visitor {
	return &visitor.Visitor{Base: r.base, HTTP: r.web, Token: r.token}
}

// bench is one run.
type bench struct {
	options   options
	dir       string
	log       *os.File
	progress  io.Writer
	began     time.Time
	backend   *process
	processes []*process
	sites     []*site.Site
	started   map[string]*running // by candidate, with a suffix when over a link
	links     map[int]bool        // whose work counts for nobody
}

func (b *bench) tell(format string, args ...any) {
	fmt.Fprintf(b.progress, "%6.1f s  %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

func measure(ctx context.Context, o options, dir string, progress io.Writer) (found *results, err error) {
	b := &bench{options: o, dir: dir, progress: progress, began: time.Now(), started: map[string]*running{}, links: map[int]bool{}}
	if b.log, err = os.Create(b.file("parts.log")); err != nil {
		return nil, err
	}
	defer b.log.Close()
	defer func() {
		if err != nil {
			text, _ := os.ReadFile(b.log.Name())
			err = fmt.Errorf("%w\n%s", err, text[max(0, len(text)-3000):])
		}
	}()
	if err := b.writePair(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if b.backend, err = b.start(ctx, "backend", dir); err != nil {
		return nil, err
	}
	found = newResults(o)
	for round := range o.repeat {
		for _, row := range rows() {
			if !slices.Contains(o.rows, row.name) || row.once && round > 0 {
				continue
			}
			if err := b.measureRow(ctx, row, round, found); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

func (b *bench) close() error {
	var err error
	for _, s := range b.sites {
		err = errors.Join(err, s.Close())
	}
	for _, p := range slices.Backward(b.processes) {
		p.stop()
	}
	return err
}

// measureRow lets all candidates take their turn, in another order each time.
func (b *bench) measureRow(ctx context.Context, row row, round int, found *results) error {
	order := rand.Perm(len(b.options.candidates))
	for _, at := range order {
		name := b.options.candidates[at]
		if !row.fits(name) {
			continue
		}
		r, err := b.running(ctx, name, row)
		if err != nil {
			return fmt.Errorf("start %s: %w", name, err)
		}
		values, disturbed, err := b.quietly(ctx, row, r)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			b.tell("%d %s %s: %v", round+1, row.name, name, err)
			found.fail(name, row.name, err)
			// What has failed once may be stuck for good.
			delete(b.started, key(name, row))
			continue
		}
		b.tell("%d %s %s: %v, %.0f %% disturbed", round+1, row.name, name, values, 100*disturbed)
		found.add(sample{Candidate: name, Row: row.name, Round: round, Values: values, Disturbed: disturbed})
	}
	return nil
}

func key(name string, row row) string {
	switch {
	case row.wan:
		return name + " over a link"
	case row.once: // what was held before would be missing afterwards
		return name + " by itself"
	default:
		return name
	}
}

// running starts a candidate when it is first needed.
func (b *bench) running(ctx context.Context, name string, row row) (*running, error) {
	if r := b.started[key(name, row)]; r != nil {
		return r, nil
	}
	over := func(_ context.Context, target string) (string, error) { return target, nil }
	if row.wan {
		over = func(ctx context.Context, target string) (string, error) {
			p, err := b.start(ctx, "link", target)
			if err != nil {
				return "", err
			}
			return p.address, nil
		}
	}
	at := slices.IndexFunc(candidates(), func(c candidate) bool { return c.name == name })
	r, err := candidates()[at].start(ctx, b, over)
	if err != nil {
		return nil, err
	}
	if r.web == nil {
		trust, err := trustIn(b.dir)
		if err != nil {
			return nil, err
		}
		r.web = visitor.Client(trust)
	}
	b.started[key(name, row)] = r
	return r, b.ready(ctx, r)
}

// ready waits until a candidate answers.
func (b *bench) ready(ctx context.Context, r *running) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		err := r.visitor().Small(ctx, "ready")
		if err == nil {
			return nil
		}
		if site.Rest(ctx, 100*time.Millisecond) != nil {
			return err
		}
	}
}
