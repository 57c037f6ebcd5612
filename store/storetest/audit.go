package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/store"
)

func audited(id int64, cluster, caller string, minute int) store.AuditEntry {
	parts := strings.Split(strings.ToLower(cluster), "/")
	return store.AuditEntry{
		ID: id, At: noon().Add(time.Duration(minute) * time.Minute), EndedAt: noon().Add(time.Duration(minute)*time.Minute + time.Second),
		Subscription: parts[1], ResourceGroup: parts[2], ClusterID: cluster, Caller: caller, CallerID: "id-of-" + caller, Mode: "aad",
		Method: "POST", Path: "/api/v1/namespaces/n/pods/p/exec", Verb: "create", APIGroup: "", Resource: "pods", Subresource: "exec", Namespace: "n", Name: "p",
		Status: 101, Reason: "why", BytesIn: 1 << 40, BytesOut: 2, RequestID: fmt.Sprint("r-", id), ClientIP: "127.0.0.1", UserAgent: "kubectl",
	}
}

func auditIDs(found []store.AuditEntry) string {
	all := make([]string, len(found))
	for i, one := range found {
		all[i] = fmt.Sprint(one.ID)
	}
	return strings.Join(all, " ")
}

func testAudit(t *testing.T, db *store.DB) {
	ctx := t.Context()
	last, err := db.LastAudit(ctx)
	if err != nil || last != 0 {
		t.Fatalf("last of none: %d, %v", last, err)
	}
	var batch []store.AuditEntry
	for i, cluster := range []string{"/s/g/A", "/s/g/a-1", "/s/h/a", "/t/g/a"} {
		batch = append(batch, audited(int64(i+1), cluster, []string{"Ana", "Bo"}[i%2], i))
	}
	must(t, db.SaveAudit(ctx, nil, nil), db.SaveAudit(ctx, batch, nil), db.SaveAudit(ctx, []store.AuditEntry{audited(5, "/s/g/A", "Ana", 2)}, nil))
	minute := func(n int) time.Time { return noon().Add(time.Duration(n) * time.Minute) }
	for want, query := range map[string]store.AuditQuery{
		"5 3 2 1": {Subscription: "s"},
		"5 2 1":   {Subscription: "s", ResourceGroup: "g"},
		"5 1":     {Subscription: "s", Cluster: "/s/g/a"},
		"2":       {Subscription: "s", Caller: "bo"},
		"1":       {Subscription: "s", RequestID: "r-1"},
		"5 3":     {Subscription: "s", Since: minute(2)},
		"2 1":     {Subscription: "s", Until: minute(1)},
		"3 2":     {Subscription: "s", Before: store.AuditMark{At: minute(2), ID: 5}, Limit: 2},
		"4":       {Subscription: "t"},
		"":        {},
	} {
		found, err := db.ListAudit(ctx, query)
		if got := auditIDs(found); err != nil || got != want {
			t.Errorf("%+v: %q, %v, want %q", query, got, err, want)
		}
	}
	found, err := db.ListAudit(ctx, store.AuditQuery{Subscription: "t"})
	if err != nil || found[0] != batch[3] {
		t.Errorf("%+v, %v, want %+v", found, err, batch[3])
	}
	if last, err := db.LastAudit(ctx); err != nil || last != 5 {
		t.Errorf("last: %d, %v", last, err)
	}
}

// What goes on is written when it begins and once more when it ends; what was said at the beginning stays.
func testAuditEnds(t *testing.T, db *store.DB) {
	ctx := t.Context()
	open, orphan := audited(1, "/s/g/a", "Ana", 0), audited(2, "/s/g/a", "Ana", 1)
	for _, one := range []*store.AuditEntry{&open, &orphan} {
		one.EndedAt, one.Status, one.Reason, one.BytesIn = time.Time{}, 0, "", 0
	}
	must(t, db.SaveAudit(ctx, []store.AuditEntry{open, orphan}, nil))
	ended := open
	ended.EndedAt, ended.Status, ended.Reason, ended.BytesIn, ended.BytesOut = noon().Add(time.Hour), 200, "done", 7, 8
	changed := ended
	changed.Path, changed.Caller = "/other", "Bo"
	must(t, db.SaveAudit(ctx, nil, []store.AuditEntry{changed}))
	if count, err := db.EndOpenAudit(ctx, noon().Add(2*time.Hour), "the hub stopped"); err != nil || count != 1 {
		t.Errorf("ended %d, %v", count, err)
	}
	orphan.EndedAt, orphan.Reason = noon().Add(2*time.Hour), "the hub stopped"
	found, err := db.ListAudit(ctx, store.AuditQuery{Subscription: "s"})
	if err != nil || len(found) != 2 || found[0] != orphan || found[1] != ended {
		t.Errorf("%+v, %v, want %+v and %+v", found, err, orphan, ended)
	}
}

