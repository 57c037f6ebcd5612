package clusteridentity

import (
	"testing"
	"time"

	"github.com/fairlead/fairlead"
)

// A statement that cannot be followed must not make the agent ask for certificates without end.
func TestANewStatementIsConsideredOnce(t *testing.T) {
	id := fairlead.ConnectedClusterID("s", "g", "n")
	current := obtained(t, id)
	o := operator(authority{cluster: id}, 0)
	o.Now, o.Cluster, o.HubCA = func() time.Time { return current.Leaf().NotBefore.Add(time.Second) }, id, []byte("of the chart")
	current.RenewAfter = current.Leaf().NotAfter
	o.Holder.Set(current, nil)
	if why := o.due(current, "key", nil); why != "" {
		t.Fatalf("due without a statement: %s", why)
	}
	unsigned := &fairlead.HubTrust{Certificates: "x", Generation: 1}
	o.stated = unsigned.Hash()
	if why := o.due(current, "key", nil); why == "" {
		t.Error("a new statement is not asked for")
	}
	if kept := o.follow(t.Context(), unsigned); kept.Certificates != nil {
		t.Error("an unsigned statement is followed")
	}
	if why := o.due(current, "key", nil); why != "" {
		t.Errorf("asked for again: %s", why)
	}
	o.HubCA, o.considered = nil, ""
	if why := o.due(current, "key", nil); why != "" {
		t.Errorf("asked for although every system trusts the hub: %s", why)
	}
}
