package connect

import (
	"context"
	"crypto/rsa"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// releaseTrain is the only one that a hub has.
const releaseTrain = "stable"

// Proxy is how the agents reach the hub, when not directly. Addresses may hold passwords, which is why the
// hub never sees any of this.
type Proxy struct {
	HTTP, HTTPS client.Secret
	Skip        string
	Certificate []byte // PEM of the authority of a proxy that ends TLS
}

// Options are what a person chose; empty means that it is found out, or left to the hub.
type Options struct {
	Location, Distribution, DistributionVersion, Infrastructure string
	Tags                                                        map[string]string
	Proxy                                                       Proxy
	Profile                                                     string // standard or edge
	DisableAutoUpgrade                                          bool
	CustomLocationsOID                                          string        // switches custom locations on
	Timeout                                                     time.Duration // how long the agents may take to report
}

// Connection connects one cluster under one id. Hub, Cluster, ID and Report are needed.
type Connection struct {
	Hub     *client.Hub
	Cluster *Cluster
	ID      fairlead.ResourceID
	Options Options
	Report  Reporter

	endpoint  string // the hub's data plane, as the agents will know it
	situation situation
	chart     string // the newest chart's reference
	groupMade bool
	key       *rsa.PrivateKey
	stored    fairlead.ConnectedCluster
	work      workload
	tunnel    tunnel

	registered bool // this run told the hub of the cluster
	made       bool // which did not have it before
}

// Steps returns what it takes to connect the cluster, up to the agents' first report.
func (c *Connection) Steps() []Step {
	return append(c.InstallSteps(), c.identityStep(), c.metadataStep(), c.tunnelStep())
}

// InstallSteps are Steps without the wait for the agents.
func (c *Connection) InstallSteps() []Step {
	return []Step{
		{Name: "Reach the cluster", Run: c.reachCluster},
		{Name: "Reach the hub", Run: c.reachHub},
		{Name: "Check the cluster", Run: c.checkCluster},
		{Name: "Register with the hub", Run: c.register, Undo: c.unregister},
		{Name: "Install the agents", Run: c.install, Undo: c.uninstall},
	}
}

func (c *Connection) tunnelStep() Step {
	return Step{Name: waitForTunnel, Run: func(ctx context.Context) (string, error) {
		return c.tunnel.await(ctx, c.Hub, c.ID, c.Report)
	}}
}

// Warning says that something is not yet as it should be, empty when all is well.
func (c *Connection) Warning() string { return c.tunnel.missing }

// Result is the cluster as the hub had it last.
func (c *Connection) Result() fairlead.ConnectedCluster { return c.stored }

func (c *Connection) reachCluster(ctx context.Context) (string, error) {
	if err := c.Cluster.throughNobody(); err != nil {
		return "", err
	}
	version, err := c.Cluster.reach(ctx)
	if err != nil {
		return "", err
	}
	if err := c.Cluster.checkRights(ctx); err != nil {
		return "", err
	}
	return strings.TrimSpace("Kubernetes " + version + " at " + c.Cluster.Server), nil
}

func (c *Connection) reachHub(ctx context.Context) (string, error) {
	if err := c.Hub.HealthCheck(ctx); err != nil {
		return "", err
	}
	endpoints, err := c.Hub.Endpoints(ctx)
	if err != nil {
		return "", err
	}
	c.endpoint = endpoints.DataPlane(c.Hub.URL)
	if c.chart, err = c.Hub.LatestChart(ctx, releaseTrain); err != nil {
		return "", err
	}
	return c.Hub.URL, c.checkLocation(ctx)
}

// checkLocation settles where the cluster is to be: as asked, or where its group is, or the hub's first location.
func (c *Connection) checkLocation(ctx context.Context) error {
	offered, err := c.locations(ctx)
	if err != nil {
		return err
	}
	if c.Options.Location == "" {
		if c.Options.Location, err = c.groupLocation(ctx); err != nil {
			return err
		}
	}
	if c.Options.Location == "" && len(offered) > 0 {
		c.Options.Location = offered[0]
	}
	known := slices.ContainsFunc(offered, func(one string) bool { return plainLocation(one) == plainLocation(c.Options.Location) })
	if !known {
		return fairlead.Errorf(fairlead.Invalid, "the hub has no location %q for connected clusters; it has %s", c.Options.Location, strings.Join(offered, ", ")).WithCode("LocationNotAvailable")
	}
	return nil
}

func plainLocation(text string) string {
	return strings.ToLower(strings.ReplaceAll(text, " ", ""))
}

func (c *Connection) locations(ctx context.Context) ([]string, error) {
	var provider struct {
		RegistrationState string `json:"registrationState"`
		ResourceTypes     []struct {
			ResourceType string   `json:"resourceType"`
			Locations    []string `json:"locations"`
		} `json:"resourceTypes"`
	}
	if err := c.Hub.Get(ctx, "/subscriptions/"+c.ID.Subscription+"/providers/Microsoft.Kubernetes", client.ProviderVersion, &provider); err != nil {
		return nil, fmt.Errorf("ask the hub for provider Microsoft.Kubernetes: %w", err)
	}
	if state := strings.ToLower(provider.RegistrationState); state != "registered" && state != "registering" {
		return nil, fairlead.Errorf(fairlead.Invalid, "provider Microsoft.Kubernetes is not registered:\n  fairlead provider register -n Microsoft.Kubernetes").WithCode("MissingSubscriptionRegistration")
	}
	for _, kind := range provider.ResourceTypes {
		if strings.EqualFold(kind.ResourceType, "connectedClusters") {
			return kind.Locations, nil
		}
	}
	return nil, fairlead.Errorf(fairlead.Invalid, "this hub has no connected clusters")
}

func (c *Connection) groupPath() string {
	return fairlead.ResourceID{Subscription: c.ID.Subscription, ResourceGroup: c.ID.ResourceGroup}.String()
}

func (c *Connection) groupLocation(ctx context.Context) (string, error) {
	var group struct {
		Location string `json:"location"`
	}
	err := c.Hub.Get(ctx, c.groupPath(), client.GroupVersion, &group)
	if fairlead.KindOf(err) == fairlead.NotFound {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("ask the hub for resource group %s: %w", c.ID.ResourceGroup, err)
	}
	return group.Location, nil
}

func (c *Connection) checkCluster(ctx context.Context) (string, error) {
	for _, namespace := range []string{fairlead.AgentNamespace, fairlead.ReleaseNamespace} {
		going, err := c.Cluster.going(ctx, namespace)
		if err != nil {
			return "", err
		}
		if going {
			if err := c.Cluster.awaitGone(ctx, namespace, c.Report); err != nil {
				return "", err
			}
		}
	}
	if err := c.checkNodes(ctx); err != nil {
		return "", err
	}
	var err error
	c.situation, err = c.stand(ctx)
	if err != nil {
		return "", err
	}
	described := c.Options.Distribution + " on " + c.Options.Infrastructure
	if c.situation == again {
		return described + ", connected under this name already", nil
	}
	if c.situation == stale {
		return described + ", with agents that the hub does not know: they are replaced", c.clean(ctx)
	}
	return described, nil
}

func (c *Connection) checkNodes(ctx context.Context) error {
	nodes, err := c.Cluster.nodes(ctx)
	if err != nil {
		return err
	}
	platforms, err := c.artefacts().platforms(ctx, c.chart)
	if err != nil {
		return err
	}
	if err := checkNodes(nodes, platforms); err != nil {
		return err
	}
	distribution, infrastructure := detect(nodes)
	if c.Options.Distribution == "" || c.Options.Distribution == "auto" {
		c.Options.Distribution = distribution
	}
	if c.Options.Infrastructure == "" || c.Options.Infrastructure == "auto" {
		c.Options.Infrastructure = infrastructure
	}
	return nil
}

// clean removes what a connection left that the hub knows nothing of, without hooks: nothing answers them.
func (c *Connection) clean(ctx context.Context) error {
	c.Report.Note("removing agents that the hub does not know")
	return c.Cluster.strip(ctx, withoutHooks, c.Report)
}

func (c *Connection) artefacts() artefacts {
	transport := c.Hub.HTTP.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	return artefacts{transport}
}
