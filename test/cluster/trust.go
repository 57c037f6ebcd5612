package main

import (
	"context"
	"fmt"
	"os"

	"github.com/fairlead/fairlead/test/cluster/engine"
)

// trust lets the node pull from a registry on this host, and lets node and pods know this host by more names.
func (c *command) trust(context.Context) error {
	if len(c.args) < 2 {
		return fmt.Errorf("trust which registry by which authority? %w", errUsage)
	}
	authority, err := os.ReadFile(c.args[1]) //nolint:gosec // whoever calls names the file
	if err != nil {
		return fmt.Errorf("read the authority: %w", err)
	}
	cluster, err := engine.Open(c.dir, c.name)
	if err != nil {
		return err
	}
	if err := cluster.TrustRegistry(c.args[0], authority); err != nil {
		return err
	}
	for _, name := range c.args[2:] {
		if err := cluster.AddHost(name); err != nil {
			return err
		}
	}
	return nil
}
