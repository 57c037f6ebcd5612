package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/image"
)

// refAnnotation names a manifest in a layout's index. Ours are whole: repository:tag.
const refAnnotation = "org.opencontainers.image.ref.name"

// reasonFile in a layout says why it holds no image.
const reasonFile = "no-image"

// source is what is packed besides the agents' chart.
type source struct {
	binary   string
	precheck []byte
}

// pack returns the content packed from the running binary, from an earlier run if there was one.
func (s *Server) pack(ctx context.Context) (*catalogue, error) {
	binary, err := s.executable()
	if err != nil {
		return nil, fmt.Errorf("find the running binary: %w", err)
	}
	digest, err := digestOf(binary)
	if err != nil {
		return nil, fmt.Errorf("read the running binary: %w", err)
	}
	precheck, err := s.precheck()
	if err != nil {
		return nil, err
	}
	key := layoutKey(digest+s.AzPlatform, precheck)
	dir := filepath.Join(s.Dir, key)
	content, err := open(dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			s.Log.WarnContext(ctx, "packed chart and image are damaged and will be packed anew", slog.Any("err", err))
		}
		content, err = s.packAnew(ctx, source{binary, precheck}, dir)
	}
	if err != nil {
		return nil, err
	}
	if content.noImage != "" {
		s.Log.ErrorContext(ctx, "the hub cannot serve its own binary as the agents' image", slog.String("reason", content.noImage))
	}
	content.earlier, err = s.keepEarlier(key)
	return content, err
}

// packAnew fills a new folder and only then gives it its name, so that a crash leaves nothing
// that could be taken for whole.
func (s *Server) packAnew(ctx context.Context, from source, dir string) (*catalogue, error) {
	if err := os.MkdirAll(s.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("make the registry's folder: %w", err)
	}
	unfinished, err := os.MkdirTemp(s.Dir, "packing-*")
	if err != nil {
		return nil, fmt.Errorf("make the registry's folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(unfinished) }() // gone already when all went well
	if err := s.fill(ctx, from, unfinished); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("remove the damaged layout: %w", err)
	}
	if err := os.Rename(unfinished, dir); err != nil {
		return nil, fmt.Errorf("finish the layout: %w", err)
	}
	return open(dir)
}

func (s *Server) fill(ctx context.Context, from source, dir string) error {
	target, err := layout.Write(dir, empty.Index)
	if err != nil {
		return fmt.Errorf("start the layout: %w", err)
	}
	archive, err := s.Chart()
	if err != nil {
		return fmt.Errorf("load the chart: %w", err)
	}
	if err := addChart(target, archive, Tag(), fairlead.ChartRepository, PlainChartRepository); err != nil {
		return fmt.Errorf("add the chart: %w", err)
	}
	if err := s.addFlux(target); err != nil {
		return err
	}
	if err := s.addProbe(ctx, target, from.precheck); err != nil {
		return err
	}
	if s.AzPlatform != "" {
		if err := addAzProxy(target, s.AzPlatform, from.binary, dir); err != nil {
			return err
		}
	}
	return addImage(ctx, target, from.binary, dir)
}

// addImage adds the image, or the reason why this binary can be none: the chart is worth serving
// all the same, and a hub on a developer's Mac must still start.
func addImage(ctx context.Context, target layout.Path, binary, dir string) error {
	packed, err := image.Pack(ctx, binary, dir)
	if fairlead.CodeOf(err) == "BinaryNotPackable" {
		return os.WriteFile(filepath.Join(dir, reasonFile), []byte(err.Error()), 0o600)
	}
	if err != nil {
		return err
	}
	named := layout.WithAnnotations(map[string]string{refAnnotation: fairlead.ImageRepository + ":" + Tag()})
	if err := target.AppendImage(packed, named); err != nil {
		return fmt.Errorf("add the image: %w", err)
	}
	return nil
}

func digestOf(path string) (string, error) {
	file, err := os.Open(path) //nolint:gosec // the hub's own binary
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	digest := sha256.New()
	if _, err := io.Copy(digest, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}
