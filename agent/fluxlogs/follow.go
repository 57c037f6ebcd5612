package fluxlogs

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/pace"
)

const (
	// What Flux calls the container of a controller.
	container = "manager"
	// How far back a log is read that was never read before. The hub has most of that, if an agent was there before, and keeps it once.
	firstLines = 500
	// So many pods are read at most; six controllers have one each.
	maxPods = 16
)

// followers read the log of one pod each.
type followers struct {
	agent   *Agent
	running map[string]context.CancelFunc // by name and uid
	group   sync.WaitGroup
}

// take begins with pods that are new, and ends with those that are gone.
func (f *followers) take(ctx context.Context, all map[string]*corev1.Pod) {
	wanted := map[string]*corev1.Pod{}
	for _, name := range slices.Sorted(maps.Keys(all))[:min(len(all), maxPods)] {
		wanted[name+" "+string(all[name].UID)] = all[name]
	}
	for key, stop := range f.running {
		if wanted[key] == nil {
			stop()
			delete(f.running, key)
		}
	}
	for key, pod := range wanted {
		if f.running[key] == nil {
			reading, stop := context.WithCancel(ctx)
			f.running[key] = stop
			one := follower{agent: f.agent, pod: pod.Name, controller: pod.Labels["app"]}
			f.group.Go(func() { one.run(reading) })
		}
	}
}

func (f *followers) wait() {
	for _, stop := range f.running {
		stop()
	}
	f.group.Wait()
}

// follower reads the log of one pod.
type follower struct {
	agent           *Agent
	pod, controller string
	last            time.Time // of the last line that was read
}

// run reads on wherever it was cut off, until the end of ctx.
func (f *follower) run(ctx context.Context) {
	backoff, news := pace.Backoff{Min: time.Second, Max: 30 * time.Second}, rate.Sometimes{First: 1, Interval: 10 * time.Minute}
	for ctx.Err() == nil {
		before := f.last
		err := f.read(ctx)
		if f.last != before {
			backoff.Reset()
		}
		if err != nil && ctx.Err() == nil && backoff.Failures > 2 { // a container that starts has no log yet
			news.Do(func() {
				f.agent.Log.WarnContext(ctx, "cannot read the log of a controller of Flux", slog.String("pod", f.pod), slog.String("error", err.Error()))
			})
		}
		_ = pace.Wait(ctx, backoff.Next(), nil) // the loop ends with ctx
	}
}

// read reads until the log ends or breaks off.
func (f *follower) read(ctx context.Context) error {
	of := kube.Container{Namespace: fairlead.FluxNamespace, Pod: f.pod, Name: container}
	log, err := f.agent.Logs.FollowLog(ctx, of, f.last, firstLines)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // only read
	again := true                      // the second of the last line is read again as a whole
	return eachLine(log, func(text []byte) {
		at, rest, ok := stamp(text)
		if !ok || again && !at.After(f.last) {
			return
		}
		again, f.last = false, at
		if line, ok := parse(rest); ok {
			line.Time, line.Pod, line.Controller = at, f.pod, f.controller
			f.agent.filter.see(line)
		}
	})
}
