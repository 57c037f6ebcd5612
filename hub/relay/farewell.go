package relay

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/lastword"
)

// lastWords is how long a call that is cut has to say why.
const lastWords = 250 * time.Millisecond

// letSpeak lets a watch end with why it was cut.
func (s *Server) letSpeak(answer *http.Response, c *call) {
	if !lastword.Watches(answer, c.to.path) {
		return
	}
	answer.Body = lastword.Body(answer.Body, func(err error) *status { return s.farewell(answer.Request, c, err) })
}

// farewell says why a watch ends, nil when there is nobody to tell.
func (s *Server) farewell(r *http.Request, c *call, err error) *status {
	why := cutFor(r.Context())
	switch {
	case why == nil && (r.Context().Err() != nil || errors.Is(err, io.EOF)):
		return nil
	case why == nil:
		why = &refusal{retry: 1, error: fairlead.Errorf(fairlead.Unavailable, "the tunnel to the cluster, or what is behind it, broke while this watch was under way. Start it again; "+
			"if the cluster stays away, this says why: fairlead connectedk8s troubleshoot -n %s -g %s", c.to.cluster.Name(), c.to.cluster.ResourceGroup)}
	}
	made := s.statusOf(r, why)
	return &made
}

// cutFor returns why the hub has ended a call of this context, for the caller to read; nil when the hub has not, or when the caller
// does not read.
func cutFor(ctx context.Context) error {
	why := context.Cause(ctx)
	switch {
	case errors.Is(why, errStopping):
		return &refusal{error: fairlead.Errorf(fairlead.Unavailable, "the hub is stopping; try again"), retry: 1}
	case fairlead.KindOf(why) != fairlead.Internal:
		return why // access has ended
	}
	return nil
}
