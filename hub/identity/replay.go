package identity

import (
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/proof"
)

const (
	// A proof that were forgotten sooner could be accepted again.
	memory = 2 * proof.Window
	// What cannot be remembered must not be accepted, so this bounds a cluster's requests within
	// memory, to some seven a second. A busy cluster makes one in three seconds.
	maxRemembered = 4096
	// After so many accepted requests, clusters that fell silent are forgotten.
	sweepEvery = 4096
)

// replays remembers the proofs that were accepted, so that none is accepted twice. Each cluster
// has a memory of its own, which no other cluster can fill. A restart forgets all; a heartbeat
// replayed then is late, and a certificate request replayed gives a certificate to a key that
// the replayer does not have.
type replays struct {
	mu       sync.Mutex
	clusters map[string][]accepted
	seed     maphash.Seed
	since    int
}

// accepted is 16 bytes instead of an id's 50: ten thousand clusters have a million of them.
type accepted struct {
	id    uint64
	until int64
}

// accept remembers the proof, or refuses it if that was done before.
func (o *replays) accept(cluster, proofID string, now time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.prepare(now)
	id := maphash.String(o.seed, proofID)
	known := current(o.clusters[cluster], now)
	if slices.ContainsFunc(known, func(a accepted) bool { return a.id == id }) {
		return refuse("the proof was used before").WithCode("ProofReplayed")
	}
	if len(known) >= maxRemembered {
		return fairlead.Errorf(fairlead.TooManyRequests, "the cluster makes more than %d requests in %s", maxRemembered, memory)
	}
	o.clusters[cluster] = append(known, accepted{id, now.Add(memory).Unix()})
	return nil
}

func (o *replays) prepare(now time.Time) {
	if o.clusters == nil {
		o.clusters, o.seed = map[string][]accepted{}, maphash.MakeSeed()
	}
	if o.since++; o.since < sweepEvery {
		return
	}
	o.since = 0
	for cluster, known := range o.clusters {
		if len(current(known, now)) == 0 {
			delete(o.clusters, cluster)
		}
	}
}

// current cuts off what is out of date; entries are in the order of time.
func current(known []accepted, now time.Time) []accepted {
	first := slices.IndexFunc(known, func(a accepted) bool { return a.until >= now.Unix() })
	if first < 0 {
		return nil
	}
	return known[first:]
}
