package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

func noon() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

// must fails the test at the first of the errors.
func must(t *testing.T, errs ...error) {
	t.Helper()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
}

func testOperations(t *testing.T, db *store.DB) {
	ctx := t.Context()
	later := store.Operation{ID: "a", ResourceKey: "/r", Kind: "create", StartedAt: noon().Add(time.Minute), Principal: "p"}
	earlier := store.Operation{ID: "b", ResourceKey: "/r", Kind: "delete", StartedAt: noon()}
	must(t, db.CreateOperation(ctx, later), db.CreateOperation(ctx, earlier))
	wantKind(t, "twice", fairlead.KindOf(db.CreateOperation(ctx, later)), fairlead.Conflict)
	unfinished, err := db.UnfinishedOperations(ctx)
	if err != nil || len(unfinished) != 2 || unfinished[0].ID != "b" || unfinished[1].Status != store.InProgress {
		t.Errorf("%+v, %v", unfinished, err)
	}
	changed, cancel := db.Subscribe("a")
	defer cancel()
	later.Status, later.ErrorCode, later.ErrorMessage, later.EndedAt = store.Failed, "Code", "message", noon().Add(time.Hour)
	must(t, db.FinishOperation(ctx, later))
	awaitSignal(t, "finished", changed)
	again := later
	again.Status = store.Succeeded
	wantKind(t, "finished twice", fairlead.KindOf(db.FinishOperation(ctx, again)), fairlead.NotFound)
	got, err := db.GetOperation(ctx, "a")
	if err != nil || got != later {
		t.Errorf("%+v, %v, want %+v", got, err, later)
	}
	_, err = db.GetOperation(ctx, "absent")
	wantKind(t, "absent", fairlead.KindOf(err), fairlead.NotFound)
	for at, want := range map[time.Duration]int64{time.Minute: 0, 2 * time.Hour: 1} {
		forgotten, err := db.ForgetOperations(ctx, noon().Add(at))
		if err != nil || forgotten != want && at == time.Minute || forgotten > 1 {
			t.Errorf("forgotten %d, %v", forgotten, err)
		}
	}
	if unfinished, err := db.UnfinishedOperations(ctx); err != nil || len(unfinished) != 1 {
		t.Errorf("what is in progress must not be forgotten: %+v, %v", unfinished, err)
	}
}

func testOperationsWithResource(t *testing.T, db *store.DB) {
	ctx := t.Context()
	op := store.Operation{ID: "op", ResourceKey: "/a", Kind: "create", StartedAt: noon()}
	if _, err := db.PutResourceWithOperation(ctx, document("/a"), store.MustBeAbsent, op); err != nil {
		t.Fatal(err)
	}
	if _, err := db.GetOperation(ctx, "op"); err != nil {
		t.Error(err)
	}
	other := op
	other.ID = "other"
	_, err := db.PutResourceWithOperation(ctx, document("/a"), store.MustBeAbsent, other)
	wantKind(t, "refused resource", fairlead.KindOf(err), fairlead.Conflict)
	_, err = db.GetOperation(ctx, "other")
	wantKind(t, "its operation", fairlead.KindOf(err), fairlead.NotFound)
	_, err = db.PutResourceWithOperation(ctx, document("/b"), store.AnyState, op)
	wantKind(t, "refused operation", fairlead.KindOf(err), fairlead.Conflict)
	_, err = db.GetResource(ctx, "/b")
	wantKind(t, "its resource", fairlead.KindOf(err), fairlead.NotFound)
}

func testPresence(t *testing.T, db *store.DB) {
	ctx := t.Context()
	full := store.Presence{
		ClusterKey: "/b", LastSeen: noon(), CertificateNotAfter: noon().Add(time.Hour), Metadata: []byte(`{"m":1}`), AgentStatus: []byte(`{"s":1}`),
	}
	must(t, db.SavePresence(ctx, nil), db.SavePresence(ctx, []store.Presence{full, {ClusterKey: "/a", LastSeen: noon()}}))
	must(t, db.SavePresence(ctx, []store.Presence{{ClusterKey: "/b", Metadata: []byte(`{"m":2}`)}, {ClusterKey: "/b", LastSeen: noon().Add(-time.Hour)}}))
	loaded, err := db.LoadPresence(ctx)
	full.Metadata = []byte(`{"m":2}`)
	want := []store.Presence{{ClusterKey: "/a", LastSeen: noon()}, full}
	if err != nil || fmt.Sprint(loaded) != fmt.Sprint(want) {
		t.Errorf("%v, %v, want %v", loaded, err, want)
	}
	if loaded[0].Metadata != nil {
		t.Error("no metadata must be nil")
	}
	huge := store.Presence{ClusterKey: "/c", Metadata: make([]byte, store.MaxDocument+1)}
	wantKind(t, "huge", fairlead.KindOf(db.SavePresence(ctx, []store.Presence{huge})), fairlead.TooLarge)
	must(t, db.DeletePresence(ctx, "/b"), db.DeletePresence(ctx, "/b"))
	if loaded, err := db.LoadPresence(ctx); err != nil || len(loaded) != 1 {
		t.Errorf("%v, %v", loaded, err)
	}
}

