// Package payload holds the probe's program for every architecture that a build of Fairlead was given: make probe builds and
// packs them. A build without them works, and says what is missing when a probe is to be run.
package payload

import (
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

//go:embed all:bin
var bin embed.FS

// maxProgram bounds what is unpacked: far more than a probe, far less than memory.
const maxProgram = 64 << 20

// ErrMissing is the error of a build that has no program for an architecture.
var ErrMissing = errors.New("this build of fairlead holds no probe for it")

// Program gives the probe's program for an architecture as Go names it, ready to run.
func Program(arch string) ([]byte, error) { return program(bin, arch) }

func program(files fs.FS, arch string) ([]byte, error) {
	name := "bin/fairlead-probe-linux-" + arch + ".gz"
	packed, err := fs.ReadFile(files, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("linux/%s: %w; probes are there for linux/amd64 and linux/arm64 when it was built with make build", arch, ErrMissing)
	}
	if err != nil {
		return nil, fmt.Errorf("read the probe for linux/%s: %w", arch, err)
	}
	unpacked, err := unpack(packed)
	if err != nil {
		return nil, fmt.Errorf("unpack the probe for linux/%s: %w", arch, err)
	}
	return unpacked, nil
}

func unpack(packed []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	unpacked, err := io.ReadAll(io.LimitReader(reader, maxProgram))
	if err != nil {
		return nil, err
	}
	return unpacked, reader.Close()
}
