package identity

import (
	"github.com/fairlead/fairlead"
)

// unknown says what can have happened to a cluster that has an identity and no resource. The agents log it,
// so it holds the command that mends it.
func unknown(id fairlead.ResourceID, err error) error {
	if fairlead.KindOf(err) != fairlead.NotFound {
		return err
	}
	return fairlead.Errorf(fairlead.NotFound, "this hub has no connected cluster %[1]s: it was deleted here, or the hub was restored from a backup "+
		"that is older than the connection. Connect it again: fairlead connectedk8s connect -n %[1]s -g %[2]s", id.Name(), id.ResourceGroup)
}

// otherKey says what can have happened to a cluster that has another onboarding key than its resource.
func otherKey(id fairlead.ResourceID) error {
	return refuse("the hub has another key for %[1]s: another cluster was connected under this name, or the hub was restored from a backup "+
		"that is older than this connection. If the name is this cluster's, connect it afresh: fairlead connectedk8s delete -n %[1]s -g %[2]s --force, then fairlead connectedk8s connect -n %[1]s -g %[2]s",
		id.Name(), id.ResourceGroup)
}
