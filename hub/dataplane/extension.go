package dataplane

import (
	"context"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/identity"
)

func (s *Server) extensionStatuses(ctx context.Context, from identity.Cluster, body []byte) (any, error) {
	var reports []fairlead.ExtensionReport
	if err := decode(body, &reports); err != nil {
		return nil, err
	}
	if s.Extensions == nil {
		return nil, unknownPath()
	}
	return struct{}{}, s.Extensions.Reported(ctx, from.ID, reports)
}

func (s *Server) extensionEvents(ctx context.Context, from identity.Cluster, body []byte) (any, error) {
	var events []fairlead.ExtensionEvent
	if err := decode(body, &events); err != nil {
		return nil, err
	}
	if s.Extensions == nil {
		return nil, unknownPath()
	}
	return struct{}{}, s.Extensions.Happened(ctx, from.ID, events)
}
