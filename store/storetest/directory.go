package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

func ana() store.Principal {
	return store.Principal{
		ObjectID: "ana", TenantID: "t", Kind: store.User, DisplayName: "Ána Élise", UserName: "Ana@Example.org", Mail: "ana@mail.org",
		MailNickname: "ana", Issuer: "https://idp", Subject: "Sub", CreatedAt: noon(),
	}
}

func testUsers(t *testing.T, db *store.DB) {
	ctx := t.Context()
	must(t, db.CreateUser(ctx, ana(), []byte("hash")))
	for what, other := range map[string]store.Principal{
		"same id":       {ObjectID: "ana", UserName: "x"},
		"same name":     {ObjectID: "b", UserName: "ANA@example.ORG"},
		"same identity": {ObjectID: "c", UserName: "c", Issuer: "https://idp", Subject: "Sub"},
	} {
		wantKind(t, what, fairlead.KindOf(db.CreateUser(ctx, other, nil)), fairlead.Conflict)
	}
	wantKind(t, "no name", fairlead.KindOf(db.CreateUser(ctx, store.Principal{ObjectID: "d"}, nil)), fairlead.Invalid)
	byName, err := db.UserByName(ctx, "ana@EXAMPLE.org")
	byIdentity, err2 := db.UserByIdentity(ctx, "https://idp", "Sub")
	must(t, err, err2)
	if byName != ana() || byIdentity != ana() {
		t.Errorf("%+v and %+v, want %+v", byName, byIdentity, ana())
	}
	for what, err := range map[string]error{
		"no user name":    second(db.UserByName(ctx, "")),
		"no subject":      second(db.UserByIdentity(ctx, "", "")),
		"subject by case": second(db.UserByIdentity(ctx, "https://idp", "sub")),
		"no application":  second(db.PrincipalByAppID(ctx, "ana")),
	} {
		wantKind(t, what, fairlead.KindOf(err), fairlead.NotFound)
	}
	must(t, db.CreateUser(ctx, store.Principal{ObjectID: "e", UserName: "e"}, nil), db.CreateUser(ctx, store.Principal{ObjectID: "f", UserName: "f"}, nil))
}

func second[T any](_ T, err error) error { return err }

func testPasswords(t *testing.T, db *store.DB) {
	ctx := t.Context()
	must(t, db.CreateUser(ctx, ana(), []byte("first")), db.SetPassword(ctx, "ana", []byte("second"), noon().Add(time.Hour)))
	held, err := db.Credentials(ctx, "ana")
	if err != nil || len(held) != 1 || string(held[0].Hash) != "second" || !held[0].NotAfter.IsZero() || held[0].CreatedAt != noon().Add(time.Hour) {
		t.Errorf("%+v, %v", held, err)
	}
	wantKind(t, "nobody's", fairlead.KindOf(db.SetPassword(ctx, "absent", []byte("x"), noon())), fairlead.NotFound)
	wantKind(t, "empty", fairlead.KindOf(db.SetPassword(ctx, "ana", nil, noon())), fairlead.Invalid)
	rename := func(p *store.Principal) error { p.UserName, p.Disabled, p.Kind = "new", true, store.Group; return nil }
	got, err := db.ChangePrincipal(ctx, "ana", rename, []byte("third"), noon())
	stored, err2 := db.GetPrincipal(ctx, "ana")
	must(t, err, err2)
	if got != stored || !stored.Disabled || stored.Kind != store.User || stored.UserName != "new" || stored.Mail != ana().Mail {
		t.Errorf("changed to %+v, stored %+v", got, stored)
	}
	if held, err := db.Credentials(ctx, "ana"); err != nil || len(held) != 1 || string(held[0].Hash) != "third" {
		t.Errorf("%+v, %v", held, err)
	}
	must(t, db.CreateUser(ctx, ana2(), nil))
	for what, edit := range map[string]func(*store.Principal){
		"taken name":     func(p *store.Principal) { p.UserName = "NEW" },
		"taken identity": func(p *store.Principal) { p.Issuer, p.Subject = "https://idp", "Sub" },
	} {
		_, err := db.ChangePrincipal(ctx, "ana2", func(p *store.Principal) error { edit(p); return nil }, nil, noon())
		wantKind(t, what, fairlead.KindOf(err), fairlead.Conflict)
	}
	_, err = db.ChangePrincipal(ctx, "absent", rename, nil, noon())
	wantKind(t, "absent", fairlead.KindOf(err), fairlead.NotFound)
}

