package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/aadproxy"
	"github.com/fairlead/fairlead/agent/clusterconnect"
	"github.com/fairlead/fairlead/agent/dataplane"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/settings"
	"github.com/fairlead/fairlead/test/cluster/freeport"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
)

// Profile is how the agents are spread over processes.
type Profile string

// The profiles.
const (
	Edge     Profile = "edge"     // one process, to which the tunnel is handed
	Standard Profile = "standard" // clusterconnect-agent as a bridge to kube-aad-proxy, mutual TLS between them
)

// grace is how long streams may go on when the agents are to end.
const grace = 5 * time.Second

// Pod is all that the agents of a cluster are told, so that they can run in any process.
type Pod struct {
	Profile  Profile `json:"profile"`
	Cluster  string  `json:"cluster"`
	TenantID string  `json:"tenantId"`
	HubURL   string  `json:"hubUrl"`
	HubCA    []byte  `json:"hubCa"`
	Tunnels  string  `json:"tunnels"` // the URL of the hub for tunnels, by way of the link
	Folder   string  `json:"folder"`  // what both mount
	Listen   string  `json:"listen"`  // kube-aad-proxy's address
	Chain    []byte  `json:"chain"`   // of the cluster's identity
	Key      []byte  `json:"key"`
	API      string  `json:"api"`
	APITrust []byte  `json:"apiTrust"`

	// Ready, if not nil, is told when there is a tunnel, and why not.
	Ready func(error) `json:"-"`

	clock *atomic.Int64 // how far the cluster's clock is off
}

// Pod returns what the agents of the site are told.
func (s *Site) Pod(ctx context.Context) (*Pod, error) { return s.PodOf(ctx, s.Cluster) }

// PodOf does so for another cluster of the hub.
func (s *Site) PodOf(ctx context.Context, cluster *Cluster) (*Pod, error) {
	folder := filepath.Join(s.options.Dir, "pod")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	if err := writePair(folder); err != nil {
		return nil, err
	}
	listen, err := freeport.Address(ctx, "127.0.0.1")
	if err != nil {
		return nil, err
	}
	chain, key, err := cluster.identity()
	return &Pod{
		Profile: s.options.Profile, Cluster: cluster.ID.String(), TenantID: cluster.Settings.TenantID, HubURL: s.Hub.URL(), HubCA: s.Hub.CA,
		Tunnels: "https://" + s.Link.Address(), Folder: folder, Listen: listen, Chain: chain, Key: key,
		API: "https://" + s.address, APITrust: s.trust, clock: &s.clock,
	}, err
}

// Write keeps what the agents are told in a file.
func (p *Pod) Write(file string) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// ReadPod reads it back.
func ReadPod(file string) (*Pod, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	p := &Pod{clock: &atomic.Int64{}}
	return p, json.Unmarshal(text, p)
}

// parts are what every agent of a pod needs.
type parts struct {
	*Pod

	id     fairlead.ResourceID
	holder *identity.Holder
	log    *slog.Logger
}

func (p *Pod) parts(log io.Writer) (*parts, error) {
	id, err := fairlead.ParseResourceID(p.Cluster)
	if err != nil {
		return nil, err
	}
	found, err := readIdentity(p.Chain, p.Key)
	if err != nil {
		return nil, err
	}
	made := &parts{Pod: p, id: id, holder: &identity.Holder{}, log: slog.New(slog.NewTextHandler(log, nil))}
	made.holder.Set(found, nil)
	return made, nil
}

func (p *parts) hub(url string) (*dataplane.Client, error) {
	return dataplane.New(settings.Settings{
		Cluster: p.id, TenantID: p.TenantID, HubURL: url, HubCA: p.HubCA, AgentVersion: fairlead.Version,
	}, p.holder, p.log, prometheus.NewRegistry())
}

func (p *parts) proxy(listener aadproxy.Listener) (*aadproxy.Proxy, error) {
	hub, err := p.hub(p.HubURL)
	if err != nil {
		return nil, err
	}
	return aadproxy.New(aadproxy.Config{
		Cluster: p.id, TenantID: p.TenantID, Namespace: fairlead.AgentNamespace, Hub: &clocked{hub: hub, off: p.clock}, Listener: listener, Now: time.Now, Log: p.log, Ready: func(error) {},
		API: &rest.Config{Host: p.API, BearerToken: "agent", TLSClientConfig: rest.TLSClientConfig{CAData: p.APITrust}},
	})
}

