package access_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/store"
)

func step(t testing.TB, errs ...error) {
	t.Helper()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
}

// p1 is in ops, ops in all, all in ops again; all has Reader on the group of resources.
func grouped(t *testing.T) *access.Checker {
	t.Helper()
	c := checker(t)
	ctx := t.Context()
	step(t, c.Store.CreateUser(ctx, store.Principal{ObjectID: "p1", UserName: "p1"}, nil),
		c.Store.CreatePrincipal(ctx, store.Principal{ObjectID: "ops", Kind: store.Group}),
		c.Store.CreatePrincipal(ctx, store.Principal{ObjectID: "all", Kind: store.Group}),
		c.Store.AddMembers(ctx, "ops", []string{"p1", "all"}, time.Time{}), c.Store.AddMembers(ctx, "all", []string{"ops"}, time.Time{}),
		c.Assign(ctx, "all", access.Reader, group))
	return c
}

// What ends access by a group ends it with the next question.
func TestRolesOfGroups(t *testing.T) {
	disable := func(p *store.Principal) error { p.Disabled = true; return nil }
	cases := map[string]func(*testing.T, *access.Checker) error{
		"Left":            func(t *testing.T, c *access.Checker) error { return c.Store.RemoveMember(t.Context(), "ops", "p1") },
		"OuterLeft":       func(t *testing.T, c *access.Checker) error { return c.Store.RemoveMember(t.Context(), "all", "ops") },
		"GroupDeleted":    func(t *testing.T, c *access.Checker) error { return c.Store.DeletePrincipal(t.Context(), "all") },
		"GroupForgotten":  func(t *testing.T, c *access.Checker) error { return c.Forget(t.Context(), "all") },
		"MemberForgotten": nil, // has no assignments of its own: the group's stay
		"Disabled": func(t *testing.T, c *access.Checker) error {
			_, err := c.Store.ChangePrincipal(t.Context(), "p1", disable, nil, time.Time{})
			return err
		},
	}
	for name, end := range cases {
		t.Run(name, func(t *testing.T) {
			c := grouped(t)
			ctx := asP1(t.Context())
			for range 2 { // the second time from memory
				step(t, c.Check(ctx, read, cluster))
			}
			if end == nil {
				step(t, c.Forget(ctx, "p1"), c.Check(ctx, read, cluster))
				return
			}
			step(t, end(t, c))
			if err := c.Check(ctx, read, cluster); fairlead.KindOf(err) != fairlead.Forbidden {
				t.Errorf("%v, want Forbidden", err)
			}
		})
	}
}

func TestRolesOfGroupsAreNoMoreThanTheirs(t *testing.T) {
	c := grouped(t)
	if err := c.Check(asP1(t.Context()), write, cluster); fairlead.KindOf(err) != fairlead.Forbidden {
		t.Errorf("%v, want Forbidden", err)
	}
	own, err := c.Assignments(t.Context(), "p1")
	if err != nil || len(own) > 0 {
		t.Errorf("the group's roles are not the member's own: %v, %v", own, err)
	}
}

// A command beside the hub gives roles and takes them away: that counts within moments, as the memory is not the truth.
func TestWritesOfOthersCount(t *testing.T) {
	dsn := "sqlite:" + t.TempDir() + "/hub.db"
	var checkers []*access.Checker
	for range 2 {
		db, err := store.Open(t.Context(), dsn)
		step(t, err)
		t.Cleanup(func() { _ = db.Close() })
		checkers = append(checkers, &access.Checker{Store: db})
	}
	hub, command := checkers[0], checkers[1]
	ctx := asP1(t.Context())
	if err := hub.Check(ctx, read, cluster); fairlead.KindOf(err) != fairlead.Forbidden {
		t.Fatal(err)
	}
	step(t, command.Assign(ctx, "p1", access.Reader, group))
	soon(t, "the role counts", func() bool { return hub.Check(ctx, read, cluster) == nil })
	step(t, command.Forget(ctx, "p1"))
	soon(t, "the role is gone", func() bool { return fairlead.KindOf(hub.Check(ctx, read, cluster)) == fairlead.Forbidden })
}

// soon waits for what must come true within five seconds.
func soon(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(5 * time.Second); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within five seconds: %s", what)
		}
	}
}

// BenchmarkCheck asks for a member of 1,000 groups, one of which has 5,000 members, of which ten have roles.
func BenchmarkCheck(b *testing.B) {
	db, err := store.Open(b.Context(), "sqlite:"+b.TempDir()+"/hub.db")
	step(b, err)
	defer func() { _ = db.Close() }()
	c := &access.Checker{Store: db}
	ctx := asP1(b.Context())
	crowd(b, db)
	for i := range 10 {
		step(b, c.Assign(ctx, fmt.Sprintf("group-%d", i*100), access.Reader, fmt.Sprintf("%s-%d", group, i)))
	}
	scope := group + "-9/providers/Microsoft.Kubernetes/connectedClusters/edge"
	b.Run("Remembered", func(b *testing.B) {
		for b.Loop() {
			step(b, c.Check(ctx, read, scope))
		}
	})
	b.Run("AfterAWrite", func(b *testing.B) {
		for b.Loop() {
			fresh := &access.Checker{Store: db}
			step(b, fresh.Check(ctx, read, scope))
		}
	})
	b.Run("AfterAWriteByAnother", func(b *testing.B) {
		ctx := access.WithPrincipal(b.Context(), access.Principal{ObjectID: "member-7"})
		for b.Loop() {
			fresh := &access.Checker{Store: db}
			step(b, fresh.Check(ctx, read, group+"-0"))
		}
	})
}

func crowd(b *testing.B, db *store.DB) {
	b.Helper()
	ctx := b.Context()
	step(b, db.CreateUser(ctx, store.Principal{ObjectID: "p1", UserName: "p1"}, nil))
	for i := range 1000 {
		id := fmt.Sprintf("group-%d", i)
		step(b, db.CreatePrincipal(ctx, store.Principal{ObjectID: id, Kind: store.Group}), db.AddMembers(ctx, id, []string{"p1"}, time.Time{}))
	}
	members := make([]string, 5000)
	for i := range members {
		members[i] = fmt.Sprintf("member-%d", i)
		step(b, db.CreateUser(ctx, store.Principal{ObjectID: members[i], UserName: members[i]}, nil))
	}
	step(b, db.AddMembers(ctx, "group-0", members, time.Time{}))
}
