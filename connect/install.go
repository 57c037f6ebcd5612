package connect

import (
	"context"
	"fmt"
	"slices"

	chartv2 "helm.sh/helm/v4/pkg/chart/v2"

	"github.com/fairlead/fairlead"
)

// workload is what this run has put into the cluster.
type workload struct {
	begun   bool     // it has begun to
	made    []string // namespaces
	release bool     // there was no release before
	before  string   // what there was instead
}

// install puts key and agents into the cluster.
func (c *Connection) install(ctx context.Context) (string, error) {
	settings, err := c.Hub.HelmSettings(ctx, c.question(), releaseTrain)
	if err != nil {
		return "", err
	}
	if settings.RepositoryPath == "" {
		settings.RepositoryPath = c.chart
	}
	c.Report.Note("pulling " + settings.RepositoryPath)
	chart, err := c.artefacts().chart(ctx, settings.RepositoryPath)
	if err != nil {
		return "", err
	}
	values, err := c.values(settings)
	if err != nil {
		return "", err
	}
	if err := c.prepare(ctx); err != nil {
		return "", err
	}
	return "version " + chart.Metadata.Version, c.applyRelease(ctx, chart, values)
}

// prepare makes the namespaces and puts the key where the agents look for it.
func (c *Connection) prepare(ctx context.Context) error {
	c.work.begun = true
	for _, name := range []string{fairlead.ReleaseNamespace, fairlead.AgentNamespace} {
		made, err := c.Cluster.makeNamespace(ctx, name)
		if err != nil {
			return err
		}
		if made {
			c.work.made = append(c.work.made, name)
		}
	}
	if c.situation == again {
		return nil
	}
	return c.Cluster.writeKey(ctx, c.key)
}

func (c *Connection) applyRelease(ctx context.Context, chart *chartv2.Chart, values map[string]any) error {
	c.Report.Note("installing release " + fairlead.ReleaseName)
	helm, err := c.Cluster.helm()
	if err != nil {
		return err
	}
	last, err := helm.settle()
	if err != nil {
		return err
	}
	if last != nil {
		c.work.before = last.Chart.Metadata.Version
		return helm.apply(ctx, chart, values)
	}
	owner, err := c.Cluster.owner(ctx, fairlead.AgentNamespace)
	if err != nil {
		return err
	}
	// A release that is there keeps what it was told: with another value an upgrade would delete the namespace.
	put(values, "global.keepNamespace", owner == foreign)
	c.work.release = true
	return helm.apply(ctx, chart, values)
}

// uninstall takes out of the cluster what this run put in, and only that.
func (c *Connection) uninstall(ctx context.Context) error {
	switch {
	case !c.work.begun:
		return nil
	case c.situation == again || c.work.before != "":
		return c.staysInstalled()
	case c.work.release:
		if err := c.removeRelease(); err != nil {
			return c.remains(err)
		}
	}
	for _, name := range []string{fairlead.AgentNamespace, fairlead.ReleaseNamespace} {
		if err := c.leave(ctx, name); err != nil {
			return c.remains(err)
		}
	}
	if !c.work.release {
		return nil
	}
	return c.remains(c.Cluster.sweep(ctx, c.Report))
}

// leave leaves a namespace as it was before this run, or gone with the release that owned it.
func (c *Connection) leave(ctx context.Context, name string) error {
	owner, err := c.Cluster.owner(ctx, name)
	if err != nil {
		return err
	}
	if owner == foreign || slices.Contains(c.work.made, name) {
		return c.Cluster.vacate(ctx, name, c.Report)
	}
	going, err := c.Cluster.going(ctx, name)
	if err != nil || !going {
		return err
	}
	return c.Cluster.awaitGone(ctx, name, c.Report)
}

// staysInstalled says how the release is of a cluster that had agents before this run.
func (c *Connection) staysInstalled() error {
	helm, err := c.Cluster.helm()
	if err != nil {
		return err
	}
	now, err := helm.current()
	switch {
	case err != nil:
		return err
	case now == nil:
		return nil
	}
	version := now.Chart.Metadata.Version
	if c.work.before != "" && c.work.before != version {
		version += ", no longer " + c.work.before
	}
	return staysf("the agents in the cluster: release %s (%s) at version %s; the same command goes on from there", fairlead.ReleaseName, now.Info.Status, version)
}

func (c *Connection) removeRelease() error {
	helm, err := c.Cluster.helm()
	if err != nil {
		return err
	}
	return helm.uninstall(withoutHooks)
}

func (c *Connection) remains(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the cluster still has parts of the agents (fairlead connectedk8s delete -n %s -g %s --force removes them): %w", c.ID.Name(), c.ID.ResourceGroup, err)
}
