package presence

import (
	"fmt"

	"github.com/fairlead/fairlead"
)

// Explain says what happened to a cluster and what to do, for its document and its agents' log.
func (c Conflict) Explain(id fairlead.ResourceID) string {
	return c.what(id.Name()) + fmt.Sprintf(" Decide which of the two keeps the name. In the other one, remove the agents "+
		"(helm uninstall azure-arc -n azure-arc-release; kubectl delete namespace azure-arc azure-arc-release) and connect it under a name of its own. "+
		"Both have had the key, so then connect this one afresh: fairlead connectedk8s delete -n %[1]s -g %[2]s; fairlead connectedk8s connect -n %[1]s -g %[2]s",
		id.Name(), id.ResourceGroup)
}

func (c Conflict) what(name string) string {
	if c.Kind == TwoClusters {
		return fmt.Sprintf("Two clusters report as %s with the same key: their namespaces kube-system have the UIDs %.40q and %.40q.", name, c.First.ClusterUID, c.Second.ClusterUID)
	}
	return fmt.Sprintf("A copy of the cluster reports as %s, too: it was cloned, or restored from a snapshot, and both run (namespace kube-system has the UID %.40q in both).", name, c.First.ClusterUID)
}