func testPrincipals(t *testing.T, db *store.DB) {
	ctx := t.Context()
	p := store.Principal{ObjectID: "o", AppID: "a", TenantID: "t", Kind: store.ServicePrincipal, DisplayName: "n", CreatedAt: noon()}
	must(t, db.CreatePrincipal(ctx, p))
	for what, other := range map[string]store.Principal{"same object id": {ObjectID: "o", AppID: "b"}, "same app id": {ObjectID: "p", AppID: "a"}} {
		wantKind(t, what, fairlead.KindOf(db.CreatePrincipal(ctx, other)), fairlead.Conflict)
	}
	byID, err := db.GetPrincipal(ctx, "o")
	byApp, err2 := db.PrincipalByAppID(ctx, "a")
	must(t, err, err2)
	if byID != p || byApp != p {
		t.Errorf("%+v and %+v, want %+v", byID, byApp, p)
	}
	must(t, db.CreatePrincipal(ctx, store.Principal{ObjectID: "first", AppID: "f", CreatedAt: noon().Add(-time.Hour)}))
	all, err := db.ListPrincipals(ctx)
	if err != nil || len(all) != 2 || all[0].ObjectID != "first" {
		t.Errorf("%+v, %v", all, err)
	}
	must(t, db.DeletePrincipal(ctx, "o"), db.DeletePrincipal(ctx, "o"))
	_, err = db.GetPrincipal(ctx, "o")
	wantKind(t, "deleted", fairlead.KindOf(err), fairlead.NotFound)
	_, err = db.PrincipalByAppID(ctx, "a")
	wantKind(t, "deleted", fairlead.KindOf(err), fairlead.NotFound)
}

func testCredentials(t *testing.T, db *store.DB) {
	ctx := t.Context()
	c := store.Credential{ID: "c", PrincipalID: "o", Hash: []byte{0, 1, 255}, NotAfter: noon(), CreatedAt: noon()}
	wantKind(t, "nobody's", fairlead.KindOf(db.AddCredential(ctx, c)), fairlead.NotFound)
	must(t, db.CreatePrincipal(ctx, store.Principal{ObjectID: "o", AppID: "a"}), db.AddCredential(ctx, c))
	wantKind(t, "twice", fairlead.KindOf(db.AddCredential(ctx, c)), fairlead.Conflict)
	all, err := db.Credentials(ctx, "o")
	if err != nil || fmt.Sprint(all) != fmt.Sprint([]store.Credential{c}) {
		t.Errorf("%v, %v", all, err)
	}
	must(t, db.DeleteCredential(ctx, "c"))
	wantKind(t, "deleted twice", fairlead.KindOf(db.DeleteCredential(ctx, "c")), fairlead.NotFound)
	must(t, db.AddCredential(ctx, c), db.DeletePrincipal(ctx, "o"), db.CreatePrincipal(ctx, store.Principal{ObjectID: "o", AppID: "a"}))
	if left, err := db.Credentials(ctx, "o"); err != nil || len(left) > 0 {
		t.Errorf("credentials of a deleted principal are left: %v, %v", left, err)
	}
}

func testSecrets(t *testing.T, db *store.DB) {
	ctx := t.Context()
	must(t, db.PutSecret(ctx, "k/1", []byte{0, 1}), db.PutSecret(ctx, "k/2", []byte{2}), db.PutSecret(ctx, "l", []byte{3}))
	wantKind(t, "twice", fairlead.KindOf(db.PutSecret(ctx, "l", []byte{4})), fairlead.Conflict)
	wantKind(t, "nothing", fairlead.KindOf(db.PutSecret(ctx, "m", nil)), fairlead.Invalid)
	must(t, db.ReplaceSecret(ctx, "l", []byte{5}), db.ReplaceSecret(ctx, "n", []byte{6}))
	got, err := db.GetSecret(ctx, "l")
	if err != nil || string(got) != "\x05" {
		t.Errorf("%v, %v", got, err)
	}
	_, err = db.GetSecret(ctx, "absent")
	wantKind(t, "absent", fairlead.KindOf(err), fairlead.NotFound)
	for prefix, want := range map[string]string{"k/": "[{k/1 [0 1]} {k/2 [2]}]", "": "[{k/1 [0 1]} {k/2 [2]} {l [5]} {n [6]}]", "x": "[]"} {
		if found, err := db.ListSecrets(ctx, prefix); err != nil || fmt.Sprint(found) != want {
			t.Errorf("%q: %v, %v, want %s", prefix, found, err, want)
		}
	}
	must(t, db.DeleteSecret(ctx, "l"), db.DeleteSecret(ctx, "l"))
	won := race(t, 4, func(i int) error { return db.PutSecret(ctx, "raced", fmt.Append(nil, i)) }, fairlead.Conflict)
	wantKind(t, "winners", won, 1)
}

func testCertificates(t *testing.T, db *store.DB) {
	ctx := t.Context()
	old := store.Certificate{Serial: "1", ClusterKey: "/a", NotBefore: noon(), NotAfter: noon().Add(time.Hour), IssuedAt: noon()}
	renewed := old
	renewed.Serial, renewed.IssuedAt = "2", noon().Add(time.Minute)
	must(t, db.RecordCertificate(ctx, old), db.RecordCertificate(ctx, renewed))
	wantKind(t, "twice", fairlead.KindOf(db.RecordCertificate(ctx, old)), fairlead.Conflict)
	all, err := db.Certificates(ctx, "/a")
	if err != nil || len(all) != 2 || all[0] != renewed || all[1] != old {
		t.Errorf("%+v, %v", all, err)
	}
	if none, err := db.Certificates(ctx, "/b"); err != nil || len(none) > 0 {
		t.Errorf("%+v, %v", none, err)
	}
}
