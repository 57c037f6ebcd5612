package dataplane

import (
	"context"
	"log/slog"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/identity"
)

// maxOrigin bounds each text of an origin; a UID has 36 characters.
const maxOrigin = 64

// origin notes which process of which cluster sent a heartbeat, and returns what its log is to warn of: that
// another cluster reports as the same.
func (s *Server) origin(ctx context.Context, from identity.Cluster, said *fairlead.Origin) (string, error) {
	if said == nil {
		return "", nil // agents of an older version
	}
	if len(said.ClusterUID) > maxOrigin || len(said.Instance) > maxOrigin || said.Epoch < 0 || said.Sequence < 0 {
		return "", fairlead.Errorf(fairlead.Invalid, "an origin has texts of at most %d bytes and no negative numbers", maxOrigin)
	}
	conflict, news := s.Presence.Heard(from.Key, *said)
	if conflict == nil {
		return "", nil
	}
	warning := conflict.Explain(from.ID)
	if news {
		s.Log.WarnContext(ctx, "two clusters report as one", slog.String("cluster", from.ID.String()),
			slog.String("kind", string(conflict.Kind)), slog.String("what_to_do", warning))
	}
	return warning, nil
}
