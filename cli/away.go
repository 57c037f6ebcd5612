package cli

import (
	"context"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// untilReached is what a way to a cluster that is away is good for.
const untilReached = "kubectl reaches it once its agents reach the hub"

// warnAway says what becomes of what is asked of a connected cluster that the hub does not hear of. Whoever may ask need not be
// allowed to look at the cluster: it says nothing then, and returns an empty one instead of the cluster.
func (s *session) warnAway(ctx context.Context, hub *signedIn, cluster fairlead.ResourceID, then string) fairlead.ConnectedCluster {
	found, err := hub.Cluster(ctx, cluster)
	if err == nil && found.Properties.ConnectivityStatus != fairlead.Connected {
		s.warn("%s is %s: %s", cluster.Name(), found.Properties.ConnectivityStatus, then)
	}
	return found
}

// warnLate is warnAway for something on a cluster that the agents have to do, by its id.
func (s *session) warnLate(ctx context.Context, hub *signedIn, id fairlead.ResourceID) {
	cluster, err := fairlead.ParseResourceID(id.Scope)
	if err == nil && strings.EqualFold(cluster.Type(), fairlead.ConnectedClusterID("", "", "").Type()) {
		s.warnAway(ctx, hub, cluster, "this is done once its agents reach the hub")
	}
}

// warnStaying names what goes on in a cluster without the hub, and how to remove that, too. Of what one may not see nothing is said.
func (s *session) warnStaying(ctx context.Context, hub *signedIn, cluster fairlead.ResourceID) {
	for _, kind := range []struct{ path, version, command string }{
		{client.FluxBelow(cluster), client.FluxVersion, "k8s-configuration flux"},
		{client.ExtensionsBelow(cluster), client.ExtensionVersion, "k8s-extension"},
	} {
		found, err := hub.List(ctx, kind.path, kind.version, nil)
		if err != nil {
			continue
		}
		for _, one := range found {
			name, _ := one["name"].(string)
			s.warn("%s stays in the cluster and goes on, without the hub. To remove it, too, do this first:\n  fairlead %s delete -g %s -c %s -t %s -n %s",
				strings.Map(printable, name), kind.command, cluster.ResourceGroup, cluster.Name(), client.ConnectedClusters, strings.Map(printable, name))
		}
	}
}
