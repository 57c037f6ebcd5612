package main

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// settling lets what registration has set in motion come to rest before anything is measured.
const settling = 10 * time.Second

// fleet is one hub and its agents, and what was found.
type fleet struct {
	options  options
	dir      string
	progress io.Writer
	began    time.Time

	keys   []*rsa.PrivateKey
	hub    *hub
	crowd  *crowd
	agents []*agent
	report report
}

func (f *fleet) tell(format string, args ...any) {
	fmt.Fprintf(f.progress, "%6.1f s  %s\n", time.Since(f.began).Seconds(), fmt.Sprintf(format, args...))
}

// measure plays the scenarios and returns what was found, also when one of them failed.
func measure(ctx context.Context, o options, dir string, progress io.Writer) (found *report, err error) {
	f := &fleet{options: o, dir: dir, progress: progress, began: time.Now()}
	f.report = newReport(o)
	if err := f.open(ctx); err != nil {
		return &f.report, errors.Join(err, f.close())
	}
	defer func() { err = errors.Join(err, f.close()) }()
	for _, name := range scenarios() {
		if !slices.Contains(o.scenarios, name) {
			continue
		}
		if err := f.scenario(name)(ctx); err != nil {
			return &f.report, fmt.Errorf("scenario %s: %w", name, err)
		}
	}
	f.report.judge()
	return &f.report, nil
}

// open starts the hub and brings all agents to it.
func (f *fleet) open(ctx context.Context) (err error) {
	f.tell("keys for %d clusters", f.options.agents)
	if f.keys, err = onboardingKeys(f.options.agents); err != nil {
		return err
	}
	if f.hub, err = openHub(ctx, f.options.binary, f.dir, f.debugAddress()); err != nil {
		return err
	}
	if err := f.trustFew(); err != nil {
		return err
	}
	f.crowd = newCrowd(ctx, f.hub.Endpoint())
	f.tell("register %d clusters and issue their identities", f.options.agents)
	if err := f.register(ctx); err != nil {
		return err
	}
	return f.complete(ctx, f.crowd, f.hub)
}

// trustFew spares every agent a copy of the system's authorities: the real ones are in processes of their own.
func (f *fleet) trustFew() error {
	return errors.Join(os.Setenv("SSL_CERT_FILE", f.hub.CAFile()), os.Setenv("SSL_CERT_DIR", filepath.Join(f.dir, "none")))
}

func (f *fleet) complete(ctx context.Context, c *crowd, at server) error {
	return c.complete(ctx, at, herdPatience, func(text string) { f.tell("%s", text) })
}

func (f *fleet) close() error {
	if f.crowd != nil {
		f.crowd.stop()
	}
	if f.hub == nil {
		return nil
	}
	return f.hub.Kill()
}

func (f *fleet) scenario(name string) func(context.Context) error {
	return map[string]func(context.Context) error{
		"idle": f.playIdle, "change": f.changes, "list": f.list, "extensions": f.extensions, "configurations": f.configurations, "restart": f.playRestart, "bare": f.playBare,
	}[name]
}

func (f *fleet) playIdle(ctx context.Context) (err error) {
	if err := rest(ctx, settling); err != nil {
		return err
	}
	f.tell("at rest for %s", f.options.duration)
	profiled := f.profile(ctx, "idle", f.options.duration)
	f.report.Idle, err = f.idle(ctx, f.crowd, f.hub, f.options.duration)
	return errors.Join(err, <-profiled)
}

func (f *fleet) playRestart(ctx context.Context) (err error) {
	f.tell("kill the hub and start it again")
	var profiled <-chan error
	f.report.Herd, err = f.restart(ctx, f.crowd, f.hub, func(watching context.Context) *offline {
		profiled = f.profile(ctx, "herd", herdProfile)
		return f.watchInventory(watching)
	})
	if err != nil {
		return err
	}
	return <-profiled
}

// playBare brings the same agents to the bare server, while the hub is gone.
func (f *fleet) playBare(ctx context.Context) error {
	f.crowd.stop()
	if err := f.hub.Kill(); err != nil {
		return err
	}
	f.tell("the same agents at a bare server")
	b, err := openBare(ctx, f.dir)
	if err != nil {
		return err
	}
	defer func() { _ = b.Kill() }()
	c := newCrowd(ctx, b.Endpoint())
	defer c.stop()
	for _, a := range f.agents {
		if err := c.admit(a); err != nil {
			return err
		}
	}
	if err := f.complete(ctx, c, b); err != nil {
		return err
	}
	if err := rest(ctx, settling); err != nil {
		return err
	}
	if f.report.BareIdle, err = f.idle(ctx, c, b, f.options.duration); err != nil {
		return err
	}
	f.report.BareHerd, err = f.restart(ctx, c, b, f.notWatched)
	return err
}
