package metadata

import (
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/pace"
)

// Rhythm says when the next heartbeat is due. The zero value is ready.
type Rhythm struct{ backoff pace.Backoff }

// After returns how long to wait after a heartbeat that was answered so, or failed. Refusals do not go away
// by asking often; cables do.
func (r *Rhythm) After(answer fairlead.HeartbeatResponse, err error) time.Duration {
	if err == nil {
		r.backoff.Reset()
		return pace.Jitter(intervalOf(answer))
	}
	r.backoff.Min, r.backoff.Max = firstRetry, defaultInterval
	switch fairlead.KindOf(err) { //nolint:exhaustive // what else goes wrong is the line's fault, or passes
	case fairlead.NotFound, fairlead.Forbidden, fairlead.Unauthenticated, fairlead.TooManyRequests:
		r.backoff.Max = 30 * time.Second
	}
	return r.backoff.Next()
}

func intervalOf(answer fairlead.HeartbeatResponse) time.Duration {
	interval := time.Duration(answer.IntervalSeconds) * time.Second
	if interval <= 0 {
		return defaultInterval
	}
	return min(interval, maxInterval)
}