func ana2() store.Principal {
	return store.Principal{ObjectID: "ana2", UserName: "ana2", Mail: "ANA@mail.org"}
}

func testFindPrincipals(t *testing.T, db *store.DB) {
	ctx := t.Context()
	must(t, db.CreateUser(ctx, ana(), nil), db.CreateUser(ctx, ana2(), nil), group(t, db, "ops"),
		db.CreatePrincipal(ctx, store.Principal{ObjectID: "sp", AppID: "app", Kind: store.ServicePrincipal, DisplayName: "ÁNA service"}))
	for _, c := range []struct {
		want string
		q    store.PrincipalQuery
	}{
		{"[ana ana2 ops sp]", store.PrincipalQuery{}},
		{"[ana ana2]", store.PrincipalQuery{Kinds: []string{store.User}}},
		{"[ana ana2]", store.PrincipalQuery{Mail: "Ana@Mail.org"}},
		{"[ana]", store.PrincipalQuery{DisplayName: "ÁNA éLISE"}},
		{"[ana sp]", store.PrincipalQuery{DisplayPrefix: "áNA"}},
		{"[ops sp]", store.PrincipalQuery{ObjectIDs: []string{"sp", "ops", "none"}}},
		{"[ops]", store.PrincipalQuery{After: "ana2", Limit: 1}},
		{"[sp]", store.PrincipalQuery{AppID: "app"}},
		{"[ana2]", store.PrincipalQuery{UserName: "ANA2"}},
		{"[]", store.PrincipalQuery{AppID: "ops"}},
	} {
		found, err := db.FindPrincipals(ctx, c.q)
		count, err2 := db.CountPrincipals(ctx, c.q)
		must(t, err, err2)
		if ids(found) != c.want || c.q.Limit == 0 && int(count) != len(found) {
			t.Errorf("%+v: %s, counted %d, want %s", c.q, ids(found), count, c.want)
		}
	}
}

func ids(found []store.Principal) string {
	names := []string{}
	for _, p := range found {
		names = append(names, p.ObjectID)
	}
	return fmt.Sprint(names)
}

func group(t *testing.T, db *store.DB, id string) error {
	t.Helper()
	return db.CreatePrincipal(t.Context(), store.Principal{ObjectID: id, Kind: store.Group, DisplayName: id})
}

// The groups: all contains ops and dev, ops contains all again, ana is in dev and in ops.
func nested(t *testing.T, db *store.DB) {
	t.Helper()
	ctx := t.Context()
	must(t, db.CreateUser(ctx, ana(), nil), db.CreateUser(ctx, ana2(), nil), group(t, db, "all"), group(t, db, "dev"), group(t, db, "ops"),
		db.AddMembers(ctx, "all", []string{"ops", "dev"}, noon()), db.AddMembers(ctx, "ops", []string{"all", "ana"}, noon()),
		db.AddMembers(ctx, "dev", []string{"ana"}, noon()))
}

