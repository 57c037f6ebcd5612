package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/fairlead/fairlead/store"
)

const someLogs = someCluster + "/providers/microsoft.kubernetesconfiguration/fluxconfigurations/demo/logs"

// linesAt are lines of one pod, each a second after the one before.
func linesAt(pod string, from, to int) []store.FluxLog {
	var lines []store.FluxLog
	for second := from; second < to; second++ {
		lines = append(lines, store.FluxLog{At: time.Unix(int64(second), 5).UTC(), Origin: pod, Line: fmt.Appendf(nil, `{"s":%d}`, second)})
	}
	return lines
}

// What is sent twice is kept once, also what has gone for its age; numbers grow in the order in which lines come.
func testFluxLogs(t *testing.T, db *store.DB) {
	add := func(name string, lines []store.FluxLog) {
		t.Helper()
		if err := db.AddFluxLogs(t.Context(), someCluster, name, lines, someLogs); err != nil {
			t.Fatal(err)
		}
	}
	list := func(after int64, limit int) []store.FluxLog {
		t.Helper()
		found, err := db.ListFluxLogs(t.Context(), someCluster, "demo", after, limit)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	woken, cancel := db.Subscribe(someLogs)
	defer cancel()
	add("demo", linesAt("one", 1000, 1300))
	select {
	case <-woken:
	case <-time.After(10 * time.Second):
		t.Error("nobody is woken")
	}
	first := list(0, 1000)
	add("demo", linesAt("one", 1200, 1500))
	add("demo", linesAt("two", 1499, 1510))
	found := list(0, 1000)
	if len(first) != 300 || len(found) != 500 || string(found[0].Line) != `{"s":1011}` || string(found[499].Line) != `{"s":1509}` {
		t.Fatalf("%d, then %d lines, from %s to %s", len(first), len(found), found[0].Line, found[len(found)-1].Line)
	}
	if !slices.IsSortedFunc(found, func(a, b store.FluxLog) int { return int(a.Sequence - b.Sequence) }) || found[299-11].Sequence != first[299].Sequence {
		t.Error("the numbers do not stay and grow")
	}
	if !found[499].At.Equal(time.Unix(1509, 5)) || found[499].Origin != "two" {
		t.Errorf("the last is %+v", found[499])
	}
	add("demo", linesAt("one", 1000, 1500))
	if again := list(0, 1000); len(again) != 500 || again[0].Sequence != found[0].Sequence || again[499].Sequence != found[499].Sequence {
		t.Error("what has gone for its age has come again")
	}
	if some := list(found[497].Sequence, 1); len(some) != 1 || some[0].Sequence != found[498].Sequence {
		t.Errorf("after one: %+v", some)
	}
	add("other", linesAt("one", 1, 2))
	if err := db.DropConfigurations(t.Context(), someCluster); err != nil {
		t.Fatal(err)
	}
	if left, err := db.ListFluxLogs(t.Context(), someCluster, "other", 0, 10); err != nil || len(left)+len(list(0, 10)) != 0 {
		t.Errorf("%d lines are left, %v", len(left), err)
	}
	add("demo", linesAt("one", 1000, 1001))
	if anew := list(found[499].Sequence, 10); len(anew) != 1 {
		t.Error("whoever follows misses what comes after all has gone")
	}
}
