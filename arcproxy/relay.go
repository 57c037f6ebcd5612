package arcproxy

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// relaySpare is how long before its end the token of a relay is replaced, as the az client does.
const relaySpare = 5 * time.Minute

// RelayToken lets requests pass a hub whose own Authorization is for the cluster.
type RelayToken struct {
	Value   string
	Expires time.Time
}

// Relay keeps the token of a relay fresh.
type Relay struct {
	// Fetch asks the hub for the next one.
	Fetch func(context.Context) (RelayToken, error)
	Now   func() time.Time

	mutex   sync.Mutex
	current RelayToken
}

// Token returns a token that is good for minutes to come. When the next one cannot be had, the last one serves until its end.
func (r *Relay) Token(ctx context.Context) (string, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.good(relaySpare) {
		return r.current.Value, nil
	}
	next, err := r.Fetch(ctx)
	switch {
	case err == nil:
		r.current = next
	case !r.good(0):
		return "", fmt.Errorf("get a token of the relay: %w", err)
	}
	return r.current.Value, nil
}

func (r *Relay) good(spare time.Duration) bool {
	return r.current.Value != "" && r.Now().Before(r.current.Expires.Add(-spare))
}

// Forget makes Token fetch another token: the hub has refused this one.
func (r *Relay) Forget() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.current = RelayToken{}
}
