package relay

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/identity"
	"github.com/fairlead/fairlead/store"
)

// call is a request on its way, until its last byte.
type call struct {
	to      destination
	kind    kind
	who     who
	cluster identity.Cluster
	at      store.Revisions // at which who and their right to call were looked up
	request Request         // as it was told to the audit

	in, out    atomic.Int64
	busy       atomic.Int64 // since when the caller is being written to, in Unix nanoseconds; 0 when it is not
	on         atomic.Pointer[link]
	introduced atomic.Bool // the cluster knows whose it is

	mu      sync.Mutex
	control *http.ResponseController // nil when the call is over
	cancel  context.CancelCauseFunc
	ending  Ending
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call) // forward has put it there
	return c
}

// subject returns what statements for the call are about.
func (c *call) subject() subject { return subject{c.speaker(), c.cluster.Key} }

func (c *call) speaker() speaker { return speaker{c.who.ObjectID, c.who.mode} }

// describe is what the audit is told.
func (c *call) describe(r *http.Request, answer http.Header, now time.Time) Request {
	client, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		client = r.RemoteAddr
	}
	return Request{
		ID: requestID(answer), At: now, Caller: c.who.Principal, Mode: c.who.mode, Cluster: c.to.cluster,
		Method: r.Method, Path: c.to.path, Query: r.URL.RawQuery, Upgrade: r.Header.Get("Upgrade"), ClientIP: client, UserAgent: r.UserAgent(),
	}
}

// Why the hub ends what is under way.
var (
	errStalled  = errors.New("the caller has read nothing for a minute")
	errStopping = errors.New("the hub is stopping")
)

// cut ends the call, even if the caller does not read what is sent.
func (c *call) cut(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.control == nil {
		return
	}
	c.cancel(why)
	now := time.Now()
	_ = c.control.SetReadDeadline(now) // a caller whose stream has ended, and who does not close it, is waited for no longer
	// Who reads is told why, or has the answer broken off between two records of TLS: one that was made and not sent would make
	// the end of the connection look like forgery.
	if !errors.Is(why, errStalled) {
		now = now.Add(lastWords)
	}
	_ = c.control.SetWriteDeadline(now)
}

// stall ends the call because its caller does not read.
func (c *call) stall() {
	c.went(0, "Stalled")
	c.cut(errStalled)
}

// over makes cut do nothing: the connection may carry another request now.
func (c *call) over() Ending {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.control = nil
	c.ending.BytesIn, c.ending.BytesOut = c.in.Load(), c.out.Load()
	return c.ending
}

// went notes how the call went; the first word counts.
func (c *call) went(status int, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending.Status == 0 {
		c.ending.Status = status
	}
	if c.ending.Reason == "" {
		c.ending.Reason = reason
	}
}

// group is what one caller has open in one cluster.
type group struct {
	who     who
	id      fairlead.ResourceID
	calls   map[*call]struct{}
	checked checked
}

// open are all calls under way.
type open struct {
	mu     sync.Mutex
	groups map[subject]*group
	count  [kinds]int
	empty  chan struct{} // closed when nothing is open; nil while nobody waits
}

func (o *open) enter(c *call) (leave func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.groups == nil {
		o.groups = map[subject]*group{}
	}
	of := c.subject()
	if o.groups[of] == nil {
		o.groups[of] = &group{who: c.who, id: c.cluster.ID, calls: map[*call]struct{}{}}
	}
	o.groups[of].calls[c] = struct{}{}
	o.count[c.kind]++
	return func() { o.leave(of, c) }
}

func (o *open) leave(of subject, c *call) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.groups[of].calls, c)
	if len(o.groups[of].calls) == 0 {
		delete(o.groups, of)
	}
	o.count[c.kind]--
	if o.empty != nil && len(o.groups) == 0 {
		close(o.empty)
		o.empty = nil
	}
}

// each calls f with every call under way.
func (o *open) each(f func(*call)) {
	o.mu.Lock()
	var all []*call
	for _, one := range o.groups {
		for c := range one.calls {
			all = append(all, c)
		}
	}
	o.mu.Unlock()
	for _, c := range all {
		f(c)
	}
}

// wait returns when nothing is open.
func (o *open) wait() {
	o.mu.Lock()
	if len(o.groups) == 0 {
		o.mu.Unlock()
		return
	}
	if o.empty == nil {
		o.empty = make(chan struct{})
	}
	empty := o.empty
	o.mu.Unlock()
	<-empty
}
