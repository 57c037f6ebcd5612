package configuration_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/hub/presence"
	"github.com/fairlead/fairlead/store"
)

const (
	cluster = "/subscriptions/5a17c3b2-0000-4000-8000-000000000001/resourceGroups/shops/providers/Microsoft.Kubernetes/connectedClusters/edge-1"
	kind    = "Example.Org/things"
)

// there is a cluster that is well, and that cannot take what is wanted.
type there struct{ now func() time.Time }

func (t there) View(string) presence.View {
	return presence.View{LastSeen: t.now(), Configurations: []fairlead.ConfigurationStatus{{Kind: "Thing", Name: "one", Message: "no such kind yet"}}}
}

// waiting is an operation that waits for what its configuration stands on.
type waiting struct {
	t       *testing.T
	db      *store.DB
	stored  store.Resource
	ahead   atomic.Int64 // of the hub's clock, in nanoseconds
	pending atomic.Bool
	looked  chan struct{} // receives whenever the operation has asked whether that is still to come
	ended   chan error
}

func (w *waiting) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

func wait(t *testing.T, patience configuration.Patience) *waiting {
	t.Helper()
	w := &waiting{t: t, looked: make(chan struct{}), ended: make(chan error, 1)}
	w.pending.Store(true)
	var err error
	if w.db, err = store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "hub.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.db.Close() })
	w.stored = store.Resource{
		Key: configuration.Key(cluster, kind, "one"), ID: cluster + "/providers/" + kind + "/one", Type: kind, Name: "one", Body: []byte(`{"fairlead":{"generation":1}}`),
	}
	w.touch()
	service := &configuration.Service{
		Surroundings: configuration.Surroundings{
			Store: w.db, Presence: there{w.now}, Patience: patience, Now: w.now, Started: time.Now(), Log: slog.New(slog.DiscardHandler),
		},
		Kind: configuration.Kind{
			Name: "Thing", Noun: "thing", Types: []string{kind}, Footing: w.footing,
			Code: func(configuration.Document, bool) string { return "ThingFailed" },
		},
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { w.ended <- service.Await(ctx, w.stored) }()
	t.Cleanup(cancel)
	return w
}

func (w *waiting) footing(ctx context.Context, _ fairlead.ResourceID, _ configuration.Document) (bool, error) {
	pending := w.pending.Load()
	select {
	case w.looked <- struct{}{}:
	case <-ctx.Done():
	}
	return pending, ctx.Err()
}

// touch is a change for which the operation looks again.
func (w *waiting) touch() {
	w.t.Helper()
	if _, err := w.db.PutResource(w.t.Context(), w.stored, store.AnyState); err != nil {
		w.t.Fatal(err)
	}
}

// looks waits until the operation has looked at the clock as it is now. It may have been about to ask when that was set, so it looks
// twice.
func (w *waiting) looks() {
	w.t.Helper()
	for range 2 {
		w.touch()
		select {
		case <-w.looked:
		case err := <-w.ended:
			w.t.Fatalf("the operation has ended with %v", err)
		case <-time.After(time.Minute):
			w.t.Fatal("the operation does not look")
		}
	}
}

// ends waits for the operation's end.
func (w *waiting) ends() error {
	w.t.Helper()
	timeout := time.After(time.Minute)
	for {
		w.touch()
		select {
		case <-w.looked:
		case err := <-w.ended:
			return err
		case <-timeout:
			w.t.Fatal("the operation goes on for ever")
		}
	}
}

// However long what a configuration stands on takes to come, neither patience begins before it is there.
func TestPatienceBeginsWhenWhatAConfigurationStandsOnIsThere(t *testing.T) {
	patience := configuration.Patience{Silence: time.Hour, Unreported: 10 * time.Minute, Refused: 5 * time.Minute, Grace: time.Hour}
	w := wait(t, patience)
	for range 3 {
		w.looks()
		w.ahead.Add(int64(patience.Unreported))
	}
	w.looks()
	w.pending.Store(false)
	w.ahead.Add(int64(patience.Refused) / 2)
	w.looks()
	w.looks() // what has looked before has not ended it
	w.ahead.Add(int64(patience.Refused))
	if err := w.ends(); !strings.Contains(fmt.Sprintf("%+v", fairlead.DetailsOf(err)), "no such kind yet") {
		t.Errorf("it ends with %v", err)
	}
}
