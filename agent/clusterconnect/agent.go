// Package clusterconnect is clusterconnect-agent: it holds the WebSocket on which the hub reaches this cluster, and hands
// what comes on it to kube-aad-proxy. It does not read what it carries and has no rights in the cluster.
package clusterconnect

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/pace"
	"github.com/fairlead/fairlead/tunnel"
)

const (
	minBackoff = time.Second
	maxBackoff = 30 * time.Second
	// A tunnel that lasts so long was a good one: the next attempt need not wait.
	lasting = 30 * time.Second
	// All clusters of a hub lose their tunnels at the same moment, and a hub takes about two thousand a second.
	spread = 4 * time.Second
)

// Hub is what this agent asks of the hub.
type Hub interface {
	OpenTunnel(ctx context.Context) (*tunnel.Conn, error)
}

// Far is the way to kube-aad-proxy for one tunnel. One of both methods is called, once.
type Far interface {
	// Serve serves what comes on a connection, which it takes over, until that has ended. At the end of ctx it lets what is
	// under way finish, for a while.
	Serve(ctx context.Context, conn *tunnel.Conn) error
	Close() error
}

// Agent is the agent.
type Agent struct {
	Hub    Hub
	Holder *identity.Holder
	// Reach finds kube-aad-proxy, before the hub is told that it can be reached.
	Reach    func(ctx context.Context) (Far, error)
	Now      func() time.Time
	Log      *slog.Logger
	Ready    func(error)
	Registry prometheus.Registerer

	meters  meters
	links   links
	backoff pace.Backoff
	told    string // the last complaint
}

// Run keeps a tunnel open until the end of ctx.
func (a *Agent) Run(ctx context.Context) error {
	if err := a.meters.register(a.Registry, &a.links); err != nil {
		return err
	}
	a.backoff = pace.Backoff{Min: minBackoff, Max: maxBackoff}
	defer a.links.wait()
	for {
		if _, err := a.Holder.Wait(ctx, a.Log); err != nil {
			return err
		}
		if err := a.once(ctx); err != nil {
			return err
		}
	}
}

// once opens a tunnel and returns when it is time for the next one.
func (a *Agent) once(ctx context.Context) error {
	_, renewed, _ := a.Holder.Current()
	newest, err := a.open(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		a.complain(ctx, err)
		return pace.Wait(ctx, a.backoff.Next(), renewed)
	}
	a.told = ""
	a.Ready(nil)
	a.Log.InfoContext(ctx, "the hub can reach this cluster")
	return a.hold(ctx, newest, renewed)
}

// hold waits for a reason to open the next tunnel. The one there is goes on where it can, so that its streams do.
func (a *Agent) hold(ctx context.Context, newest *link, renewed <-chan struct{}) error {
	opened := a.Now()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-renewed:
		a.Log.InfoContext(ctx, "opening a tunnel with the new identity certificate")
		return nil
	case <-newest.conn.Draining():
		a.Log.InfoContext(ctx, "the hub goes away and asks for another tunnel")
	case <-newest.done:
		if ctx.Err() != nil {
			return ctx.Err()
		}
		a.lost(ctx, newest.err)
	}
	if a.Now().Sub(opened) >= lasting {
		a.backoff.Reset()
		return pace.Wait(ctx, pace.Spread(spread), nil)
	}
	return pace.Wait(ctx, a.backoff.Next(), nil)
}

// open connects both sides and starts to serve.
func (a *Agent) open(ctx context.Context) (*link, error) {
	far, err := a.Reach(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := a.Hub.OpenTunnel(ctx)
	if err != nil {
		_ = far.Close()
		return nil, err
	}
	a.meters.opened.Inc()
	return a.links.start(ctx, far, conn), nil
}

// complain says why there is no tunnel: in the log once for each reason, and in the readiness of the pod.
func (a *Agent) complain(ctx context.Context, err error) {
	a.meters.failed.Inc()
	reason := inWords(err)
	if a.links.count() == 0 {
		a.Ready(errors.New(reason))
	}
	if a.told != reason {
		a.told = reason
		a.Log.WarnContext(ctx, "no tunnel to the hub", slog.String("error", reason))
	}
}

func (a *Agent) lost(ctx context.Context, err error) {
	if a.links.count() == 0 {
		a.Ready(errors.New("the tunnel to the hub has ended; another one is being opened"))
	}
	if err == nil {
		err = errors.New("it was closed")
	}
	a.Log.WarnContext(ctx, "the tunnel to the hub has ended", slog.String("error", err.Error()))
}
