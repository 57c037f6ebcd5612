package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

func entry(id, resource string, minute int) store.Activity {
	parts := strings.Split(strings.ToLower(resource), "/")
	return store.Activity{
		ID: id, At: noon().Add(time.Duration(minute) * time.Minute), Subscription: parts[1], ResourceGroup: parts[2], ResourceID: resource,
		Action: "ns/type/write", Detail: "OK", Status: store.ActivitySucceeded, Caller: "app", CallerID: "p", Method: "PUT", ClientIP: "127.0.0.1",
		CorrelationID: "c-" + id, OperationID: "o-" + id,
	}
}

func entryIDs(found []store.Activity) string {
	all := make([]string, len(found))
	for i, one := range found {
		all[i] = one.ID
	}
	return strings.Join(all, " ")
}

func testActivity(t *testing.T, db *store.DB) {
	ctx := t.Context()
	for i, resource := range []string{"/s/g/A", "/s/g/a/b", "/s/g/a-1", "/s/h/a", "/t/g/a"} {
		must(t, db.RecordActivity(ctx, entry(fmt.Sprint(i), resource, i)))
	}
	must(t, db.RecordActivity(ctx, entry("5", "/s/h/a", 3)), db.RecordActivity(ctx, entry("5", "/s/h/a", 3)))
	minute := func(n int) time.Time { return noon().Add(time.Duration(n) * time.Minute) }
	for want, query := range map[string]store.ActivityQuery{
		"5 3 2 1 0": {Subscription: "s"},
		"2 1 0":     {Subscription: "s", ResourceGroup: "g"},
		"1 0":       {Subscription: "s", Resource: "/s/g/a"},
		"2":         {Subscription: "s", Correlation: "c-2"},
		"5 3 2":     {Subscription: "s", Since: minute(2)},
		"2 1":       {Subscription: "s", Since: minute(1), Until: minute(2)},
		"3 2":       {Subscription: "s", Before: store.ActivityMark{At: minute(3), ID: "5"}, Limit: 2},
		"4":         {Subscription: "t"},
		"":          {},
	} {
		found, err := db.ListActivity(ctx, query)
		if got := entryIDs(found); err != nil || got != want {
			t.Errorf("%+v: %q, %v, want %q", query, got, err, want)
		}
	}
	found, err := db.ListActivity(ctx, store.ActivityQuery{Subscription: "t"})
	if err != nil || found[0] != entry("4", "/t/g/a", 4) {
		t.Errorf("%+v, %v", found, err)
	}
	if gone, err := db.ForgetActivity(ctx, minute(3)); err != nil || gone != 3 {
		t.Errorf("forgotten %d, %v", gone, err)
	}
	if found, err := db.ListActivity(ctx, store.ActivityQuery{Subscription: "s"}); err != nil || entryIDs(found) != "5 3" {
		t.Errorf("left %q, %v", entryIDs(found), err)
	}
}

// A write and its entry are there together or not at all.
func testActivityWithWrites(t *testing.T, db *store.DB) {
	ctx := t.Context()
	logged := func() string {
		t.Helper()
		found, err := db.ListActivity(ctx, store.ActivityQuery{Subscription: "s"})
		must(t, err)
		return entryIDs(found)
	}
	r := document("/s/g/a")
	refused := entry("refused", r.Key, 0)
	r.Record = &refused
	_, err := db.PutResource(ctx, r, store.MustBePresent)
	wantKind(t, "refused", fairlead.KindOf(err), fairlead.PreconditionFailed)
	wantKind(t, "after a refused write", logged(), "")

	started := entry("started", r.Key, 1)
	started.Status, r.Record = store.ActivityStarted, &started
	_, err = db.PutResourceWithOperation(ctx, r, store.AnyState, store.Operation{ID: started.OperationID, ResourceKey: r.Key})
	must(t, err)
	got, err := db.StartedActivity(ctx, started.OperationID)
	if err != nil || got != started {
		t.Errorf("%+v, %v, want %+v", got, err, started)
	}
	_, err = db.StartedActivity(ctx, "absent")
	wantKind(t, "of no operation", fairlead.KindOf(err), fairlead.NotFound)

	ended := entry("ended", r.Key, 2)
	ended.OperationID = started.OperationID
	op := store.Operation{ID: started.OperationID, Status: store.Succeeded, Record: &ended}
	must(t, db.FinishOperation(ctx, op))
	again := entry("again", r.Key, 3)
	op.Record = &again
	wantKind(t, "finished twice", fairlead.KindOf(db.FinishOperation(ctx, op)), fairlead.NotFound)

	removed := entry("removed", r.Key, 4)
	must(t, db.RemoveResource(ctx, r.Key, store.NothingBelow, &removed))
	wantKind(t, "removed twice", fairlead.KindOf(db.RemoveResource(ctx, r.Key, store.AnyState, &again)), fairlead.NotFound)
	wantKind(t, "logged", logged(), "removed ended started")
}
