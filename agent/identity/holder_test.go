package identity_test

import (
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/identity"
)

// Whoever asked before anybody had looked must be woken when somebody looks and finds nothing: that is
// when a certificate has to be asked for.
func TestFirstLookIsAChange(t *testing.T) {
	var holder identity.Holder
	_, changed, reason := holder.Current()
	if fairlead.KindOf(reason) != fairlead.Unavailable {
		t.Fatalf("before anybody looked: %v", reason)
	}
	holder.Set(nil, fairlead.Errorf(fairlead.NotFound, "not there"))
	select {
	case <-changed:
	default:
		t.Error("nobody is woken by the first look")
	}
	_, changed, _ = holder.Current()
	holder.Set(nil, fairlead.Errorf(fairlead.NotFound, "still not there"))
	select {
	case <-changed:
		t.Error("woken although nothing changed")
	default:
	}
}
