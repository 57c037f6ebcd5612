package backup

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// pack writes a folder's files, the manifest first.
func pack(to io.Writer, folder string, made Manifest) error {
	text, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		return fmt.Errorf("write the list of contents: %w", err)
	}
	compressed := gzip.NewWriter(to)
	archive := tar.NewWriter(compressed)
	if err := add(archive, manifestName, int64(len(text)), func(to io.Writer) error { _, err := to.Write(text); return err }); err != nil {
		return err
	}
	for _, known := range limits() {
		file, ok := made.Files[known.name]
		if !ok {
			continue
		}
		if err := add(archive, known.name, file.Size, func(to io.Writer) error { return stream(to, filepath.Join(folder, known.name)) }); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), compressed.Close())
}

func add(archive *tar.Writer, name string, size int64, content func(io.Writer) error) error {
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, Format: tar.FormatPAX}); err != nil {
		return fmt.Errorf("pack %s: %w", name, err)
	}
	if err := content(archive); err != nil {
		return fmt.Errorf("pack %s: %w", name, err)
	}
	return nil
}

func stream(to io.Writer, name string) error {
	file, err := os.Open(name) //nolint:gosec // a file that this package has just made
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // was only read
	_, err = io.Copy(to, file)
	return err
}

// unpack writes the files of a backup into an empty folder, each for its owner alone. Nothing else that an
// archive may hold is looked at, and nothing is written that the manifest does not vouch for.
func unpack(from io.Reader, folder string) (Manifest, error) {
	expanded, err := gzip.NewReader(from)
	if err != nil {
		return Manifest{}, damaged("it does not begin like one")
	}
	archive := tar.NewReader(expanded)
	header, err := archive.Next()
	if err != nil || header.Name != manifestName || header.Size > maxManifest {
		return Manifest{}, damaged("its list of contents is missing")
	}
	text, err := io.ReadAll(io.LimitReader(archive, maxManifest))
	if err != nil {
		return Manifest{}, damaged("its list of contents cannot be read")
	}
	found, err := parseManifest(text)
	if err != nil {
		return Manifest{}, err
	}
	for _, known := range limits() {
		wanted, ok := found.Files[known.name]
		if !ok {
			continue
		}
		if header, err := archive.Next(); err != nil || header.Name != known.name || header.Size != wanted.Size {
			return Manifest{}, damaged(known.name + " is not where it should be")
		}
		if err := extract(archive, filepath.Join(folder, known.name), wanted); err != nil {
			return Manifest{}, err
		}
	}
	return found, end(archive, expanded)
}

// end reads to the end, where the checksum of the compression is.
func end(archive *tar.Reader, expanded *gzip.Reader) error {
	if _, err := archive.Next(); !errors.Is(err, io.EOF) {
		return damaged("it holds more than it lists")
	}
	if _, err := io.Copy(io.Discard, io.LimitReader(expanded, maxManifest)); err != nil {
		return damaged("it ends too early")
	}
	return nil
}

func extract(from io.Reader, name string, wanted File) error {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // a fixed name in a folder of our own
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	sum := sha256.New()
	_, copied := io.CopyN(io.MultiWriter(file, sum), from, wanted.Size)
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("unpack %s: %w", filepath.Base(name), err)
	}
	switch {
	case errors.Is(copied, io.EOF), errors.Is(copied, io.ErrUnexpectedEOF):
		return damaged(filepath.Base(name) + " ends too early")
	case copied != nil:
		return fmt.Errorf("the file is no backup of a hub, or it is damaged: unpack %s: %w", filepath.Base(name), copied)
	case hex.EncodeToString(sum.Sum(nil)) != wanted.SHA256:
		return damaged("the checksum of " + filepath.Base(name) + " is wrong")
	}
	return nil
}
