package main

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"log/slog"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/config"
	"github.com/fairlead/fairlead/agent/dataplane"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/metadata"
	"github.com/fairlead/fairlead/agent/pace"
	"github.com/fairlead/fairlead/agent/settings"
	"github.com/prometheus/client_golang/prometheus"
)

// The rhythm of the real agents, see agent/config, agent/metrics and agent/clusteridentity.
const (
	pollSeconds  = 50
	reportEvery  = 30 * time.Second
	confirmEvery = 5 * time.Minute
	settle       = 100 * time.Millisecond
)

// agent is one cluster's agents in one process with one connection, as in profile edge. What it lacks is
// Kubernetes: nothing is observed and nothing applied.
type agent struct {
	number int
	id     fairlead.ResourceID
	key    *rsa.PrivateKey
	holder *identity.Holder
}

// life is an agent that talks to one server.
type life struct {
	*agent
	hub   *dataplane.Client
	crowd *crowd

	extensions     *worker[fairlead.ExtensionReport]
	configurations *worker[fairlead.FluxReport]

	known    atomic.Bool  // a heartbeat was acknowledged
	back     atomic.Int64 // when the server was reached after the crowd's since, in nanoseconds since 1970
	mu       sync.Mutex
	arrivals map[string]time.Time // when which change came
}

func newLife(a *agent, c *crowd) (*life, error) {
	hub, err := dataplane.New(settings.Settings{
		Cluster: a.id, HubURL: c.server.URL, HubCA: c.server.CA, AgentVersion: fairlead.Version,
	}, a.holder, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	return &life{
		agent: a, hub: hub, crowd: c, arrivals: map[string]time.Time{},
		extensions: newWorker(fairlead.ExtensionConfigKind, installed), configurations: newWorker(fairlead.FluxConfigKind, followed),
	}, err
}

// beat sends heartbeats in the rhythm of cluster-metadata-operator.
func (l *life) beat(ctx context.Context) {
	known := metadataOf(l.id)
	beat := fairlead.Heartbeat{MetadataHash: "fleet", Metadata: &known}
	var rhythm metadata.Rhythm
	for {
		answer, err := l.beatOnce(ctx, beat)
		beat.Metadata = nil
		if err == nil && answer.SendMetadata || err != nil && !l.known.Load() {
			beat.Metadata = &known
		}
		if pace.Wait(ctx, rhythm.After(answer, err), nil) != nil || pace.Wait(ctx, settle, nil) != nil {
			return
		}
	}
}

func (l *life) beatOnce(ctx context.Context, beat fairlead.Heartbeat) (fairlead.HeartbeatResponse, error) {
	limited, cancel := context.WithTimeout(ctx, fairlead.HeartbeatTimeout)
	defer cancel()
	started := time.Now()
	answer, err := l.hub.Heartbeat(limited, beat)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		l.crowd.failed.Add(1)
	default:
		l.crowd.beats.add(time.Since(started))
		l.known.Store(true)
		l.heard(started)
	}
	return answer, err
}

// heard notes that the server was reached by something that was begun at a time.
func (l *life) heard(begun time.Time) {
	if since := l.crowd.since.Load(); l.back.Load() <= since && begun.UnixNano() > since {
		l.back.Store(time.Now().UnixNano())
	}
}

// poll holds long polls in the rhythm of config-agent.
func (l *life) poll(ctx context.Context) {
	var rhythm config.Rhythm
	query := fairlead.PendingQuery{}
	for {
		started := time.Now()
		pending, err := l.pollOnce(ctx, &query)
		if err == nil && (!pending.Unchanged || time.Since(started) > time.Second) {
			rhythm.Reset()
			if ctx.Err() == nil {
				continue
			}
		}
		if pace.Wait(ctx, rhythm.After(err), nil) != nil {
			return
		}
	}
}

// pollOnce tells what the hub does not know, and asks what is wanted.
func (l *life) pollOnce(ctx context.Context, query *fairlead.PendingQuery) (fairlead.PendingConfigs, error) {
	if err := l.extensions.tell(ctx, l.hub.ExtensionStatuses); err != nil {
		return fairlead.PendingConfigs{}, err
	}
	if err := l.configurations.tell(ctx, l.hub.FluxStatuses); err != nil {
		return fairlead.PendingConfigs{}, err
	}
	begun := time.Now()
	sent := httptrace.ClientTrace{WroteRequest: func(info httptrace.WroteRequestInfo) {
		if info.Err == nil {
			l.heard(begun) // its answer comes when the poll is over
		}
	}}
	pending, err := l.hub.PendingConfigs(httptrace.WithClientTrace(ctx, &sent), *query)
	if err != nil || pending.Unchanged {
		return pending, err
	}
	l.arrive(pending)
	*query = fairlead.PendingQuery{ETag: pending.ETag, WaitSeconds: pollSeconds}
	return pending, l.hub.ConfigStatuses(ctx, statusesOf(pending))
}

// arrive notes which changes have come.
func (l *life) arrive(pending fairlead.PendingConfigs) {
	now := time.Now()
	l.extensions.take(pending.Configurations)
	l.configurations.take(pending.Configurations)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, wanted := range pending.Configurations {
		var spec struct {
			Tags map[string]string `json:"tags"`
		}
		if json.Unmarshal(wanted.Spec, &spec) == nil && spec.Tags[changeTag] != "" {
			if _, known := l.arrivals[spec.Tags[changeTag]]; !known {
				l.arrivals[spec.Tags[changeTag]] = now
			}
		}
	}
}

func (l *life) arrival(change string) (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.arrivals[change]
	return at, ok
}

// report tells of the agents' health in the rhythm of metrics-agent.
func (l *life) report(ctx context.Context) {
	for pace.Wait(ctx, pace.Jitter(reportEvery), nil) == nil {
		_ = l.hub.AgentStatus(ctx, healthy()) // the real one logs it and goes on, too
	}
}

// confirm asks whether the certificate is accepted, in the rhythm of clusteridentityoperator.
func (l *life) confirm(ctx context.Context) {
	for pace.Wait(ctx, pace.Jitter(confirmEvery), nil) == nil {
		_, _ = l.hub.PendingConfigs(ctx, fairlead.PendingQuery{})
	}
}

func metadataOf(id fairlead.ResourceID) fairlead.ClusterMetadata {
	return fairlead.ClusterMetadata{
		KubernetesVersion: "v1.37.1", Distribution: "k3s", Infrastructure: "generic",
		TotalNodeCount: 1 + len(id.Name())%3, TotalCoreCount: 4, AgentVersion: fairlead.Version,
	}
}

func statusesOf(pending fairlead.PendingConfigs) []fairlead.ConfigurationStatus {
	statuses := make([]fairlead.ConfigurationStatus, len(pending.Configurations))
	for i, wanted := range pending.Configurations {
		statuses[i] = fairlead.ConfigurationStatus{Kind: wanted.Kind, Name: wanted.Name, ETag: pending.ETag, Applied: true}
	}
	return statuses
}
