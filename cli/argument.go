package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// maxArgument is how long a document on the command line may be, in bytes.
const maxArgument = 128 << 10

// readArgument returns the document that a flag holds: by itself, as @FILE, or as @- for the input.
func (s *session) readArgument(flag, argument string) ([]byte, error) {
	file, named := strings.CutPrefix(argument, "@")
	if !named {
		return []byte(argument), nil
	}
	content, err := s.readBounded(file)
	if err != nil {
		return nil, usagef("%s: %v", flag, err)
	}
	return content, nil
}

// readBounded reads a file that the person names, or the input for "-".
func (s *session) readBounded(name string) ([]byte, error) {
	in := s.streams.In
	if name != "-" {
		file, err := os.Open(name) //nolint:gosec // the person names the file
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }() // only read
		in = file
	}
	content, err := io.ReadAll(io.LimitReader(in, maxArgument+1))
	if err == nil && len(content) > maxArgument {
		err = fmt.Errorf("it is longer than %d KiB", maxArgument>>10)
	}
	return content, err
}
