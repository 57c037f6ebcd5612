package engine

import (
	"path/filepath"

	"github.com/fairlead/fairlead/test/cluster/recipe"
)

// Where a full node finds things, whatever the paths on the host are. Short, since some are paths of sockets.
const (
	nodeRoot = "/run/cluster"
	nodeBin  = "/run/bin"
)

// places are the paths that the processes of a cluster use.
type places struct {
	root    string // the state folder
	lib     string // data
	program func(recipe.Program) (string, error)
}

func (c *Cluster) places() places {
	if c.Kind == ControlPlane {
		return places{root: c.state, lib: filepath.Join(c.state, "lib"), program: c.program}
	}
	onNode := func(p recipe.Program) (string, error) {
		path, err := recipe.Cache{}.Path(p)
		return filepath.Join(nodeBin, path), err
	}
	return places{root: nodeRoot, lib: "/var/lib", program: onNode}
}

func (p places) pki(name string) string        { return filepath.Join(p.root, "pki", name) }
func (p places) config(name string) string     { return filepath.Join(p.root, "config", name) }
func (p places) kubeconfig(user string) string { return p.config(user + ".kubeconfig") }
func (p places) log(name string) string        { return filepath.Join(p.root, "logs", name+".log") }
