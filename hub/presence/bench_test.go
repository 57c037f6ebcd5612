package presence_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/fairlead/fairlead/store"
)

// BenchmarkSaveTenThousand is the worst second of 10,000 clusters: all of them at once. At five seconds
// between heartbeats an ordinary second saves a fifth of that.
func BenchmarkSaveTenThousand(b *testing.B) {
	db := open(b)
	batch := make([]store.Presence, 10_000)
	for b.Loop() {
		for i := range batch {
			batch[i] = store.Presence{ClusterKey: fmt.Sprintf("%s-%d", key, i), LastSeen: time.Now()}
		}
		if err := db.SavePresence(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkView is what an inventory page pays for each cluster.
func BenchmarkView(b *testing.B) {
	p := tracker(b, open(b), time.Now)
	p.Beat(key)
	for b.Loop() {
		_ = p.View(key)
	}
}
