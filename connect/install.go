package connect

import (
	"context"
	"fmt"

	chartv2 "helm.sh/helm/v4/pkg/chart/v2"

	"github.com/fairlead/fairlead"
)

// workload is what this run has put into the cluster.
type workload struct {
	agentNamespace, releaseNamespace bool
	release                          bool
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
	made, err := c.Cluster.makeNamespace(ctx, fairlead.ReleaseNamespace, nil, nil)
	c.work.releaseNamespace = made
	if err != nil {
		return err
	}
	made, err = c.Cluster.makeNamespace(ctx, fairlead.AgentNamespace, adoptLabels(), adoptAnnotations())
	c.work.agentNamespace = made
	if err == nil && !made {
		err = c.Cluster.adopt(ctx, fairlead.AgentNamespace)
	}
	if err != nil || c.situation == again {
		return err
	}
	return c.Cluster.writeKey(ctx, c.key)
}

func (c *Connection) applyRelease(ctx context.Context, chart *chartv2.Chart, values map[string]any) error {
	c.Report.Note("installing release " + fairlead.ReleaseName)
	helm, err := c.Cluster.helm()
	if err != nil {
		return err
	}
	last, err := helm.current()
	if err != nil {
		return err
	}
	c.work.release = last == nil
	return helm.apply(ctx, chart, values)
}

// uninstall takes out of the cluster what this run put in, and only that.
func (c *Connection) uninstall(ctx context.Context) error {
	if c.work.release {
		if err := c.removeRelease(); err != nil {
			return c.remains(err)
		}
	}
	if c.work.agentNamespace {
		if err := c.Cluster.removeNamespace(ctx, fairlead.AgentNamespace); err != nil {
			return c.remains(err)
		}
		if err := c.Cluster.awaitGone(ctx, fairlead.AgentNamespace, c.Report); err != nil {
			return c.remains(err)
		}
	}
	if !c.work.releaseNamespace {
		return nil
	}
	if err := c.Cluster.removeNamespace(ctx, fairlead.ReleaseNamespace); err != nil {
		return c.remains(err)
	}
	return c.remains(c.Cluster.awaitGone(ctx, fairlead.ReleaseNamespace, c.Report))
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
