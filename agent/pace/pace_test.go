package pace_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead/fairlead/agent/pace"
)

func TestBackoffGrowsToItsMaximum(t *testing.T) {
	backoff := pace.Backoff{Min: time.Second, Max: 10 * time.Second}
	for i, full := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 10 * time.Second} {
		if got := backoff.Next(); got < full/2 || got > full {
			t.Errorf("failure %d: %s, want between half of %s and all of it", i, got, full)
		}
	}
	backoff.Failures = 1000
	if got := backoff.Next(); got > 10*time.Second || got < 5*time.Second {
		t.Errorf("after a thousand failures: %s", got)
	}
	backoff.Reset()
	if got := backoff.Next(); got > time.Second {
		t.Errorf("after a reset: %s", got)
	}
}

func TestWaitEndsForEachOfItsReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := pace.Wait(t.Context(), time.Minute, nil); err != nil || time.Since(start) != time.Minute {
			t.Errorf("waited %s: %v", time.Since(start), err)
		}
		wake := make(chan struct{}, 1)
		wake <- struct{}{}
		if err := pace.Wait(t.Context(), time.Minute, wake); err != nil || time.Since(start) != time.Minute {
			t.Error("a signal did not end the wait")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := pace.Wait(ctx, time.Minute, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}
