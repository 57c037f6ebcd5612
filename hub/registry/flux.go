package registry

import (
	"context"
	"fmt"
	"os"

	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/fairlead/fairlead"
)

// addFlux adds the chart of the extension that runs Flux, if this hub has one.
func (s *Server) addFlux(target layout.Path) error {
	if s.Flux == nil {
		return nil
	}
	archive, err := s.Flux()
	if err != nil {
		return fmt.Errorf("load the chart of %s: %w", fairlead.FluxExtensionType, err)
	}
	if err := addChart(target, archive, Tag(), fairlead.FluxChartRepository); err != nil {
		return fmt.Errorf("add the chart of %s: %w", fairlead.FluxExtensionType, err)
	}
	return nil
}

// Packed returns the tags of a repository that the hub packs itself, in every version that it still serves. It waits until that is done.
func (s *Server) Packed(ctx context.Context, repository string) ([]string, error) {
	content, err := s.ready(ctx)
	if err != nil {
		return nil, err
	}
	return content.tags(repository), nil
}

// PackedManifest returns the manifest of what the hub has packed itself, or NotFound.
func (s *Server) PackedManifest(ctx context.Context, repository, tag string) ([]byte, error) {
	content, err := s.ready(ctx)
	if err != nil {
		return nil, err
	}
	holder := content.holder(request{repository, "manifests", tag})
	if holder == nil {
		return nil, fairlead.Errorf(fairlead.NotFound, "the hub packs no %s:%s", repository, tag)
	}
	descriptor, _ := holder.repositories[repository].manifest(tag)
	return os.ReadFile(holder.path(descriptor))
}
