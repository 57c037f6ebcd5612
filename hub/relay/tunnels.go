package relay

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/identity"
	"github.com/fairlead/fairlead/tunnel"
)

const (
	// The bound maxTunnels is how many a cluster may hold, and may be opening: one for each replica of its agent, and the next one of each.
	maxTunnels = 4
	// The bound maxHandshakes is how many proofs are verified at a time, over all clusters.
	maxHandshakes     = 64
	handshakePatience = 5 * time.Second
	handshakeTimeout  = 10 * time.Second
)

// Attach makes a tunnel of a request that is proved to come from the cluster. It returns when the tunnel stands.
func (s *Server) Attach(w http.ResponseWriter, r *http.Request, id fairlead.ResourceID) error {
	if r.Header.Get("Upgrade") == "" {
		_, _ = tunnel.Accept(w, r) // which says that an upgrade is missing
		return nil
	}
	if s.draining.Load() {
		return fairlead.Errorf(fairlead.Unavailable, "the hub is stopping; try again")
	}
	from, err := s.recognise(r, id)
	if err != nil {
		return err
	}
	release, err := s.links.await(from.Key)
	if err != nil {
		return err
	}
	defer release()
	conn, err := tunnel.Accept(w, r)
	if err != nil { // it has been answered
		s.Log.DebugContext(r.Context(), "a tunnel was not made", slog.String("cluster", from.Key), slog.Any("err", err))
		return nil
	}
	s.begin(context.WithoutCancel(r.Context()), from, conn)
	return nil
}

// Connected reports whether the cluster of a key holds a tunnel.
func (s *Server) Connected(key string) bool { return s.links.of(key) > 0 }

// recognise verifies whom a request is from, when it is its turn.
func (s *Server) recognise(r *http.Request, id fairlead.ResourceID) (identity.Cluster, error) {
	release, err := s.handshakes.take(r.Context())
	if err != nil {
		return identity.Cluster{}, err
	}
	defer release()
	return s.Clusters.Verify(r, nil, id)
}

// begin speaks first on a tunnel, and lets it be used.
func (s *Server) begin(ctx context.Context, from identity.Cluster, conn *tunnel.Conn) {
	shaking, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	client, err := tunnel.NewClient(shaking, conn)
	if err != nil {
		s.Log.WarnContext(ctx, "a tunnel did not come to life", slog.String("cluster", from.Key), slog.Any("err", err))
		return
	}
	made := &link{cluster: from, client: client}
	surplus := s.links.add(made)
	s.counted.opened.Add(1)
	s.Log.InfoContext(ctx, "a cluster has opened a tunnel", slog.String("cluster", from.Key), slog.Int("tunnels", s.links.of(from.Key)))
	client.AfterDone(func() {
		s.links.remove(made)
		s.Log.InfoContext(ctx, "a tunnel has ended", slog.String("cluster", from.Key), slog.Int("tunnels", s.links.of(from.Key)))
	})
	if surplus != nil {
		surplus.client.Close()
	}
	if s.draining.Load() {
		client.Drain()
	}
}

// links are the tunnels of all clusters, oldest first.
type links struct {
	mu    sync.Mutex
	known map[string][]*link
	total int
	due   map[string]int // so many tunnels are being opened
}

// await admits a tunnel that is not open yet: a cluster that says nothing on many is no burden to others.
func (o *links) await(key string) (release func(), err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.due[key] >= maxTunnels {
		return nil, fairlead.Errorf(fairlead.TooManyRequests, "the cluster is opening %d tunnels already", o.due[key])
	}
	if o.due == nil {
		o.due = map[string]int{}
	}
	o.due[key]++
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.due[key]--; o.due[key] == 0 {
			delete(o.due, key)
		}
	}, nil
}

// add returns the tunnel that has to go, if there are too many.
func (o *links) add(made *link) (surplus *link) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil {
		o.known = map[string][]*link{}
	}
	key := made.cluster.Key
	o.known[key] = append(o.known[key], made)
	o.total++
	if len(o.known[key]) > maxTunnels {
		return o.known[key][0]
	}
	return nil
}

func (o *links) remove(gone *link) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := gone.cluster.Key
	before := len(o.known[key])
	o.known[key] = slices.DeleteFunc(o.known[key], func(other *link) bool { return other == gone })
	o.total -= before - len(o.known[key])
	if len(o.known[key]) == 0 {
		delete(o.known, key)
	}
}

func (o *links) of(key string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.known[key])
}

func (o *links) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.total
}

// all returns the tunnels of all clusters.
func (o *links) all() []*link {
	o.mu.Lock()
	defer o.mu.Unlock()
	found := make([]*link, 0, o.total)
	for _, some := range o.known {
		found = append(found, some...)
	}
	return found
}

// pick returns the newest tunnel of a cluster that takes a request, if it was opened by the cluster as it is now.
func (o *links) pick(cluster identity.Cluster) (found *link, held bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, one := range slices.Backward(o.known[cluster.Key]) {
		if !one.cluster.Same(cluster) || one.ended() {
			continue
		}
		if held = true; one.client.Available() {
			return one, true
		}
	}
	return nil, held
}

// slots bounds how many do something at a time. The zero value lets maxHandshakes.
type slots struct {
	once sync.Once
	free chan struct{}
}

func (o *slots) take(ctx context.Context) (release func(), err error) {
	o.once.Do(func() { o.free = make(chan struct{}, maxHandshakes) })
	timer := time.NewTimer(handshakePatience)
	defer timer.Stop()
	select {
	case o.free <- struct{}{}:
		return func() { <-o.free }, nil
	case <-timer.C:
		return nil, fairlead.Errorf(fairlead.Unavailable, "too many tunnels are being opened; try again in some seconds")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
