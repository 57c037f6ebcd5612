package relay

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

const (
	sweepEvery = 2 * time.Second
	// The span sweepTelling is how long a cluster has to take new statements: with sweepEvery it bounds how long a right lasts that
	// was taken away.
	sweepTelling = 2500 * time.Millisecond
	// So many callers are looked at at once.
	sweepWidth = 4
	// A caller that has not read for so long holds memory that others could use.
	stalledAfter = time.Minute
	// So many watches, logs and sessions one caller may leave unread for longer: each holds a window of its tunnel.
	mostPaused = 16
)

// checked is up to when a group's rights are known.
type checked struct {
	again bool // the cluster has not taken said in time
	at    store.Revisions
	said  *statement
}

// Run looks every two seconds whether whoever has something open may still have it, until ctx ends. Then it ends all.
func (s *Server) Run(ctx context.Context) error {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			s.end()
			return nil
		case <-ticker.C:
			s.sweep(ctx)
		}
	}
}

// Drain tells clusters to go elsewhere, and callers who stay long to come again. Short requests may end in peace.
func (s *Server) Drain() {
	s.draining.Store(true)
	s.open.each(func(c *call) {
		if c.kind == long {
			c.cut(errStopping)
		}
	})
	var telling sync.WaitGroup
	for _, one := range s.links.all() {
		telling.Go(one.client.Drain)
	}
	telling.Wait()
}

// end closes everything and waits for it.
func (s *Server) end() {
	s.draining.Store(true)
	s.open.each(func(c *call) { c.cut(errStopping) })
	for _, one := range s.links.all() {
		one.client.Close()
	}
	s.open.wait()
}

func (s *Server) sweep(ctx context.Context) {
	s.cutStalled()
	now, err := s.Store.Revisions(ctx)
	if failed := err != nil; s.failing.Swap(failed) != failed && failed && ctx.Err() == nil {
		s.Log.ErrorContext(ctx, "cannot look whether rights have changed, will keep trying", slog.Any("err", err))
	}
	if err != nil {
		return
	}
	s.cutStrangers(ctx)
	news := s.weighAll(ctx, now)
	var telling sync.WaitGroup
	for on, some := range news {
		telling.Go(func() { s.tellAll(ctx, on, some) })
	}
	telling.Wait()
}

// cutStalled ends what nobody has read from for a minute. A person may pause a log or a watch for longer: of those, each caller may
// have a few.
func (s *Server) cutStalled() {
	since := s.Now().Add(-stalledAfter).UnixNano()
	paused := map[string][]*call{}
	s.open.each(func(c *call) {
		switch busy := c.busy.Load(); {
		case busy == 0 || busy >= since:
		case c.kind == long:
			paused[c.who.ObjectID] = append(paused[c.who.ObjectID], c)
		default:
			c.stall()
		}
	})
	for _, some := range paused {
		slices.SortFunc(some, func(a, b *call) int { return cmp.Compare(a.busy.Load(), b.busy.Load()) })
		for _, c := range some[:max(0, len(some)-mostPaused)] {
			c.stall()
		}
	}
}

// cutStrangers closes the tunnels of clusters that are no more, or are others now.
func (s *Server) cutStrangers(ctx context.Context) {
	for _, one := range s.links.all() {
		now, err := s.Clusters.Find(ctx, one.cluster.ID)
		if fairlead.KindOf(err) == fairlead.NotFound || err == nil && !now.Same(one.cluster) {
			s.Log.InfoContext(ctx, "a tunnel is closed: its cluster was deleted or connected anew", slog.String("cluster", one.cluster.Key))
			one.client.Close()
		}
	}
}

// open groups that have to be looked at, as they are now.
type weighed struct {
	subject subject
	group   *group
	calls   []*call
}

// news is what a cluster has to be told: who may what now.
type news struct {
	weighed

	said *statement
	// renewal is that nothing has changed but the time: what the cluster was told before holds a while longer.
	renewal bool
}

