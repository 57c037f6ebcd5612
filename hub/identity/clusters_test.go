package identity_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

func tagged(t testing.TB, db *store.DB, id fairlead.ResourceID, tag string) {
	t.Helper()
	body, err := json.Marshal(fairlead.ConnectedCluster{Location: "local", Tags: map[string]string{"n": tag}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.PutResource(context.Background(), store.Resource{
		Key: id.Key(), ID: id.String(), Type: "microsoft.kubernetes/connectedclusters", Subscription: id.Subscription,
		ResourceGroup: strings.ToLower(id.ResourceGroup), Name: id.Name(), Body: body,
	}, store.AnyState)
	if err != nil {
		t.Error(err)
	}
}

// Whoever has been told that a write is done must find it, however many read at the same time.
func TestARememberedClusterIsNeverOlderThanTheLastWrite(t *testing.T) {
	b := newBench(t)
	id := fairlead.ConnectedClusterID("9a1b8c1e-0000-4000-8000-000000000001", "shops", "edge")
	tagged(t, b.db, id, "0")
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for ctx.Err() == nil {
				_, _ = b.Find(context.WithoutCancel(ctx), id)
			}
		})
	}
	for n := range 200 {
		tagged(t, b.db, id, fmt.Sprint(n))
		found, err := b.Find(t.Context(), id)
		if want := fmt.Sprintf(`{"n":"%d"}`, n); err != nil || !strings.Contains(string(found.Body), want) {
			t.Fatalf("after the write %d returned: %s %v", n, found.Body, err)
		}
	}
	stop()
	readers.Wait()
}

func TestADeletedClusterIsForgottenAtOnce(t *testing.T) {
	b := newBench(t)
	id := fairlead.ConnectedClusterID("9a1b8c1e-0000-4000-8000-000000000001", "shops", "edge")
	tagged(t, b.db, id, "0")
	for range 2 { // from the store, then from memory
		if _, err := b.Find(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.db.DeleteResource(t.Context(), id.Key(), store.AnyState); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Find(t.Context(), id); fairlead.KindOf(err) != fairlead.NotFound {
		t.Errorf("a deleted cluster: %v, want NotFound", err)
	}
}

// counted is a store that counts how often it is read.
type counted struct {
	*store.DB

	reads int
}

func (c *counted) GetResource(ctx context.Context, key string) (store.Resource, error) {
	c.reads++
	return c.DB.GetResource(ctx, key)
}

func TestOnlyWhatIsSmallIsRemembered(t *testing.T) {
	cases := map[string]struct {
		reason string
		tag    string
		reads  int
	}{
		"Small": {"as clusters are", "x", 1},
		"Large": {"as somebody would make them to fill the memory", strings.Repeat("x", 10_000), 5},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			db := &counted{DB: b.db}
			b.Store = db
			id := fairlead.ConnectedClusterID("9a1b8c1e-0000-4000-8000-000000000001", "shops", "edge")
			tagged(t, b.db, id, tc.tag)
			for range 5 {
				if _, err := b.Find(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
			if db.reads != tc.reads {
				t.Errorf("%d reads of the store, want %d: %s", db.reads, tc.reads, tc.reason)
			}
		})
	}
}
