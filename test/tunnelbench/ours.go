package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync/atomic"

	"github.com/fairlead/fairlead/test/tunnelfaults/site"
	"github.com/fairlead/fairlead/test/tunnelfaults/visitor"
	"golang.org/x/sync/errgroup"
)

const (
	registrars = 8
	// One caller may have 256 requests under way.
	callers = 2
)

// playOurs POD PART: the agents of one cluster, or one of them.
func playOurs(ctx context.Context, args []string, out io.Writer) error {
	pod, err := site.ReadPod(args[0])
	if err != nil {
		return err
	}
	part := map[string]func(context.Context, io.Writer) error{"edge": pod.RunEdge, "proxy": pod.RunProxy, "bridge": pod.RunBridge}[args[1]]
	fmt.Fprintln(out, "started")
	return part(ctx, os.Stderr)
}

// playOursHerd PODS: many clusters of profile edge, each with all that it would have in a process of its own.
func playOursHerd(ctx context.Context, args []string, out io.Writer) error {
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var files []string
	if err := json.Unmarshal(text, &files); err != nil {
		return err
	}
	return playHerd(ctx, strconv.Itoa(len(files)), out, func(ctx context.Context, number int, connected func()) error {
		pod, err := site.ReadPod(files[number])
		if err != nil {
			return err
		}
		pod.Ready = func(why error) {
			if why == nil {
				connected()
			}
		}
		return pod.RunEdge(ctx, io.Discard)
	})
}

func startOurs(profile site.Profile) starter {
	return func(ctx context.Context, b *bench, over hop) (*running, error) {
		dir, err := os.MkdirTemp(b.dir, string(profile)+"-")
		if err != nil {
			return nil, err
		}
		s, err := site.Open(ctx, site.Options{Binary: b.options.binary, Dir: dir, Profile: profile})
		if err != nil {
			return nil, err
		}
		b.sites = append(b.sites, s)
		r, err := newOurs(ctx, s)
		if err != nil {
			return nil, err
		}
		tunnels, err := over(ctx, s.Hub.Address)
		if err != nil {
			return nil, err
		}
		pod, err := b.podOf(ctx, s, s.Cluster, tunnels)
		if err != nil {
			return nil, err
		}
		parts := []string{"edge"}
		if profile == site.Standard {
			parts = []string{"proxy", "bridge"}
		}
		for _, part := range parts {
			p, err := b.start(ctx, "ours", pod, part)
			if err != nil {
				return nil, err
			}
			r.agent = append(r.agent, p.PID)
		}
		r.herd = func(ctx context.Context, count int) (*process, error) { return b.startHerd(ctx, s, count) }
		r.herdPath = func(number int) string { return fmt.Sprintf("-herd-%d", number) } // the site's own cluster has the same name, but for that
		r.usage = s.Hub.Usage
		return r, nil
	}
}

// newOurs is a hub with its callers.
func newOurs(ctx context.Context, s *site.Site) (*running, error) {
	var tokens [callers]func(context.Context) (string, error)
	for number := range tokens {
		who, err := s.Hub.Caller(ctx, fmt.Sprintf("caller-%d", number))
		if err != nil {
			return nil, err
		}
		tokens[number] = who.Token
	}
	var turn atomic.Int64
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.Hub.CA)
	return &running{
		base: s.Hub.URL() + s.Cluster.Path(), hub: []int{s.Hub.PID()},
		web:   visitor.Client(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}),
		token: func(ctx context.Context) (string, error) { return tokens[turn.Add(1)%callers](ctx) },
	}, nil
}

// podOf writes what the agents of a cluster are told, with the API server of the bench in place of the site's.
func (b *bench) podOf(ctx context.Context, s *site.Site, cluster *site.Cluster, tunnels string) (string, error) {
	pod, err := s.PodOf(ctx, cluster)
	if err != nil {
		return "", err
	}
	if pod.APITrust, err = os.ReadFile(b.file("ca.crt")); err != nil {
		return "", err
	}
	pod.API, pod.Tunnels = "https://"+b.backend.address, "https://"+tunnels
	file, err := os.CreateTemp(b.dir, "pod-*.json")
	if err != nil {
		return "", err
	}
	return file.Name(), errors.Join(file.Close(), pod.Write(file.Name()))
}

// startHerd registers many clusters and opens their tunnels.
func (b *bench) startHerd(ctx context.Context, s *site.Site, count int) (*process, error) {
	onboarding, err := onboardingKeys(count)
	if err != nil {
		return nil, err
	}
	files := make([]string, count)
	group, grouped := errgroup.WithContext(ctx)
	group.SetLimit(registrars)
	for number := range count {
		group.Go(func() error {
			cluster, err := s.Hub.RegisterWith(grouped, fmt.Sprintf("%s-herd-%d", s.Cluster.ID.Name(), number), onboarding[number])
			if err != nil {
				return err
			}
			files[number], err = b.podOf(grouped, s, cluster, s.Hub.Address)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(files)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(b.file("herd.json"), text, 0o600); err != nil {
		return nil, err
	}
	return b.start(ctx, "ours-herd", b.file("herd.json"))
}
