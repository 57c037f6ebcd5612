package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

func recorded(id, cluster string, minute int) store.Recording {
	return store.Recording{
		ID: id, ClusterID: cluster, StartedAt: noon().Add(time.Duration(minute) * time.Minute), State: store.RecordingOpen, Caller: "Ana", CallerID: "oid",
		Verb: "exec", Namespace: "n", Pod: "p", Container: "c", Command: "sh -c ls", Protocol: "SPDY/3.1",
	}
}

func recordingIDs(found []store.Recording) string {
	all := make([]string, len(found))
	for i, one := range found {
		all[i] = one.ID
	}
	return strings.Join(all, " ")
}

func testRecordings(t *testing.T, db *store.DB) {
	ctx := t.Context()
	for i, cluster := range []string{"/s/g/A", "/s/g/a", "/s/g/b", "/s/g/a"} {
		must(t, db.AddRecording(ctx, recorded(fmt.Sprint("r", i), cluster, min(i, 2))))
	}
	wantKind(t, "the same id again", fairlead.KindOf(db.AddRecording(ctx, recorded("r0", "/s/g/a", 0))), fairlead.Conflict)
	got, err := db.GetRecording(ctx, "/s/g/a", "r0")
	if err != nil || got != recorded("r0", "/s/g/A", 0) {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = db.GetRecording(ctx, "/s/g/b", "r0")
	wantKind(t, "of another cluster", fairlead.KindOf(err), fairlead.NotFound)
	for want, query := range map[string]store.RecordingQuery{
		"r3 r2 r1 r0": {},
		"r3 r1 r0":    {Cluster: "/s/g/a"},
		"r3 r1":       {Cluster: "/s/g/a", Limit: 2},
		"r1 r0":       {Cluster: "/s/g/a", Before: store.RecordingMark{At: noon().Add(2 * time.Minute), ID: "r3"}},
		"r2 r1 r0":    {Before: store.RecordingMark{At: noon().Add(2 * time.Minute), ID: "r3"}},
	} {
		found, err := db.ListRecordings(ctx, query)
		if got := recordingIDs(found); err != nil || got != want {
			t.Errorf("%+v: %q, %v, want %q", query, got, err, want)
		}
	}
	testRecordingsEnd(t, db)
}

func testRecordingsEnd(t *testing.T, db *store.DB) {
	t.Helper()
	ctx := t.Context()
	must(t, db.EndRecording(ctx, "r0", noon().Add(time.Hour), store.RecordingTruncated, 1<<40), db.EndRecording(ctx, "r2", noon(), store.RecordingComplete, 5))
	wantKind(t, "end of none", fairlead.KindOf(db.EndRecording(ctx, "absent", noon(), store.RecordingComplete, 5)), fairlead.NotFound)
	got, err := db.GetRecording(ctx, "/s/g/a", "r0")
	if err != nil || got.State != store.RecordingTruncated || got.Size != 1<<40 || !got.EndedAt.Equal(noon().Add(time.Hour)) {
		t.Errorf("%+v, %v", got, err)
	}
	open, err := db.OpenRecordings(ctx)
	if ids := recordingIDs(open); err != nil || ids != "r1 r3" {
		t.Errorf("open: %q, %v", ids, err)
	}
	oldest, err := db.OldestRecordings(ctx, 1)
	if ids := recordingIDs(oldest); err != nil || ids != "r0" {
		t.Errorf("oldest: %q, %v", ids, err)
	}
	if size, err := db.RecordedBytes(ctx); err != nil || size != 1<<40+5 {
		t.Errorf("size: %d, %v", size, err)
	}
	must(t, db.DeleteRecording(ctx, "r0"), db.DeleteRecording(ctx, "r0"))
	if found, err := db.ListRecordings(ctx, store.RecordingQuery{}); err != nil || recordingIDs(found) != "r3 r2 r1" {
		t.Errorf("%q, %v", recordingIDs(found), err)
	}
}
