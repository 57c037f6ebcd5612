package dataplane

import (
	"context"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/identity"
)

// pendingConfigs answers with the desired state at once when the cluster has another, and else
// when it changes or the wait is over.
func (s *Server) pendingConfigs(ctx context.Context, from identity.Cluster, body []byte) (any, error) {
	var query fairlead.PendingQuery
	if err := decode(body, &query); err != nil {
		return nil, err
	}
	ended, leave := s.polls.enter(from.Key)
	defer leave()
	if quiet, own := connectionOf(ctx); own {
		defer s.Presence.Held(from.Key, quiet)()
	}
	// Subscribe before reading: what changes in between must not be missed.
	changed, cancel := s.Store.Subscribe(from.Key)
	defer cancel()
	timer := time.NewTimer(wait(query))
	defer timer.Stop()
	for {
		answer, err := s.desired(ctx, from, query.ETag)
		if err != nil || !answer.Unchanged {
			return answer, err
		}
		select {
		case <-changed:
		case <-timer.C:
			return answer, nil
		case <-ended:
			return answer, nil
		case <-ctx.Done(): // the client is gone or the hub is stopping; the next poll finds out
			return answer, nil
		}
	}
}

func wait(query fairlead.PendingQuery) time.Duration {
	return min(max(time.Duration(query.WaitSeconds)*time.Second, 0), maxWait)
}

// desired reads the cluster again: what was read when the request was verified may have changed
// before the subscription began, and does change during it.
func (s *Server) desired(ctx context.Context, from identity.Cluster, etag string) (fairlead.PendingConfigs, error) {
	// The context ends with the hub, too: then a poll is over, and its answer still wanted.
	ctx = context.WithoutCancel(ctx)
	now, err := s.Identity.Find(ctx, from.ID)
	if err != nil {
		return fairlead.PendingConfigs{}, err
	}
	more, err := s.configurations(ctx, now)
	if err != nil {
		return fairlead.PendingConfigs{}, err
	}
	state, err := desiredState(now, more)
	if err != nil {
		return fairlead.PendingConfigs{}, err
	}
	state.TrustHash = s.trustHash()
	if state.ETag == etag {
		return fairlead.PendingConfigs{ETag: etag, Unchanged: true, TrustHash: state.TrustHash}, nil
	}
	return state, s.protect(ctx, &state, from)
}
