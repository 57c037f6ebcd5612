package identity

import "sync"

const (
	// So many clusters are remembered.
	maxClusters = 20_000
	// What is larger is read each time: whoever may write documents must not be able to fill the memory with them.
	maxRememberedBody = 8 << 10
)

// clusters remembers clusters as they were read, each with the store's mark of that moment: to read one
// and understand its document with each heartbeat would be a fifth of what a heartbeat costs.
type clusters struct {
	mu    sync.RWMutex
	known map[string]remembered
}

type remembered struct {
	cluster Cluster
	mark    uint64
}

// find returns a cluster that has not changed since the mark was taken.
func (o *clusters) find(key string, mark uint64) (Cluster, bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	found, ok := o.known[key]
	return found.cluster, ok && found.mark == mark
}

func (o *clusters) remember(cluster Cluster, mark uint64) {
	if len(cluster.Body) > maxRememberedBody {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil || len(o.known) >= maxClusters {
		o.known = map[string]remembered{} // all are read again, once
	}
	o.known[cluster.Key] = remembered{cluster, mark}
}
