package hub

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/limit"
	"github.com/fairlead/fairlead/hub/reply"
)

const (
	// So many seconds' worth of requests may come at once: tools work in bursts.
	burstSeconds = 10
	// So many requests of one principal may be under way.
	atOnce = 100
	// More is no limit.
	maxPrincipalRate = 1_000_000
)

// limited holds each principal to its share of the hub. Agents have limits of their own, in
// hub/identity and hub/dataplane.
func (h *Hub) limited(answer reply.Writer) func(http.Handler) http.Handler {
	limiter := &limit.Limiter{
		PerSecond: h.config.PrincipalRate, Burst: int(math.Ceil(burstSeconds * h.config.PrincipalRate)), AtOnce: atOnce, Now: h.now,
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			principal, _ := access.PrincipalFrom(r.Context())
			release, wait := limiter.Take(principal.ObjectID)
			if wait > 0 {
				seconds := int(math.Ceil(wait.Seconds()))
				w.Header().Set("Retry-After", strconv.Itoa(seconds))
				answer.Error(w, r, fairlead.Errorf(fairlead.TooManyRequests,
					"Too many requests of this principal: the hub takes %g a second. Try again in %s.", h.config.PrincipalRate, time.Duration(seconds)*time.Second))
				return
			}
			defer release()
			next.ServeHTTP(w, r)
		})
	}
}
