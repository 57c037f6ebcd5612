// Package engine starts, finds and stops clusters: real Kubernetes processes on this machine, in a state folder of their own.
// It decides addresses, keys, flags and order; the programs come from package recipe and are kept running by its supervisor.
package engine

import (
	"fmt"
	"io"
	"regexp"

	"github.com/fairlead/fairlead/test/cluster/recipe"
)

// Kind tells how much of Kubernetes a cluster is.
type Kind string

const (
	// ControlPlane is etcd, the API server and the controllers as plain processes on 127.0.0.1, and a Node without a kubelet.
	ControlPlane Kind = "control-plane"
	// FullNode is a whole node in namespaces of its own, where pods run. It needs root.
	FullNode Kind = "full-node"
)

// Config says what cluster to start.
type Config struct {
	// Name tells clusters apart; at most 40 lower-case letters, digits and dashes.
	Name string
	// Kind is ControlPlane when empty.
	Kind Kind
	// Hostnames are names for HostAddress on the node and in pods. AddHost adds more later.
	Hostnames []string
	// Detached clusters outlive the process that starts them; others end with it, however it ends.
	Detached bool
	// Dir keeps programs and clusters; recipe.DefaultDir when empty.
	Dir string
	// Progress receives a line for each step; nil for silence.
	Progress io.Writer
}

func (c Config) complete() (Config, error) {
	if !regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$`).MatchString(c.Name) {
		return c, fmt.Errorf("name %q is not made of at most 40 lower-case letters, digits and inner dashes", c.Name)
	}
	if c.Kind == "" {
		c.Kind = ControlPlane
	}
	if c.Progress == nil {
		c.Progress = io.Discard
	}
	if c.Dir != "" {
		return c, nil
	}
	var err error
	c.Dir, err = recipe.DefaultDir()
	return c, err
}
