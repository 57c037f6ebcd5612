package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fairlead/fairlead/test/cluster/recipe"
	"github.com/fairlead/fairlead/test/cluster/recipe/supervisor/spec"
)

// builder holds what is known while a cluster is being started.
type builder struct {
	config  Config
	cluster *Cluster
	ports   ports
}

// step is one line of progress.
type step struct {
	name string
	run  func(context.Context) error
}

// Start brings up a cluster and returns when it is ready to use. A start that fails or is cancelled leaves nothing behind.
func Start(ctx context.Context, config Config) (*Cluster, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	b := &builder{config: config}
	if err := b.run(ctx, b.preparation()); err != nil {
		return nil, err
	}
	if err := b.claim(ctx); err != nil {
		return nil, err
	}
	if err := b.run(ctx, append(b.steps(), step{"ready", b.markReady})); err != nil {
		return nil, errors.Join(err, b.cluster.Stop(context.WithoutCancel(ctx)))
	}
	return b.cluster, nil
}

// preparation is what leaves nothing to undo: its results are kept for the next cluster.
func (b *builder) preparation() []step {
	if b.config.Kind == ControlPlane {
		return []step{{"programs of Kubernetes " + recipe.Version, b.build}}
	}
	return []step{
		{"programs of this machine", b.installPackages},
		{"programs of Kubernetes " + recipe.Version, b.build},
	}
}

func (b *builder) steps() []step {
	if b.config.Kind == ControlPlane {
		return []step{
			{"supervisor", b.launch},
			{"keys and settings", b.writeSettings},
			{"processes", b.release},
			{"API server", b.awaitServer},
			{"controllers", b.awaitControllers},
			{"node without kubelet", b.addFirstNode},
		}
	}
	return []step{
		{"supervisor in its own namespaces", b.launch},
		{"network", b.connect},
		{"keys and settings", b.writeSettings},
		{"processes", b.release},
		{"images", b.loadOwnImages},
		{"API server", b.awaitServer},
		{"in-cluster DNS", b.applyDNS},
		{"controllers", b.awaitControllers},
		{"node", b.awaitNode},
		{"pods", b.awaitDNS},
	}
}

func (b *builder) run(ctx context.Context, steps []step) error {
	for _, s := range steps {
		begin := time.Now()
		if err := s.run(ctx); err != nil {
			b.say("  ✗ %s (%.1fs)", s.name, time.Since(begin).Seconds())
			return fmt.Errorf("%s: %w", s.name, err)
		}
		b.say("  ✓ %s (%.1fs)", s.name, time.Since(begin).Seconds())
	}
	return nil
}

// say writes a line of progress; that nobody can read it is no reason to stop.
func (b *builder) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.config.Progress, format+"\n", args...)
}

func (b *builder) build(ctx context.Context) error {
	wanted := []recipe.Program{recipe.Supervisor, recipe.Kubectl}
	for _, program := range []recipe.Program{recipe.Etcd, recipe.APIServer, recipe.ControllerManager} {
		if b.config.Kind == FullNode || fromAssets(program) == "" {
			wanted = append(wanted, program)
		}
	}
	if b.config.Kind == FullNode {
		wanted = append(wanted, recipe.Scheduler, recipe.Proxy, recipe.Kubelet, recipe.CoreDNS, recipe.Pause)
	}
	return recipe.Cache{Dir: binDir(b.config.Dir), Progress: b.config.Progress}.Ensure(ctx, wanted...)
}

// claim takes the name, after what a dead cluster may have left under it.
func (b *builder) claim(ctx context.Context) error {
	if err := Sweep(ctx, b.config.Dir); err != nil {
		return err
	}
	r := record{Name: b.config.Name, Kind: b.config.Kind, Starter: identify(os.Getpid()), HostAddress: "127.0.0.1", NodeAddress: "127.0.0.1"}
	state, err := claim(b.config.Dir, r)
	if err != nil {
		return err
	}
	b.cluster = newCluster(b.config.Dir, state, r)
	return nil
}

// writeSettings writes all that the processes read.
func (b *builder) writeSettings(ctx context.Context) error {
	if err := b.choosePorts(ctx); err != nil {
		return err
	}
	b.cluster.Server = fmt.Sprintf("https://%s:%d", b.cluster.NodeAddress, b.ports.api)
	if err := b.writeKeys(); err != nil {
		return err
	}
	if b.cluster.Kind == FullNode {
		return b.writeNodeSettings()
	}
	return nil
}

func (b *builder) makeFolders() error {
	for _, dir := range []string{"pki", "config/certs.d", "config/cni", "logs/var", "lib", "run"} {
		if err := os.MkdirAll(filepath.Join(b.cluster.state, dir), 0o750); err != nil {
			return fmt.Errorf("make state folder: %w", err)
		}
	}
	return nil
}

// spec is what the supervisor is told.
func (b *builder) spec() (spec.Spec, error) {
	s := spec.Spec{StateDir: b.cluster.state, Report: filepath.Join(b.cluster.places().root, "processes.json")}
	processes, err := b.controlPlane()
	if err != nil || b.cluster.Kind == ControlPlane {
		s.Processes = processes
		return s, err
	}
	node, err := b.nodeProcesses()
	s.Processes = append(processes, node...)
	s.Surroundings = b.surroundings()
	return s, err
}
