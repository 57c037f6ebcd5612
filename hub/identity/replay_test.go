package identity

import (
	"fmt"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
)

func moment() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

func TestProofIsAcceptedOnceWhileItCouldBeValid(t *testing.T) {
	var o replays
	if err := o.accept("a", "proof", moment()); err != nil {
		t.Fatal(err)
	}
	for _, age := range []time.Duration{0, time.Second, memory} {
		if err := o.accept("a", "proof", moment().Add(age)); fairlead.CodeOf(err) != "ProofReplayed" {
			t.Errorf("after %s: %v, want the replay refused", age, err)
		}
	}
	if err := o.accept("b", "proof", moment()); err != nil {
		t.Errorf("another cluster's proof of the same id: %v", err)
	}
	if err := o.accept("a", "another", moment()); err != nil {
		t.Errorf("another proof: %v", err)
	}
}

func TestOneClusterCannotFillTheMemoryOfAnother(t *testing.T) {
	var o replays
	if err := o.accept("quiet", "kept", moment()); err != nil {
		t.Fatal(err)
	}
	for i := range maxRemembered {
		if err := o.accept("loud", fmt.Sprint(i), moment()); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	if err := o.accept("loud", "one more", moment()); fairlead.KindOf(err) != fairlead.TooManyRequests {
		t.Errorf("%v, want a bound", err)
	}
	if err := o.accept("quiet", "kept", moment()); fairlead.CodeOf(err) != "ProofReplayed" {
		t.Errorf("%v, want the quiet cluster's proof still remembered", err)
	}
	if err := o.accept("quiet", "new", moment()); err != nil {
		t.Errorf("the quiet cluster suffers: %v", err)
	}
	if err := o.accept("loud", "later", moment().Add(memory+time.Second)); err != nil {
		t.Errorf("the loud cluster is locked out for good: %v", err)
	}
}

func TestClustersThatFellSilentAreForgotten(t *testing.T) {
	var o replays
	for i := range sweepEvery {
		if err := o.accept(fmt.Sprint("cluster-", i), "proof", moment()); err != nil {
			t.Fatal(err)
		}
	}
	later := moment().Add(memory + time.Second)
	for i := range sweepEvery {
		if err := o.accept("a", fmt.Sprint(i), later); err != nil {
			t.Fatal(err)
		}
	}
	if len(o.clusters) != 1 {
		t.Errorf("%d clusters are remembered, want the one that speaks", len(o.clusters))
	}
}
