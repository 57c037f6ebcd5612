package connect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

const (
	waitForTunnel = "Wait for the tunnel"
	// The tunnelPatience is many times what a tunnel needs to come back after the agents have been started anew.
	tunnelPatience = 30 * time.Second
	// A tunnel of pods that are just being replaced is seen once more, and then not.
	steadyTunnel = 4
)

// tunnel is by which people reach a cluster. Missing says so when it has not come.
type tunnel struct{ missing string }

// await waits until the hub sees a tunnel that stays. That none comes is no failure: the agents go on trying, and are not to be
// taken back for it.
func (t *tunnel) await(ctx context.Context, hub *client.Hub, id fairlead.ResourceID, report Reporter) (string, error) {
	waiting, cancel := context.WithTimeoutCause(ctx, tunnelPatience, errSlow)
	defer cancel()
	result, seen := "kubectl gets through the hub", 0
	report.Note("waiting until the hub sees the tunnel of clusterconnect-agent")
	err := until(waiting, func(ctx context.Context) (bool, error) {
		now, err := hub.Cluster(ctx, id)
		if err != nil {
			return false, nil //nolint:nilerr // the next look may find the hub again
		}
		shown := now.Properties.ClusterConnect
		switch {
		case shown == nil || shown.Tunnel == "":
			result = "the hub does not say whether there is one"
			return true, nil
		case shown.State == "Disabled":
			result = "cluster-connect is off"
			return true, nil
		case shown.Tunnel != fairlead.TunnelConnected:
			seen = 0
			return false, nil
		}
		seen++
		return seen == steadyTunnel, nil
	})
	if !errors.Is(err, errSlow) || ctx.Err() != nil {
		return result, err
	}
	t.missing = fmt.Sprintf("the hub has seen no steady tunnel of %s within %s: kubectl does not get through yet. What keeps it away:\n  fairlead connectedk8s troubleshoot -n %s -g %s",
		id.Name(), tunnelPatience, id.Name(), id.ResourceGroup)
	return "it has not come yet", nil
}
