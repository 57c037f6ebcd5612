package token

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// So many wrong secrets are forgiven at once, and then one more per interval.
	failureBurst    = 10
	failureInterval = 6 * time.Second
	// Bounds the memory that strangers can fill.
	maxAttempts = 10_000
)

// attempt is who fails to sign in, and from where: somebody who guesses elsewhere must not be able
// to lock the rightful client out.
type attempt struct{ appID, address string }

// failures limits failed sign-ins.
type failures struct {
	mutex    sync.Mutex
	limiters map[attempt]*rate.Limiter
}

// wait returns how long it takes until another try is allowed, 0 when it is allowed now.
func (f *failures) wait(a attempt, now time.Time) time.Duration {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	limiter, ok := f.limiters[a]
	if !ok {
		return 0
	}
	missing := 1 - limiter.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing * float64(failureInterval))
}

// count counts a failure.
func (f *failures) count(a attempt, now time.Time) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.forget(now)
	if f.limiters == nil {
		f.limiters = map[attempt]*rate.Limiter{}
	}
	limiter, ok := f.limiters[a]
	if !ok {
		limiter = rate.NewLimiter(rate.Every(failureInterval), failureBurst)
		f.limiters[a] = limiter
	}
	limiter.AllowN(now, 1)
}

// forget makes room when there is none: first for what has been forgiven, then for anything.
func (f *failures) forget(now time.Time) {
	if len(f.limiters) < maxAttempts {
		return
	}
	for a, limiter := range f.limiters {
		if limiter.TokensAt(now) >= failureBurst {
			delete(f.limiters, a)
		}
	}
	if len(f.limiters) >= maxAttempts {
		clear(f.limiters)
	}
}

func clientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// network is the client's address, or for IPv6 the network that one customer gets: whoever has one of
// its addresses has them all.
func network(r *http.Request) string {
	address, err := netip.ParseAddr(clientAddress(r))
	if err != nil || address.Unmap().Is4() {
		return clientAddress(r)
	}
	shared, err := address.Prefix(64)
	if err != nil {
		return clientAddress(r)
	}
	return shared.String()
}