func testForgetAudit(t *testing.T, db *store.DB) {
	ctx := t.Context()
	var batch []store.AuditEntry
	for i := range 6 {
		batch = append(batch, audited(int64(i+1), "/s/g/a", "Ana", i))
	}
	batch[1].EndedAt = time.Time{}
	must(t, db.SaveAudit(ctx, batch, nil))
	left := func(want string) {
		t.Helper()
		found, err := db.ListAudit(ctx, store.AuditQuery{Subscription: "s"})
		must(t, err)
		count, err := db.CountAudit(ctx)
		if got := auditIDs(found); err != nil || got != want || count != int64(len(found)) {
			t.Errorf("left %q, counted %d, %v, want %q", got, count, err, want)
		}
	}
	if _, err := db.ForgetAudit(ctx, time.Time{}, 0); err == nil {
		t.Error("nothing at all was forgotten, and that was right")
	}
	gone, err := db.ForgetAudit(ctx, noon().Add(3*time.Minute), 100)
	if err != nil || gone != 2 {
		t.Errorf("forgotten by age: %d, %v", gone, err)
	}
	left("6 5 4 2")
	gone, err = db.ForgetAudit(ctx, time.Time{}, 2)
	if err != nil || gone != 2 {
		t.Errorf("forgotten by number: %d, %v", gone, err)
	}
	left("6 2")
}

// What is saved again, as it is not known whether it was saved, is there once; the pages of many are those of one list.
func testManyAudited(t *testing.T, db *store.DB) {
	ctx := t.Context()
	var all []store.AuditEntry
	for i := range 300 {
		one := audited(int64(i+1), "/s/g/"+[]string{"a", "b", "c"}[i%3], []string{"Ana", "Bo"}[i%2], i)
		one.Name = fmt.Sprint("pod-", i)
		all = append(all, one)
	}
	unsure := append([]store.AuditEntry(nil), all[100:150]...)
	unsure[3].EndedAt, unsure[3].Status = time.Time{}, 0
	must(t, db.SaveAudit(ctx, all[:100], nil), db.SaveAudit(ctx, unsure, nil), db.SaveAudit(ctx, all[100:220], nil), db.SaveAudit(ctx, all[220:], nil))
	query := store.AuditQuery{Subscription: "s", Cluster: "/s/g/b", Caller: "ana", Limit: 7}
	want := len(all) - 1
	for page := 0; ; page++ {
		found, err := db.ListAudit(ctx, query)
		must(t, err)
		for _, one := range found {
			for want%6 != 4 {
				want--
			}
			if one != all[want] {
				t.Fatalf("page %d: %+v, want %+v", page, one, all[want])
			}
			want--
		}
		if len(found) < query.Limit {
			break
		}
		query.Before = store.AuditMark{At: found[6].At, ID: found[6].ID}
	}
	if want >= 4 {
		t.Errorf("the pages end before entry %d", want)
	}
	gone, err := db.ForgetAudit(ctx, time.Time{}, 137)
	must(t, err)
	found, err := db.ListAudit(ctx, store.AuditQuery{Subscription: "s"})
	if err != nil || gone != 137 || len(found) != 163 || found[162] != all[137] {
		t.Errorf("%d gone, %d left, %v", gone, len(found), err)
	}
	if gone, err = db.ForgetAudit(ctx, all[200].At, 1000); err != nil || gone != 63 {
		t.Errorf("%d gone by age, %v", gone, err)
	}
	if count, err := db.CountAudit(ctx); err != nil || count != 100 {
		t.Errorf("%d left, %v", count, err)
	}
}
