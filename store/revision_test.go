package store_test

import (
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fairlead/fairlead/store"
)

// Whoever reads the revisions after a write has returned sees that it was, however many ask and write meanwhile.
func TestRevisionsAreNeverOlderThanAWriteThatHasReturned(t *testing.T) {
	db := open(t, "sqlite:"+filepath.Join(t.TempDir(), "store.db"))
	t.Cleanup(func() { _ = db.Close() })
	var least atomic.Int64
	var over atomic.Bool
	var reading sync.WaitGroup
	for range 4 {
		reading.Go(func() {
			for !over.Load() {
				before := least.Load()
				now, err := db.Revisions(t.Context())
				if err != nil || now.Resources < before {
					t.Errorf("%d after %d: %v", now.Resources, before, err)
				}
			}
		})
	}
	for i := range 200 {
		put, err := db.PutResource(t.Context(), store.Resource{Key: "/k", ID: "/k", Body: []byte(strconv.Itoa(i))}, store.AnyState)
		if err != nil {
			t.Error(err)
			break
		}
		least.Store(put.Revision)
	}
	over.Store(true)
	reading.Wait()
}
