package bundle

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// Open reads a bundle from a file.
func Open(path string) (*snapshot.Snapshot, Manifest, error) {
	opened, err := os.Open(path) //nolint:gosec // the person names the file
	if err != nil {
		return nil, Manifest{}, fairlead.Errorf(fairlead.Invalid, "the bundle cannot be read: %w", err)
	}
	defer func() { _ = opened.Close() }() // it was only read
	s, m, err := Read(opened)
	if err != nil {
		return nil, m, fairlead.Errorf(fairlead.Invalid, "%s is no bundle that can be judged: %w", path, err)
	}
	return s, m, nil
}

// Read reads a bundle. It trusts nothing: sizes are bounded, names are only compared, and nothing is written anywhere.
func Read(in io.Reader) (*snapshot.Snapshot, Manifest, error) {
	packed, err := gzip.NewReader(io.LimitReader(in, maxPacked))
	if err != nil {
		return nil, Manifest{}, fmt.Errorf("it is not packed with gzip: %w", err)
	}
	archive := tar.NewReader(packed)
	var found *snapshot.Snapshot
	var manifest Manifest
	for range maxFiles {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return checked(found, manifest)
		}
		if err != nil {
			return nil, manifest, fmt.Errorf("it is damaged: %w", err)
		}
		switch header.Name {
		case manifestName:
			err = decode(archive, &manifest)
		case snapshotName:
			found = &snapshot.Snapshot{}
			err = decode(archive, found)
		}
		if err != nil {
			return nil, manifest, fmt.Errorf("%s in it: %w", header.Name, err)
		}
	}
	return nil, manifest, fmt.Errorf("it has more than %d files", maxFiles)
}

func decode(in io.Reader, into any) error {
	limited := &io.LimitedReader{R: in, N: maxSnapshot}
	if err := json.NewDecoder(limited).Decode(into); err != nil {
		if limited.N <= 0 {
			return fmt.Errorf("it has more than %d MiB", maxSnapshot>>20)
		}
		return fmt.Errorf("read JSON: %w", err)
	}
	return nil
}

func checked(s *snapshot.Snapshot, m Manifest) (*snapshot.Snapshot, Manifest, error) {
	switch {
	case s == nil:
		return nil, m, errors.New("it has no " + snapshotName)
	case m.Format > Format || s.Version > snapshot.Version:
		return nil, m, fmt.Errorf("it was made by a newer fairlead (%s); this one reads format %d", m.Version, Format)
	case s.Version < 1:
		return nil, m, errors.New(snapshotName + " in it is no snapshot")
	}
	if s.Coverage == nil {
		s.Coverage = map[snapshot.Resource]*snapshot.Coverage{}
	}
	for resource, coverage := range s.Coverage {
		if coverage == nil {
			delete(s.Coverage, resource) // nobody knows, then
		}
	}
	return s, m, nil
}
