package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/fairlead/fairlead/chart"
	"github.com/fairlead/fairlead/image"
)

// What the az client brings into a cluster besides the agents. The chart is asked for under a fixed path of whatever registry the
// client makes out; the diagnoser's image under a fixed name of a registry that the nodes may have mirrored to this one.
const (
	PrecheckRepository  = "azurearck8s/helmchart/stable/" + chart.PrecheckName
	ProbeRepository     = "azurearck8s/fairlead-probe"
	DiagnoserRepository = "arck8sdiagnoser"
	DiagnoserTag        = "v0.1.1"
)

// architectures are those for which the probe is built, as Go names them.
func architectures() []string { return []string{"amd64", "arm64"} }

// precheck returns the packed chart of the pre-check, nothing when this hub is not to serve it.
func (s *Server) precheck() ([]byte, error) {
	if s.Precheck == nil {
		return nil, nil
	}
	archive, err := s.Precheck()
	if err != nil {
		return nil, fmt.Errorf("load the chart of the pre-check: %w", err)
	}
	return archive, nil
}

// layoutKey names the layout of a binary and of a chart that says where the hub is.
func layoutKey(binary string, precheck []byte) string {
	sum := sha256.Sum256(append([]byte(binary), precheck...))
	return hex.EncodeToString(sum[:])
}

// addProbe adds the chart of the pre-check and the probe's image, which also is the diagnoser's. Without a program for any
// architecture there is neither; clusters can be connected all the same.
func (s *Server) addProbe(ctx context.Context, target layout.Path, precheck []byte) error {
	programs := s.programs(ctx)
	if len(programs) == 0 || precheck == nil {
		return nil
	}
	if err := addChart(target, precheck, chart.PrecheckVersion, PrecheckRepository); err != nil {
		return fmt.Errorf("add the chart of the pre-check: %w", err)
	}
	packed, err := image.Probe(programs)
	if err != nil {
		return err
	}
	for _, reference := range []string{ProbeRepository + ":" + Tag(), DiagnoserRepository + ":" + DiagnoserTag} {
		named := layout.WithAnnotations(map[string]string{refAnnotation: reference})
		if err := target.AppendIndex(packed, named); err != nil {
			return fmt.Errorf("add the probe's image: %w", err)
		}
	}
	return nil
}

func (s *Server) programs(ctx context.Context) map[string][]byte {
	found := map[string][]byte{}
	if s.Probe == nil {
		return found
	}
	for _, architecture := range architectures() {
		program, err := s.Probe(architecture)
		if err != nil {
			s.Log.WarnContext(ctx, "the hub serves no pre-check for an architecture", slog.String("architecture", architecture), slog.Any("err", err))
			continue
		}
		found[architecture] = program
	}
	return found
}

// addIndex makes the images of an index known.
func (c *catalogue) addIndex(repo *repository, descriptor v1.Descriptor) error {
	var index v1.IndexManifest
	if err := readJSON(c.path(descriptor), &index); err != nil {
		return err
	}
	for _, child := range index.Manifests {
		if err := c.addManifest(repo, child); err != nil {
			return err
		}
	}
	return nil
}
