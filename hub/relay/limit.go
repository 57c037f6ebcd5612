package relay

import (
	"net/http"
	"strings"
	"sync"

	"github.com/fairlead/fairlead"
)

// kind tells requests that end soon from those that stay: watches, logs that are followed, and upgrades.
type kind int

const (
	short kind = iota
	long
	kinds
)

// Most are the bounds of one cluster and of one principal, over all clusters: no principal can use up a cluster.
type most [kinds]int

const (
	maxShort, maxLong       = 512, 4096
	maxOwnShort, maxOwnLong = 256, 1536
)

func kindOf(r *http.Request) kind {
	if r.Header.Get("Upgrade") != "" {
		return long
	}
	for part := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, value, _ := strings.Cut(part, "=")
		if (name == "watch" || name == "follow") && value != "false" && value != "0" {
			return long
		}
	}
	return short
}

// limits counts what is under way.
type limits struct {
	mu         sync.Mutex
	clusters   map[string]*[kinds]int
	principals map[string]*[kinds]int
}

// take admits one more request, or says why it must wait.
func (o *limits) take(cluster, principal string, of kind) (release func(), err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.clusters == nil {
		o.clusters, o.principals = map[string]*[kinds]int{}, map[string]*[kinds]int{}
	}
	if at := o.clusters[cluster]; at != nil && at[of] >= (most{maxShort, maxLong})[of] {
		return nil, fairlead.Errorf(fairlead.TooManyRequests, "the cluster has %d requests under way, which is all that it may; try again", at[of])
	}
	if own := o.principals[principal]; own != nil && own[of] >= (most{maxOwnShort, maxOwnLong})[of] {
		return nil, fairlead.Errorf(fairlead.TooManyRequests, "you have %d requests under way, which is all that one caller may; end some, or try again", own[of])
	}
	count(o.clusters, cluster, of)
	count(o.principals, principal, of)
	released := false
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if released {
			return
		}
		released = true
		discount(o.clusters, cluster, of)
		discount(o.principals, principal, of)
	}, nil
}

func count(all map[string]*[kinds]int, name string, of kind) {
	if all[name] == nil {
		all[name] = &[kinds]int{}
	}
	all[name][of]++
}

func discount(all map[string]*[kinds]int, name string, of kind) {
	all[name][of]--
	if *all[name] == ([kinds]int{}) {
		delete(all, name)
	}
}
