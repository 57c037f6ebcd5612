package presence

import (
	"slices"
	"time"

	"github.com/fairlead/fairlead"
)

const (
	// An origin that was not heard for so long is gone.
	originAlive = 2 * time.Minute
	// The old and the new pod of one cluster may both report for so long: an update overlaps, and a pod that
	// has lost its place finds out within half a minute.
	originOverlap = 2 * time.Minute
	// A conflict is over when there was no sign of it for so long.
	conflictMemory = 5 * time.Minute
	// Requests may overtake one another now and then. More within a minute do not.
	maxOvertaken  = 5
	overtakenTime = time.Minute
	maxOrigins    = 8
)

// ConflictKind says how two clusters come to have one identity.
type ConflictKind string

// The kinds. Two clusters have kube-system namespaces of their own; a copy has that of its original.
const (
	TwoClusters ConflictKind = "TwoClusters"
	Copy        ConflictKind = "Copy"
)

// Conflict is two clusters that report as one.
type Conflict struct {
	Kind          ConflictKind
	Since, Last   time.Time
	First, Second fairlead.Origin
}

// heard is one origin as far as it was heard.
type heard struct {
	fairlead.Origin

	first, last   time.Time
	overtaken     int
	overtakenFrom time.Time
}

// origins are those who report as one cluster, and what that tells. In one cluster, each start of the agent takes
// the next epoch from the API server, so no two have the same; when a pod was replaced, the old one does not
// come back after the new one for long. Whatever contradicts that, comes from two clusters.
type origins struct {
	known    []heard
	conflict *Conflict
}

// hear notes an origin, and the conflict that it reveals, if any.
func (o *origins) hear(from fairlead.Origin, now time.Time) {
	o.known = slices.DeleteFunc(o.known, func(h heard) bool { return now.Sub(h.last) > originAlive })
	at := slices.IndexFunc(o.known, func(h heard) bool {
		return h.ClusterUID == from.ClusterUID && h.Instance == from.Instance && h.Epoch == from.Epoch
	})
	if at < 0 {
		o.add(heard{Origin: from, first: now, last: now})
		return
	}
	before := o.known[at]
	found := o.contradiction(before, from, now)
	o.known[at] = before.again(from, now)
	if found == nil && o.known[at].overtaken > maxOvertaken {
		found = &Conflict{Kind: Copy, First: from, Second: from}
	}
	o.note(found, now)
}

func (o *origins) add(new heard) {
	if len(o.known) >= maxOrigins {
		oldest := slices.IndexFunc(o.known, func(h heard) bool {
			return !slices.ContainsFunc(o.known, func(other heard) bool { return other.last.Before(h.last) })
		})
		o.known = slices.Delete(o.known, oldest, oldest+1)
	}
	o.known = append(o.known, new)
}

// contradiction looks for another origin that was heard since before was, and cannot be of the same cluster.
func (o *origins) contradiction(before heard, from fairlead.Origin, now time.Time) *Conflict {
	for _, other := range o.known {
		if !other.last.After(before.last) {
			continue
		}
		if kind := other.excludes(before, from, now); kind != "" {
			return &Conflict{Kind: kind, First: other.Origin, Second: from}
		}
	}
	return nil
}

func (h heard) excludes(before heard, from fairlead.Origin, now time.Time) ConflictKind {
	both := before.first
	if h.first.After(both) {
		both = h.first
	}
	switch {
	case h.ClusterUID == "" || from.ClusterUID == "":
		return ""
	case h.ClusterUID != from.ClusterUID:
		return TwoClusters
	case h.Epoch == 0 || from.Epoch == 0:
		return "" // one that could not ask its API server
	case h.Epoch == from.Epoch:
		return Copy
	case h.Confirmed && from.Confirmed && now.Sub(both) > originOverlap:
		return Copy // two API servers say so of two epochs
	default:
		return ""
	}
}

// again is h after its next sign of life. Two processes that go on from one memory count from the same number.
func (h heard) again(from fairlead.Origin, now time.Time) heard {
	if now.Sub(h.overtakenFrom) > overtakenTime {
		h.overtaken, h.overtakenFrom = 0, now
	}
	if from.Sequence > 0 && from.Sequence <= h.Sequence {
		h.overtaken++
	}
	from.Sequence = max(from.Sequence, h.Sequence)
	h.Origin, h.last = from, now
	return h
}

// note keeps a conflict until there was no sign of it for a while.
func (o *origins) note(found *Conflict, now time.Time) {
	switch {
	case found == nil:
		return
	case o.current(now) == nil:
		found.Since = now
	default:
		found.Since = o.conflict.Since
	}
	found.Last = now
	o.conflict = found
}

// current returns the conflict that there is now.
func (o *origins) current(now time.Time) *Conflict {
	if o.conflict == nil || now.Sub(o.conflict.Last) > conflictMemory {
		return nil
	}
	return o.conflict
}

// Heard notes who of a cluster spoke. It returns the conflict that the cluster is in, nil when there is none, and
// whether that is news.
func (t *Tracker) Heard(key string, from fairlead.Origin) (conflict *Conflict, news bool) {
	now := t.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.cluster(key)
	before := known.origins.current(now)
	known.origins.hear(from, now)
	conflict = known.origins.current(now)
	return conflict, conflict != nil && before == nil
}

// Conflicts returns how many clusters are in conflict now.
func (t *Tracker) Conflicts() int {
	now := t.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	count := 0
	for _, known := range t.clusters {
		if known.origins.current(now) != nil {
			count++
		}
	}
	return count
}
