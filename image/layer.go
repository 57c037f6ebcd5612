package image

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// layer is a compressed layer in a file.
type layer struct {
	path           string
	digest, diffID v1.Hash
	size           int64
}

// packLayer makes the layer in one pass over the binary and files it in dir under its digest.
func packLayer(ctx context.Context, binaryPath, dir string) (v1.Layer, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(dir, ".layer-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(file.Name()) }() // gone already when all went well
	packed, err := writeLayer(ctx, file, binaryPath)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	packed.path = filepath.Join(dir, packed.digest.Hex)
	if err := os.Rename(file.Name(), packed.path); err != nil {
		return nil, err
	}
	return partial.CompressedToLayer(packed)
}

// writeLayer writes tar | gzip to file and takes both digests on the way.
func writeLayer(ctx context.Context, file *os.File, binaryPath string) (*layer, error) {
	digest, diffID := sha256.New(), sha256.New()
	// A pull is as fast as its slowest part, and that is seldom a LAN: speed beats size here.
	zipped, err := gzip.NewWriterLevel(io.MultiWriter(file, digest), gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if err := writeTar(ctx, io.MultiWriter(zipped, diffID), binaryPath); err != nil {
		return nil, err
	}
	if err := zipped.Close(); err != nil {
		return nil, err
	}
	if err := file.Sync(); err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	return &layer{digest: sum(digest), diffID: sum(diffID), size: info.Size()}, nil
}

func writeTar(ctx context.Context, to io.Writer, binaryPath string) error {
	binary, err := os.Open(binaryPath) //nolint:gosec // the caller's own binary
	if err != nil {
		return err
	}
	defer func() { _ = binary.Close() }()
	info, err := binary.Stat()
	if err != nil {
		return err
	}
	archive := tar.NewWriter(to)
	// No times and no owners: the same binary must give the same digest everywhere.
	header := &tar.Header{Name: program[1:], Mode: 0o755, Size: info.Size(), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	if _, err := io.Copy(archive, cancellable{ctx, binary}); err != nil {
		return fmt.Errorf("copy the binary: %w", err)
	}
	return archive.Close()
}

type cancellable struct {
	ctx  context.Context
	from io.Reader
}

// Read fails once the context is done.
func (c cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.from.Read(p)
}

func sum(h hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
}

// Digest is of the compressed layer.
func (l *layer) Digest() (v1.Hash, error) { return l.digest, nil }

// DiffID is the digest of the uncompressed layer.
func (l *layer) DiffID() (v1.Hash, error) { return l.diffID, nil }

// Compressed opens the layer's file.
func (l *layer) Compressed() (io.ReadCloser, error) { return os.Open(l.path) }

// Size is that of the compressed layer.
func (l *layer) Size() (int64, error) { return l.size, nil }

// MediaType is OCI's for gzipped layers.
func (l *layer) MediaType() (types.MediaType, error) { return types.OCILayer, nil }
