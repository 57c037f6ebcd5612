package connect

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
)

// claim is what a cluster says about where it is connected.
type claim struct {
	id        fairlead.ResourceID
	dataPlane string // base URL of its hub; empty in a cluster of Azure's own
}

// claimed reads the claim of a cluster, nil when it has none.
func (k *Cluster) claimed(ctx context.Context) (*claim, error) {
	config, err := k.api.CoreV1().ConfigMaps(fairlead.AgentNamespace).Get(ctx, fairlead.ClusterConfigMap, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // not connected is a state, not a failure
	}
	if err != nil {
		return nil, fmt.Errorf("read where the cluster is connected (ConfigMap %s/%s): %w", fairlead.AgentNamespace, fairlead.ClusterConfigMap, err)
	}
	return &claim{
		id:        fairlead.ConnectedClusterID(config.Data[fairlead.KeySubscription], config.Data[fairlead.KeyResourceGroup], config.Data[fairlead.KeyResourceName]),
		dataPlane: strings.TrimSuffix(config.Data[fairlead.KeyDataPlane], "/"),
	}, nil
}

// sameHub reports whether the claim is about the hub at url.
func (c *claim) sameHub(url string) bool {
	return strings.EqualFold(c.dataPlane, strings.TrimSuffix(url, "/"))
}

func (c *claim) same(id fairlead.ResourceID) bool { return c.id.Key() == id.Key() }

func (c *claim) String() string {
	where := "Azure"
	if c.dataPlane != "" {
		where = "the hub " + c.dataPlane
	}
	return fmt.Sprintf("connected to %s as %q in resource group %q (subscription %s)", where, c.id.Name(), c.id.ResourceGroup, c.id.Subscription)
}

// expected is what a cluster that claims something else was taken for. Names are the same at many hubs, so the hub is said, too.
func expected(id fairlead.ResourceID, hub string) string {
	return fmt.Sprintf("to the hub %s, where you are signed in, as %q in resource group %q (subscription %s)", hub, id.Name(), id.ResourceGroup, id.Subscription)
}

// situation is how the cluster and the name asked for stand to each other at the hub.
type situation int

const (
	// fresh: neither is in use.
	fresh situation = iota
	// again: they belong together already.
	again
	// stale: the cluster still has agents of a connection that the hub does not know (any more).
	stale
	// unfinished: the hub has the name, but no agent has ever come for it.
	unfinished
)

// stand finds out the situation, or why the two cannot be brought together.
func (c *Connection) stand(ctx context.Context) (situation, error) {
	claimed, err := c.Cluster.claimed(ctx)
	if err != nil {
		return fresh, err
	}
	if claimed != nil {
		return c.standClaimed(ctx, claimed)
	}
	known, err := c.Hub.Cluster(ctx, c.ID)
	switch {
	case fairlead.KindOf(err) == fairlead.NotFound:
		return c.leftovers()
	case err != nil:
		return fresh, fmt.Errorf("ask the hub for %s: %w", c.ID.Name(), err)
	case neverSeen(known):
		return unfinished, nil
	}
	return fresh, fairlead.Errorf(fairlead.Conflict, "another cluster is connected as %q in resource group %q (status %s, last seen %s); choose another name, or disconnect that one first",
		c.ID.Name(), c.ID.ResourceGroup, known.Properties.ConnectivityStatus, lastSeen(known)).WithCode("NameTaken")
}

func (c *Connection) standClaimed(ctx context.Context, claimed *claim) (situation, error) {
	if !claimed.sameHub(c.endpoint) {
		return fresh, fairlead.Errorf(fairlead.Conflict, "the cluster %s is already %s, not to the hub %s, where you are signed in; sign in there and disconnect it first:\n  fairlead connectedk8s delete -n %s -g %s",
			c.Cluster.short(), claimed, c.Hub.URL, claimed.id.Name(), claimed.id.ResourceGroup).WithCode("ConnectedElsewhere")
	}
	_, err := c.Hub.Cluster(ctx, claimed.id)
	switch {
	case fairlead.KindOf(err) == fairlead.NotFound:
		return stale, nil
	case err != nil:
		return fresh, fmt.Errorf("ask the hub for %s, which this cluster claims to be: %w", claimed.id.Name(), err)
	case !claimed.same(c.ID):
		return fresh, elsewhere(c.Cluster, claimed)
	}
	return again, nil
}

func elsewhere(cluster *Cluster, claimed *claim) error {
	return fairlead.Errorf(fairlead.Conflict, "the cluster %s is already %s; disconnect it there first:\n  fairlead connectedk8s delete -n %s -g %s",
		cluster.short(), claimed, claimed.id.Name(), claimed.id.ResourceGroup).WithCode("ConnectedElsewhere")
}

// leftovers tells a cluster with a release but no claim, as an aborted install leaves it, from one that has nothing.
func (c *Connection) leftovers() (situation, error) {
	helm, err := c.Cluster.helm()
	if err != nil {
		return fresh, err
	}
	release, err := helm.current()
	if err != nil || release == nil {
		return fresh, err
	}
	return stale, nil
}

// neverSeen reports whether no agent has ever come for a cluster that the hub has.
func neverSeen(known fairlead.ConnectedCluster) bool {
	return known.Properties.IdentityExpiration == nil && known.Properties.LastConnectivityTime == nil
}

func lastSeen(known fairlead.ConnectedCluster) string {
	if known.Properties.LastConnectivityTime == nil {
		return "never"
	}
	return known.Properties.LastConnectivityTime.UTC().Format("2006-01-02 15:04:05 UTC")
}
