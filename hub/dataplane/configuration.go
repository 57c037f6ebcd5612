package dataplane

import (
	"context"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/identity"
)

// kinds are the kinds of configurations that a cluster is told of beside itself, in their order.
func (s *Server) kinds() []Configurations {
	var all []Configurations
	if s.Extensions != nil {
		all = append(all, s.Extensions)
	}
	if s.Flux != nil {
		all = append(all, s.Flux)
	}
	return all
}

// configurations returns what is wanted of every kind on a cluster, without protected settings.
func (s *Server) configurations(ctx context.Context, of identity.Cluster) ([]fairlead.Configuration, error) {
	var all []fairlead.Configuration
	for _, kind := range s.kinds() {
		wanted, err := kind.Wanted(ctx, of.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, wanted...)
	}
	return all, nil
}

// protect adds the protected settings to a desired state that a cluster is about to get.
func (s *Server) protect(ctx context.Context, state *fairlead.PendingConfigs, from identity.Cluster) error {
	for _, kind := range s.kinds() {
		protected, err := kind.Protect(ctx, from.ID, state.Configurations, from.Sender)
		if err != nil {
			return err
		}
		state.Configurations = protected
	}
	return nil
}

func (s *Server) fluxStatuses(ctx context.Context, from identity.Cluster, body []byte) (any, error) {
	var reports []fairlead.FluxReport
	if err := decode(body, &reports); err != nil {
		return nil, err
	}
	if s.Flux == nil {
		return nil, unknownPath()
	}
	return struct{}{}, s.Flux.Reported(ctx, from.ID, reports)
}

func (s *Server) fluxLogs(ctx context.Context, from identity.Cluster, body []byte) (any, error) {
	var lines []fairlead.FluxLog
	if err := decode(body, &lines); err != nil {
		return nil, err
	}
	if s.Flux == nil {
		return nil, unknownPath()
	}
	return struct{}{}, s.Flux.Logged(ctx, from.ID, lines)
}
