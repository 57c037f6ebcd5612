package aadproxy

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/fairlead/fairlead/caller"
)

func newCallers(now *time.Time) *callers {
	return &callers{
		verifier: caller.Verifier{Now: func() time.Time { return *now }},
		stated:   map[string]*stated{}, people: map[person]*principal{}, replaced: map[string]time.Time{},
	}
}

func (c *callers) mustTake(t *testing.T, n int, size int, now time.Time) *stated {
	t.Helper()
	s := caller.Statement{ID: fmt.Sprint(n), Subject: fmt.Sprint(n), User: "u", Mode: caller.AAD, IssuedAt: now.Unix(), Expiry: now.Unix() + caller.Life}
	taken := &stated{Statement: s, size: size, expiry: now.Add(caller.Life * time.Second), headers: headersOf(s)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.take(taken); err != nil {
		t.Fatalf("%d: %v", n, err)
	}
	return taken
}

// Whoever has nothing open makes room; the hub states him again when he comes back.
func TestMemoryOfCallersIsBounded(t *testing.T) {
	now := time.Now()
	c := newCallers(&now)
	first := c.mustTake(t, 0, 1<<20, now)
	open := &stream{as: first, judge: &judge{owner: &owner{}}, cancel: func(error) {}}
	c.open(first, open)
	for n := 1; n < 100; n++ {
		c.mustTake(t, n, 1<<20, now.Add(time.Duration(n)*time.Millisecond))
	}
	if c.size > maxStatements || len(c.stated) != maxStatements>>20 {
		t.Errorf("%d statements in %d bytes", len(c.stated), c.size)
	}
	if c.find("0") == nil || c.find("99") == nil || c.find("1") != nil {
		t.Error("the wrong ones were forgotten")
	}
	now = now.Add(caller.Life*time.Second + time.Hour)
	c.closed(first, open)
	c.sweep(now)
	if len(c.stated)+len(c.people)+len(c.replaced)+c.size != 0 {
		t.Errorf("left: %d statements of %d people, %d ids, %d bytes", len(c.stated), len(c.people), len(c.replaced), c.size)
	}
}

// Of whom the hub says nothing any more, nothing stays open.
func TestStreamsEndWithTheLastStatement(t *testing.T) {
	now := time.Now()
	c := newCallers(&now)
	taken := c.mustTake(t, 1, 1, now)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	open := &stream{as: taken, judge: &judge{owner: &owner{}}, cancel: cancel}
	c.open(taken, open)
	c.sweep(now.Add(caller.Life*time.Second - time.Second))
	if ctx.Err() != nil {
		t.Fatal("ended too early")
	}
	c.sweep(now.Add(caller.Life * time.Second))
	if !errors.Is(context.Cause(ctx), errUnconfirmed) {
		t.Errorf("%v", context.Cause(ctx))
	}
}
