package relay

import (
	"fmt"
	"time"

	"github.com/fairlead/fairlead"
)

// noAgent says that a cluster has no tunnel, and what is known of why.
func (s *Server) noAgent(c *call) error {
	life, name, group := s.Presence.View(c.cluster.Key), c.cluster.ID.Name(), c.cluster.ID.ResourceGroup
	known := "the hub has not heard of the cluster's agents yet"
	if !life.LastSeen.IsZero() {
		known = fmt.Sprintf("the cluster is %s; its agents were last heard of at %s", life.Status, life.LastSeen.UTC().Format(time.RFC3339))
	}
	next := fmt.Sprintf("see that its agents run (kubectl get pods -n azure-arc, in the cluster) and what keeps them from the hub: fairlead connectedk8s troubleshoot -n %s -g %s", name, group)
	if life.Status == fairlead.Connected {
		next = fmt.Sprintf("its agents are there, without a tunnel: switch it on with fairlead connectedk8s enable-features -n %s -g %s --features cluster-connect, "+
			"or see what clusterconnect-agent says", name, group)
	}
	return &refusal{
		error:  fairlead.Errorf(fairlead.Unavailable, "%s", noAgent),
		causes: []cause{{Reason: "ClusterState", Message: known}, {Reason: "NextStep", Message: next}},
	}
}
