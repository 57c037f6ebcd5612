// Package extension is extension-manager: it makes the cluster hold what ExtensionConfigs say, with Helm, and keeps in their
// status what it is doing. Every operation ends: each has deadlines, what a killed process has left is put right by the next one,
// and one process works at a time. How Helm is used is package helm's, where charts come from package charts'.
package extension

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension/cause"
	"github.com/fairlead/fairlead/agent/extension/charts"
	"github.com/fairlead/fairlead/agent/extension/helm"
	"github.com/fairlead/fairlead/agent/extensionconfig"
	"github.com/fairlead/fairlead/agent/kube"
)

const (
	manager = fairlead.ExtensionManager
	// How many extensions are worked on at a time: each holds a chart and what it renders in memory.
	workers = 4
)

// Manager is the agent.
type Manager struct {
	Kube      *kube.Client
	API       *rest.Config
	Charts    *charts.Fetcher
	Namespace string
	// Process names this process: a host, and what no other process there has at the same time.
	Process string
	Now     func() time.Time
	// Drift is how often what runs is compared with what was installed; 0 is five minutes.
	Drift time.Duration
	Log   *slog.Logger
	Ready func(error)

	cluster   *helm.Cluster
	explainer *cause.Explainer
	slots     *semaphore.Weighted

	mu       sync.Mutex
	subjects map[string]*subject
	latest   map[string]*extensionconfig.Object
	group    sync.WaitGroup
}

// Run works until the end of ctx, whenever no other process does.
func (m *Manager) Run(ctx context.Context) error {
	var err error
	if m.cluster, err = helm.NewCluster(m.API); err != nil {
		return err
	}
	if m.explainer, err = newExplainer(m.cluster.Bound(ctx), m); err != nil {
		return err
	}
	m.slots = semaphore.NewWeighted(workers)
	return m.lead(ctx, m.work)
}

// work follows the extensions until the end of ctx, and returns once nothing is being done any more.
func (m *Manager) work(ctx context.Context) error {
	m.mu.Lock()
	m.subjects = map[string]*subject{}
	m.mu.Unlock()
	group, ctx := errgroup.WithContext(ctx)
	watcher := kube.Watcher[extensionconfig.Object, *extensionconfig.Object]{
		Client: m.Kube, What: kube.ExtensionConfigs(m.Namespace).All(), Log: m.Log, Changed: m.take,
	}
	group.Go(func() error { return watcher.Run(ctx) })
	group.Go(func() error { return m.remind(ctx) })
	err := group.Wait()
	m.group.Wait()
	return fmt.Errorf("follow extensions: %w", err)
}