func testMemberships(t *testing.T, db *store.DB) {
	ctx := t.Context()
	nested(t, db)
	for _, c := range []struct {
		relation store.Relation
		of, want string
	}{
		{store.Members, "all", "[dev ops]"},
		{store.TransitiveMembers, "all", "[all ana dev ops]"},
		{store.MemberOf, "ana", "[dev ops]"},
		{store.TransitiveMemberOf, "ana", "[all dev ops]"},
		{store.TransitiveMemberOf, "ana2", "[]"},
		{store.Members, "absent", "[]"},
	} {
		found, err := db.Related(ctx, c.relation, c.of, store.PrincipalQuery{})
		count, err2 := db.CountRelated(ctx, c.relation, c.of, store.PrincipalQuery{})
		must(t, err, err2)
		if ids(found) != c.want || int(count) != len(found) {
			t.Errorf("%s %s: %s (%d), want %s", c.relation, c.of, ids(found), count, c.want)
		}
	}
	page, err := db.Related(ctx, store.TransitiveMembers, "all", store.PrincipalQuery{Kinds: []string{store.Group}, After: "all", Limit: 1})
	if err != nil || ids(page) != "[dev]" {
		t.Errorf("%v, %v", page, err)
	}
	before, err := db.Revisions(ctx)
	must(t, err, db.RemoveMember(ctx, "ops", "ana"), db.DeletePrincipal(ctx, "dev"))
	after, err := db.Revisions(ctx)
	if err != nil || after.Directory <= before.Directory || after.Resources != before.Resources {
		t.Errorf("%+v after %+v: the directory's revision and no other must move on: %v", after, before, err)
	}
	if same, err := db.Revisions(store.AsOf(ctx, before)); same != before || before.Covers(after) || !after.Covers(before) || !before.Covers(before) {
		t.Errorf("as of %+v: %+v, %v", before, same, err)
	}
	if left, err := db.GroupIDs(ctx, "ana", 0); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

func testRefusedMembers(t *testing.T, db *store.DB) {
	ctx := t.Context()
	nested(t, db)
	for what, c := range map[string]struct {
		group string
		add   []string
		want  fairlead.Kind
	}{
		"to nothing":    {"absent", []string{"ana2"}, fairlead.NotFound},
		"to a user":     {"ana", []string{"ana2"}, fairlead.NotFound},
		"nobody":        {"ops", []string{"ana2", "absent"}, fairlead.NotFound},
		"a second time": {"ops", []string{"ana2", "ana"}, fairlead.Conflict},
	} {
		wantKind(t, what, fairlead.KindOf(db.AddMembers(ctx, c.group, c.add, noon())), c.want)
	}
	wantKind(t, "remove a stranger", fairlead.KindOf(db.RemoveMember(ctx, "ops", "ana2")), fairlead.NotFound)
	if found, err := db.GroupIDs(ctx, "ana2", 0); err != nil || len(found) > 0 {
		t.Errorf("a refused addition left %v, %v", found, err)
	}
	if some, err := db.GroupIDs(ctx, "ana", 2); err != nil || !slices.Equal(some, []string{"all", "dev"}) {
		t.Errorf("%v, %v", some, err)
	}
}

func testResourcesAbout(t *testing.T, db *store.DB) {
	ctx := t.Context()
	nested(t, db)
	for key, subject := range map[string]string{"/1": "all", "/2": "ana", "/3": "ana2", "/4": "ops", "/5": ""} {
		about := document(key)
		about.Subject = subject
		put(t, db, about)
	}
	other := document("/6")
	other.Subject, other.Type = "ana", "ns/other"
	put(t, db, other)
	for of, want := range map[string]string{"ana": "[/2 /1 /4]", "ana2": "[/3]", "all": "[/1 /4]", "": "[]", "absent": "[]"} {
		wantAbout(t, db, of, want)
	}
	must(t, db.RemoveMember(ctx, "all", "ops"), db.RemoveMember(ctx, "all", "dev"))
	wantAbout(t, db, "ana", "[/2 /4]")
	wantAbout(t, db, "ops", "[/4]")
}

func wantAbout(t *testing.T, db *store.DB, of, want string) {
	t.Helper()
	found, err := db.ResourcesAbout(t.Context(), "ns/type", of)
	keys := []string{}
	for _, r := range found {
		keys = append(keys, r.Key)
	}
	if err != nil || fmt.Sprint(keys) != want {
		t.Errorf("about %q: %v, %v, want %s", of, keys, err, want)
	}
}
