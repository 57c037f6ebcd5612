// Package metrics is metrics-agent: it sees how the other agents fare, from their pods and their own
// metrics, and tells the hub and Prometheus. It changes nothing.
package metrics

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/pace"
)

const (
	// The hub is told so often when nothing happens.
	reportEvery = 30 * time.Second
	// What belongs together may arrive in pieces.
	settle = 500 * time.Millisecond
)

// Hub is what this agent asks of the hub.
type Hub interface {
	AgentStatus(ctx context.Context, status fairlead.AgentStatus) error
}

// Agent is the agent.
type Agent struct {
	Kube      *kube.Client
	Hub       Hub
	Scraper   *http.Client
	Namespace string
	Workloads []string // the Deployments that should be there
	// Processes tells of agents that run as plain processes, without pods; nil in a pod.
	Processes func() fairlead.AgentStatus
	Now       func() time.Time
	Log       *slog.Logger
	Ready     func(error)
	Registry  prometheus.Registerer

	mu      sync.Mutex
	pods    map[string]*corev1.Pod
	shown   []component // without what is scraped: what a change is told by
	changed chan struct{}
	missing map[string]time.Time
	gauges  gauges
	failing bool

	failures rate.Sometimes // so that the log tells of a long outage, but not each time
}

func everyMinute() rate.Sometimes { return rate.Sometimes{First: 1, Interval: time.Minute} }

// NewScraper returns the client for other agents' metrics. They are pods: no proxy leads to them.
func NewScraper() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext:       (&net.Dialer{Timeout: scrapeTimeout}).DialContext,
		DisableKeepAlives: true, ResponseHeaderTimeout: scrapeTimeout,
	}}
}

// Run observes and reports until the end of ctx.
func (a *Agent) Run(ctx context.Context) error {
	a.changed, a.missing = make(chan struct{}, 1), map[string]time.Time{}
	a.failures = everyMinute()
	if err := a.gauges.register(a.Registry); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.watch(ctx) })
	group.Go(func() error { return a.report(ctx) })
	return group.Wait()
}

func (a *Agent) watch(ctx context.Context) error {
	watcher := kube.Watcher[corev1.Pod, *corev1.Pod]{
		Client: a.Kube, What: kube.Pods(a.Namespace).Labelled("app.kubernetes.io/part-of=azure-arc"),
		Log: a.Log, Keep: reduce, Changed: a.take,
	}
	return watcher.Run(ctx)
}

func (a *Agent) take(_ context.Context, all map[string]*corev1.Pod) {
	a.mu.Lock()
	first := a.pods == nil
	a.pods = maps.Clone(all)
	shown := components(a.pods, a.Workloads, map[string]time.Time{}, a.Now())
	same := slices.Equal(shown, a.shown)
	a.shown = shown
	a.mu.Unlock()
	a.Ready(nil)
	if first || !same {
		select {
		case a.changed <- struct{}{}:
		default:
		}
	}
}

func (a *Agent) report(ctx context.Context) error {
	for {
		if err := pace.Wait(ctx, pace.Jitter(reportEvery), a.changed); err != nil {
			return err
		}
		if err := pace.Wait(ctx, settle, nil); err != nil {
			return err
		}
		a.once(ctx)
	}
}

func (a *Agent) once(ctx context.Context) {
	status, known := a.status(ctx)
	if !known {
		return
	}
	a.gauges.set(status)
	err := a.Hub.AgentStatus(ctx, status)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		a.failing = true
		a.failures.Do(func() {
			a.Log.WarnContext(ctx, "cannot report the agents' status to the hub", slog.String("error", err.Error()))
		})
	case a.failing:
		a.failing, a.failures = false, everyMinute()
		a.Log.InfoContext(ctx, "the hub gets the agents' status again")
	}
}

func (a *Agent) status(ctx context.Context) (fairlead.AgentStatus, bool) {
	if a.Processes != nil {
		return a.Processes(), true
	}
	a.mu.Lock()
	pods, now := a.pods, a.Now()
	a.mu.Unlock()
	if pods == nil {
		return fairlead.AgentStatus{}, false
	}
	found := components(pods, a.Workloads, a.missing, now)
	a.scrapeAll(ctx, found)
	return statusOf(found, now), true
}
