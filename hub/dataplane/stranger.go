package dataplane

import (
	"context"
	"log/slog"

	"github.com/fairlead/fairlead"
)

// noteStranger tells, once each in the life of a process, of clusters with a good identity of this hub that it does not
// know any more: deleted here while their agents ran on, or younger than the backup that the hub was restored from. Only
// who holds a certificate of this hub gets that far.
func (s *Server) noteStranger(ctx context.Context, id fairlead.ResourceID, err error) {
	if fairlead.KindOf(err) == fairlead.NotFound && s.strangers.First(id.Key()) {
		s.Log.WarnContext(ctx, "a cluster calls that was connected to this hub and is unknown to it: connect it again, or remove its agents",
			slog.String("cluster", id.String()))
	}
}