// weighAll looks at every caller with something open, ends what may not go on, and returns what is to be told on which tunnel.
func (s *Server) weighAll(ctx context.Context, now store.Revisions) map[*link][]news {
	var mu sync.Mutex
	found := map[*link][]news{}
	var looking errgroup.Group
	looking.SetLimit(sweepWidth)
	for _, one := range s.open.due(now, s.Now()) {
		looking.Go(func() error {
			said, err := s.weigh(ctx, now, one.group)
			if err != nil {
				s.endAll(ctx, one, err)
				return nil
			}
			renewal := one.knownAt(now)
			one.group.checked = checked{at: now, said: said} // nobody else writes it meanwhile
			mu.Lock()
			defer mu.Unlock()
			for _, on := range one.links() {
				found[on] = append(found[on], news{one, said, renewal})
			}
			return nil
		})
	}
	_ = looking.Wait() // no function returns an error
	return found
}

// due returns the groups about which anything may have changed, or whose statement needs renewal.
func (o *open) due(at store.Revisions, now time.Time) []weighed {
	o.mu.Lock()
	defer o.mu.Unlock()
	var found []weighed
	for of, one := range o.groups {
		if said := one.checked.said; said != nil && one.checked.at == at && now.Sub(said.made) < renewAfter && !one.checked.again {
			continue
		}
		due := weighed{subject: of, group: one}
		for c := range one.calls {
			due.calls = append(due.calls, c)
		}
		found = append(found, due)
	}
	return found
}

// knownAt reports whether all calls, or the group, were looked at when nothing was otherwise than now.
func (o weighed) knownAt(now store.Revisions) bool {
	if o.group.checked.said != nil {
		return o.group.checked.at == now
	}
	return !slices.ContainsFunc(o.calls, func(c *call) bool { return c.at != now })
}

// links returns the tunnels that the calls go through.
func (o weighed) links() []*link {
	var found []*link
	seen := map[*link]bool{}
	for _, c := range o.calls {
		if on := c.on.Load(); on != nil && !seen[on] {
			seen[on] = true
			found = append(found, on)
		}
	}
	return found
}

// weigh returns what to state of a caller now, or why nothing of theirs may go on.
func (s *Server) weigh(ctx context.Context, at store.Revisions, of *group) (*statement, error) {
	principal, err := s.principal(ctx, at, of.who.ObjectID)
	if err != nil {
		return nil, err
	}
	from := who{principal, of.who.mode}
	if err := s.permit(store.AsOf(ctx, at), from, of.id); err != nil {
		return nil, err
	}
	cluster, err := s.find(ctx, of.id)
	if err != nil {
		return nil, err
	}
	return s.state(ctx, at, from, cluster.Key)
}

// endAll ends what a caller has open, if the error says so. When the store does not answer, the statement that the cluster
// has says for how long it may go on.
func (s *Server) endAll(ctx context.Context, of weighed, err error) {
	if fairlead.KindOf(err) == fairlead.Internal {
		if ctx.Err() == nil {
			s.Log.WarnContext(ctx, "cannot look whether a caller's rights have changed, will keep trying", slog.Any("err", err))
		}
		return
	}
	s.Log.InfoContext(ctx, "access has ended, and what was open with it", slog.String("cluster", of.subject.cluster), slog.String("principal", of.subject.principal),
		slog.Int("requests", len(of.calls)), slog.String("code", fairlead.CodeOf(err)))
	for _, c := range of.calls {
		c.went(0, "AccessEnded")
		c.cut(err)
	}
}

// tellAll tells a cluster what is new. What it does not take in time may not go on, unless that is only what it knows already: then
// it is told again, and ends by itself what it was not told in the end. Nor does it end what the cluster has not been asked yet.
func (s *Server) tellAll(ctx context.Context, on *link, all []news) {
	ctx, cancel := context.WithTimeout(ctx, sweepTelling)
	defer cancel()
	for _, one := range all {
		err := on.tellWithin(ctx, one.subject.speaker, one.said)
		if err == nil {
			continue
		}
		if one.renewal {
			s.open.again(one.subject)
			continue
		}
		for _, c := range one.calls {
			if c.on.Load() == on && c.introduced.Load() {
				c.went(0, "Unconfirmed")
				c.cut(fairlead.Errorf(fairlead.Unavailable, "the cluster did not take in time what you may do now; try again"))
			}
		}
	}
}

// again has the cluster of a group told once more, if the group is still there.
func (o *open) again(of subject) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if one := o.groups[of]; one != nil {
		one.checked.again = true
	}
}
