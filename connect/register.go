package connect

import (
	"context"
	"crypto/rsa"
	"fmt"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// register makes the group if need be, makes or finds the key, and puts the cluster into the hub.
func (c *Connection) register(ctx context.Context) (string, error) {
	if err := c.makeGroup(ctx); err != nil {
		return "", err
	}
	var err error
	if c.key, err = c.chooseKey(ctx); err != nil {
		return "", err
	}
	if err := c.keepTags(ctx); err != nil {
		return "", err
	}
	c.Report.Note("asking the hub for a connected cluster")
	// Whatever the answer, from here on the hub may have the cluster.
	c.registered, c.made = true, c.situation == fresh || c.situation == stale
	if c.stored, err = c.Hub.PutCluster(ctx, c.ID, c.document()); err != nil {
		return "", err
	}
	return c.whatWasMade(), nil
}

func (c *Connection) whatWasMade() string {
	if c.groupMade {
		return "created resource group " + c.ID.ResourceGroup + ", identity " + principal(c.stored)
	}
	return "identity " + principal(c.stored)
}

// keepTags takes the tags of a cluster that is connected already, unless this run was given others: a
// PUT without tags would remove them, and connecting again must change nothing by itself.
func (c *Connection) keepTags(ctx context.Context) error {
	if c.situation != again || c.Options.Tags != nil {
		return nil
	}
	known, err := c.Hub.Cluster(ctx, c.ID)
	c.Options.Tags = known.Tags
	return err
}

func principal(cluster fairlead.ConnectedCluster) string {
	if cluster.Identity == nil {
		return "unknown"
	}
	return cluster.Identity.PrincipalID
}

// makeGroup makes the resource group when there is none, as az does.
func (c *Connection) makeGroup(ctx context.Context) error {
	there, err := c.Hub.Exists(ctx, c.groupPath(), client.GroupVersion)
	if err != nil || there {
		return err
	}
	c.Report.Note("making resource group " + c.ID.ResourceGroup)
	err = c.Hub.Put(ctx, c.groupPath(), client.GroupVersion, client.Document{"location": c.Options.Location}, nil)
	if err != nil {
		return fmt.Errorf("resource group %q is not there and could not be made: %w", c.ID.ResourceGroup, err)
	}
	c.groupMade = true
	return nil
}

// chooseKey returns the key that the cluster has, when it is connected already, or a new one.
func (c *Connection) chooseKey(ctx context.Context) (*rsa.PrivateKey, error) {
	if c.situation != again {
		c.Report.Note("making the cluster's key")
		return newKey(ctx)
	}
	key, err := c.Cluster.readKey(ctx)
	if err != nil {
		return nil, err
	}
	if key == nil {
		return nil, fairlead.Errorf(fairlead.Conflict, "the cluster is connected under this name, but its key (Secret %s/%s) is missing or damaged; disconnect it with --force, then connect it afresh:\n  fairlead connectedk8s delete -n %s -g %s --force",
			fairlead.AgentNamespace, fairlead.OnboardingKeySecret, c.ID.Name(), c.ID.ResourceGroup).WithCode("KeyMissing")
	}
	return key, nil
}

func (c *Connection) document() fairlead.ConnectedCluster {
	document := fairlead.ConnectedCluster{
		Location: c.Options.Location, Tags: c.Options.Tags,
		Identity: &fairlead.ManagedIdentity{Type: "SystemAssigned"},
		Properties: fairlead.ConnectedProperties{
			AgentPublicKeyCertificate: publicKey(c.key), Distribution: c.Options.Distribution,
			DistributionVersion: c.Options.DistributionVersion, Infrastructure: c.Options.Infrastructure,
		},
	}
	if c.Options.DisableAutoUpgrade {
		document.Properties.ArcAgentProfile = &fairlead.ArcAgentProfile{AgentAutoUpgrade: "Disabled"}
	}
	return document
}

// unregister takes out of the hub what this run put in.
func (c *Connection) unregister(ctx context.Context) error {
	if c.made {
		if err := c.deleteOwn(ctx); err != nil && fairlead.KindOf(err) != fairlead.NotFound {
			return fmt.Errorf("the hub may still have %s (fairlead connectedk8s delete -n %s -g %s --force removes it): %w", c.ID, c.ID.Name(), c.ID.ResourceGroup, err)
		}
	}
	if c.registered && !c.made {
		return c.staysRegistered(ctx)
	}
	if !c.groupMade {
		return nil
	}
	if err := c.Hub.Delete(ctx, c.groupPath(), client.GroupVersion, nil); err != nil && fairlead.KindOf(err) != fairlead.NotFound {
		return fmt.Errorf("the hub still has resource group %s, which this run made: %w", c.ID.ResourceGroup, err)
	}
	return nil
}

func (c *Connection) staysRegistered(ctx context.Context) error {
	status := "status unknown"
	if known, err := c.Hub.Cluster(ctx, c.ID); err == nil {
		status = "status " + string(known.Properties.ConnectivityStatus)
	}
	return staysf("%s at the hub, %s, with the tags and settings that this run gave it", c.ID.Name(), status)
}

// deleteOwn deletes the cluster at the hub if it carries this run's key: someone else may have been faster.
func (c *Connection) deleteOwn(ctx context.Context) error {
	known, err := c.Hub.Cluster(ctx, c.ID)
	if err != nil || known.Properties.AgentPublicKeyCertificate != publicKey(c.key) {
		return err
	}
	return c.Hub.DeleteCluster(ctx, c.ID)
}
