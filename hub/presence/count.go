package presence

import "github.com/fairlead/fairlead"

// Count returns how many clusters have each connectivity status now. Clusters that were never
// heard of are not among them.
func (t *Tracker) Count() map[fairlead.ConnectivityStatus]int {
	now := t.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	counted := map[fairlead.ConnectivityStatus]int{}
	for _, known := range t.clusters {
		counted[known.status(now)]++
	}
	return counted
}