// clocked is the hub as a cluster sees it whose clock can be put wrong. As the real client does, it follows the hub's clock
// whenever it fetches something.
type clocked struct {
	hub       *dataplane.Client
	off       *atomic.Int64
	corrected atomic.Int64
}

// Document implements aadproxy.Hub.
func (c *clocked) Document(ctx context.Context, path string) ([]byte, error) {
	text, err := c.hub.Document(ctx, path)
	if err == nil {
		c.corrected.Store(c.off.Load())
	}
	return text, err
}

// HubTime implements aadproxy.Hub.
func (c *clocked) HubTime() time.Time {
	return c.hub.HubTime().Add(time.Duration(c.off.Load() - c.corrected.Load()))
}

func (p *parts) bridge(reach func(context.Context) (clusterconnect.Far, error)) (*clusterconnect.Agent, error) {
	hub, err := p.hub(p.Tunnels)
	if err != nil {
		return nil, err
	}
	ready := p.Ready
	if ready == nil {
		ready = func(error) {}
	}
	return &clusterconnect.Agent{
		Hub: hub, Holder: p.holder, Reach: reach, Now: time.Now, Log: p.log, Ready: ready, Registry: prometheus.NewRegistry(),
	}, nil
}

// RunEdge runs both agents in one, until the end of ctx.
func (p *Pod) RunEdge(ctx context.Context, log io.Writer) error {
	made, err := p.parts(log)
	if err != nil {
		return err
	}
	proxy, err := made.proxy(aadproxy.Listener{})
	if err != nil {
		return err
	}
	bridge, err := made.bridge(clusterconnect.InProcess(proxy.Serve))
	if err != nil {
		return err
	}
	return together(ctx, proxy.Run, bridge.Run)
}

// RunProxy runs kube-aad-proxy until the end of ctx.
func (p *Pod) RunProxy(ctx context.Context, log io.Writer) error {
	made, err := p.parts(log)
	if err != nil {
		return err
	}
	proxy, err := made.proxy(aadproxy.Listener{Address: p.Listen, Folder: p.Folder})
	if err != nil {
		return err
	}
	return proxy.Run(ctx)
}

// RunBridge runs clusterconnect-agent until the end of ctx.
func (p *Pod) RunBridge(ctx context.Context, log io.Writer) error {
	made, err := p.parts(log)
	if err != nil {
		return err
	}
	far := &clusterconnect.Bridge{Address: p.Listen, Name: proxyName, Folder: p.Folder, Grace: grace}
	bridge, err := made.bridge(far.Reach)
	if err != nil {
		return err
	}
	return bridge.Run(ctx)
}

// Run runs all agents of the profile, until the end of ctx.
func (p *Pod) Run(ctx context.Context, log io.Writer) error {
	if p.Profile == Edge {
		return p.RunEdge(ctx, log)
	}
	// A pod of the proxy is told to end when that of the bridge has ended: nothing under way is cut off.
	proxying, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var group errgroup.Group
	group.Go(func() error { return p.RunProxy(proxying, log) })
	group.Go(func() error { defer cancel(); return p.RunBridge(ctx, log) })
	return group.Wait()
}

func together(ctx context.Context, all ...func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, one := range all {
		group.Go(func() error { return one(ctx) })
	}
	return group.Wait()
}

// Agent is the agents as they run in this process.
type Agent struct {
	cancel context.CancelFunc
	ended  chan error
	log    *os.File
}

func (s *Site) startAgent(ctx context.Context) (*Agent, error) {
	pod, err := s.Pod(ctx)
	if err != nil {
		return nil, err
	}
	a := &Agent{ended: make(chan error, 1)}
	if a.log, err = os.OpenFile(filepath.Join(s.options.Dir, "agents.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return nil, err
	}
	// Stop ends it, so that what is under way can end well.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a.cancel = cancel
	go func() { a.ended <- pod.Run(running, a.log) }()
	return a, nil
}

// Stop asks the agents to end, and waits for it.
func (a *Agent) Stop() error {
	a.cancel()
	defer a.log.Close()
	if err := <-a.ended; err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("the agents ended by themselves: %w", err)
	}
	return nil
}
