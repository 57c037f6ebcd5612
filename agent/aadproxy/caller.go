package aadproxy

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/dataaction"
)

// How many statements are kept, and how large they may be together: the memory of a small pod.
const (
	maxCallers    = 5000
	maxStatements = 16 << 20
)

// callers are those whom the hub has stated, and what they have open.
type callers struct {
	verifier caller.Verifier

	mu       sync.Mutex
	stated   map[string]*stated    // by the statement's id
	people   map[person]*principal // by whom they are about
	replaced map[string]time.Time  // ids that must not be used again, until they expire
	size     int
}

// person is whom statements replace one another for.
type person struct {
	subject string
	mode    caller.Mode
}

// stated is a statement that may be used.
type stated struct {
	caller.Statement

	who     *principal
	size    int
	expiry  time.Time
	headers headers

	verdicts atomic.Pointer[remembered]
}

// principal is a caller over all statements about him.
type principal struct {
	newest  *stated
	streams map[*stream]struct{}
}

var (
	errFull     = errors.New("too many callers at once; try again in a minute")
	errReplaced = errors.New("a newer statement of this caller has arrived")
)

// put takes a signed statement. Of a caller's statements with different rights, only those of the newest are used.
func (c *callers) put(ctx context.Context, id, signed string) error {
	found, err := c.verifier.Verify(ctx, id, signed)
	if err != nil {
		return err
	}
	slices.Sort(found.Groups)
	taken := &stated{Statement: found, size: len(signed), expiry: time.Unix(found.Expiry, 0).Add(caller.Leeway), headers: headersOf(found)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sweep(c.verifier.Now())
	return c.take(taken)
}

func (c *callers) take(s *stated) error {
	if c.stated[s.ID] != nil {
		return nil
	}
	if _, gone := c.replaced[s.ID]; gone {
		return errReplaced
	}
	key := person{s.Subject, s.Mode}
	who := c.people[key]
	changes := who != nil && who.newest != nil && !sameRights(who.newest.Statement, s.Statement)
	if changes && who.newest.IssuedAt > s.IssuedAt {
		return errReplaced
	}
	if !c.makeRoom(s.size) {
		return errFull
	}
	if who == nil {
		who = &principal{streams: map[*stream]struct{}{}}
		c.people[key] = who
	}
	if changes {
		c.replace(who)
	}
	s.who = who
	c.stated[s.ID] = s
	c.size += s.size
	if who.newest == nil || s.expiry.After(who.newest.expiry) || changes {
		who.newest = s
	}
	for open := range who.streams {
		open.weigh(who.newest)
	}
	return nil
}

// makeRoom forgets statements of callers that have nothing open, the oldest first: the hub sends them again when they are needed.
func (c *callers) makeRoom(size int) bool {
	for len(c.stated) >= maxCallers || c.size+size > maxStatements {
		var oldest *stated
		for _, s := range c.stated {
			if len(s.who.streams) == 0 && (oldest == nil || s.expiry.Before(oldest.expiry)) {
				oldest = s
			}
		}
		if oldest == nil {
			return false
		}
		c.drop(oldest)
	}
	return true
}

// replace takes a caller's statements out of use.
func (c *callers) replace(who *principal) {
	for id, s := range c.stated {
		if s.who == who {
			c.drop(s)
			c.replaced[id] = s.expiry
		}
	}
}

func (c *callers) drop(s *stated) {
	delete(c.stated, s.ID)
	c.size -= s.size
}

// sweep forgets what has expired, and ends what callers have open of whom the hub says nothing any more.
func (c *callers) sweep(now time.Time) {
	for _, s := range c.stated {
		if !now.Before(s.expiry) {
			c.drop(s)
		}
	}
	for id, expiry := range c.replaced {
		if !now.Before(expiry) {
			delete(c.replaced, id)
		}
	}
	for key, who := range c.people {
		if now.Before(who.newest.expiry) {
			continue
		}
		for open := range who.streams {
			open.end(errUnconfirmed)
		}
		if len(who.streams) == 0 {
			delete(c.people, key)
		}
	}
}

// find returns the statement that an id names.
func (c *callers) find(id string) *stated {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.stated[id]
	if found == nil || !c.verifier.Now().Before(found.expiry) {
		return nil
	}
	return found
}

// open notes what a caller has open, and weighs it: the statement may have been replaced since it was found.
func (c *callers) open(s *stated, o *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.who.streams[o] = struct{}{}
	if s.who.newest != s {
		o.weigh(s.who.newest)
	}
}

func (c *callers) closed(s *stated, o *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(s.who.streams, o)
}

// weighAll weighs everything that is open, after something else than a statement has changed.
func (c *callers) weighAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, who := range c.people {
		for open := range who.streams {
			open.weigh(who.newest)
		}
	}
}

func sameGrant(a, b dataaction.Grant) bool {
	return a.Namespace == b.Namespace && slices.Equal(a.DataActions, b.DataActions) && slices.Equal(a.NotDataActions, b.NotDataActions)
}

// sameRights reports whether two statements of one caller say the same, but for when.
func sameRights(a, b caller.Statement) bool {
	return a.User == b.User && slices.Equal(a.Groups, b.Groups) && slices.EqualFunc(a.Grants, b.Grants, sameGrant)
}
