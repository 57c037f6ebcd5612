package aadproxy

import (
	"context"
	"slices"

	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/dataaction"
)

// stream is a request while it lasts, which for a watch or an exec may be hours.
type stream struct {
	asked  asked
	as     *stated
	level  dataaction.Level
	judge  *judge
	cancel context.CancelCauseFunc
}

// weigh ends the stream when it would not be let through as it is any more, by what is stated of the caller now.
func (o *stream) weigh(now *stated) {
	level, err := o.judge.decide(now, o.asked)
	switch {
	case err != nil:
		o.end(err)
	case now.Mode == caller.Token: // the API server knows nothing of what the hub says
	case level != o.level || now.User != o.as.User || !containsAll(now.Groups, o.as.Groups):
		// What the API server has let through with rights that the caller has no longer, it must be asked again.
		o.end(errRightsLost)
	}
}

func (o *stream) end(reason error) { o.cancel(reason) }

// containsAll reports whether sorted names hold all of others that are sorted, too.
func containsAll(names, others []string) bool {
	for _, one := range others {
		if _, found := slices.BinarySearch(names, one); !found {
			return false
		}
	}
	return true
}
