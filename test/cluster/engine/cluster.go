package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/fairlead/fairlead/test/cluster/recipe"
)

// Cluster is a running cluster.
type Cluster struct {
	// Name is the name it was started with.
	Name string
	// Kind tells how much of Kubernetes it is.
	Kind Kind
	// Kubeconfig is a file with the credentials of a cluster administrator.
	Kubeconfig string
	// Server is the URL of the API server.
	Server string
	// HostAddress is an address of this host that the node and pods reach: where a test lets a server listen.
	HostAddress string
	// NodeAddress is the node's address, reachable from this host.
	NodeAddress string
	// LogDir holds the logs of every process and pod. It is removed with the cluster.
	LogDir string

	dir        string // programs and clusters
	state      string
	record     record
	supervisor *exec.Cmd      // when this process started it
	leash      io.WriteCloser // held open for as long as the cluster is to live
}

// Open finds a cluster that runs.
func Open(dir, name string) (*Cluster, error) {
	state := stateDir(dir, name)
	r, err := readRecord(state)
	if err != nil {
		return nil, fmt.Errorf("cluster %q: %w", name, err)
	}
	if !r.Supervisor.alive() {
		return nil, fmt.Errorf("cluster %q has stopped: %w", name, ErrNotFound)
	}
	return newCluster(dir, state, r), nil
}

func newCluster(dir, state string, r record) *Cluster {
	return &Cluster{
		Name: r.Name, Kind: r.Kind, Server: r.Server, HostAddress: r.HostAddress, NodeAddress: r.NodeAddress,
		Kubeconfig: filepath.Join(state, "kubeconfig"), LogDir: filepath.Join(state, "logs"),
		dir: dir, state: state, record: r,
	}
}

// Ready says whether the start of the cluster came to its end.
func (c *Cluster) Ready() bool { return c.record.Ready }

// Kubectl runs kubectl as cluster administrator and returns what it prints.
func (c *Cluster) Kubectl(ctx context.Context, args ...string) (string, error) {
	return c.KubectlInput(ctx, nil, args...)
}

// KubectlInput is Kubectl with something to read, such as a manifest for "apply -f -".
func (c *Cluster) KubectlInput(ctx context.Context, input io.Reader, args ...string) (string, error) {
	kubectl, err := c.program(recipe.Kubectl)
	if err != nil {
		return "", err
	}
	cmd := command(ctx, kubectl, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig, "NO_PROXY=*", "no_proxy=*")
	cmd.Stdin = input
	return output(cmd, "kubectl "+strings.Join(args, " "))
}

// Program is the path of kubectl, for those who want to run it themselves with Kubeconfig.
func (c *Cluster) Program() (string, error) { return c.program(recipe.Kubectl) }

func (c *Cluster) program(p recipe.Program) (string, error) {
	if c.Kind == ControlPlane {
		if path := fromAssets(p); path != "" {
			return path, nil
		}
	}
	path, err := recipe.Cache{Dir: binDir(c.dir)}.Path(p)
	return filepath.Join(binDir(c.dir), path), err
}

func binDir(dir string) string { return filepath.Join(dir, "bin") }

// fromAssets finds a program in the folder that Kubernetes' own test tools use.
func fromAssets(p recipe.Program) string {
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		return ""
	}
	path := filepath.Join(assets, string(p))
	if _, err := os.Stat(path); err != nil { //nolint:gosec // the user names the folder
		return ""
	}
	return path
}

// command is the one place from which programs of this machine are called.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, name, args...) //nolint:gosec // a bench runs programs, with arguments of its own making
}

// output runs a command; its complaint becomes the error.
func output(cmd *exec.Cmd, what string) (string, error) {
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w: %s", what, err, strings.TrimSpace(complaint.String()))
	}
	return string(out), nil
}

// needsNode is the answer of a control plane to what only a node can do.
func (c *Cluster) needsNode(what string) error {
	if c.Kind == FullNode {
		return nil
	}
	return fmt.Errorf("%s on a control plane: %w", what, errors.ErrUnsupported)
}
