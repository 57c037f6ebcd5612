//go:build linux

package hub_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub"
)

// The hub's clock is put back by an hour while it is written to: nothing that was acknowledged is lost, nothing is an error of
// the hub's, and whoever signs in then works on.
func TestClockPutBackUnderLoad(t *testing.T) {
	var late atomic.Int64
	on := start(t, t.TempDir(), func(c *hub.Config) {
		c.PrincipalRate = 1_000_000
		c.Clock = func() time.Time { return time.Now().Add(-time.Duration(late.Load())) }
	})
	bearer := on.signIn(t, on.Administrator.AppID, string(on.Administrator.Secret))
	subscription := on.subscription(t, bearer)
	var writers sync.WaitGroup
	var failures atomic.Int64
	acknowledged := [4][]string{}
	const each = 100
	for writer := range acknowledged {
		writers.Go(func() {
			for i := range each {
				if i == each/2 {
					late.Store(int64(time.Hour))
				}
				if group := fmt.Sprintf("g-%d-%d", writer, i); on.tryGroup(bearer, subscription, group, &failures) {
					acknowledged[writer] = append(acknowledged[writer], group)
				}
			}
		})
	}
	writers.Wait()
	if failures.Load() > 0 {
		t.Errorf("%d writes failed otherwise than with 401", failures.Load())
	}
	bearer = on.signIn(t, on.Administrator.AppID, string(on.Administrator.Secret))
	for _, groups := range acknowledged {
		if len(groups) < each/4 {
			t.Errorf("only %d writes were acknowledged", len(groups))
		}
		for _, group := range groups {
			on.wantGroup(t, bearer, subscription, group, http.StatusOK)
		}
	}
	if status, err := on.write(http.MethodPut, groupPath(subscription, "after"), bearer, `{"location":"local"}`); err != nil || status != http.StatusCreated {
		t.Errorf("a write after that: %d, %v", status, err)
	}
	t.Logf("acknowledged with the token of before: %d of %d", len(acknowledged[0])+len(acknowledged[1])+len(acknowledged[2])+len(acknowledged[3]), len(acknowledged)*each)
}

// tryGroup reports whether making a group was acknowledged, and counts failures of another kind than a token of a time to come.
func (r *running) tryGroup(bearer, subscription, group string, failures *atomic.Int64) bool {
	status, err := r.write(http.MethodPut, groupPath(subscription, group), bearer, `{"location":"local"}`)
	if err != nil || status != http.StatusCreated && status != http.StatusUnauthorized {
		failures.Add(1)
	}
	return err == nil && status == http.StatusCreated
}
