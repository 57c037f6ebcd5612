package dataplane

import (
	"testing"
	"testing/synctest"

	"github.com/fairlead/fairlead"
)

func TestTooManyRequestsForCertificatesAreShed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var certificates slots
		for range maxIssuing - 1 {
			if _, err := certificates.take(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		release, err := certificates.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := certificates.take(t.Context()); fairlead.KindOf(err) != fairlead.Unavailable {
			t.Errorf("one too many: %v, want Unavailable", err)
		}
		release()
		if _, err := certificates.take(t.Context()); err != nil {
			t.Errorf("after one has ended: %v", err)
		}
	})
}
