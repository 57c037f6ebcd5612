package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Streams are where a command reads and writes. Results go to Out, everything said about them (progress,
// warnings, errors, questions) to Err, so that output can be piped while a person watches.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer

	// IsTerminal reports whether one of the three streams is a terminal; nil means that none is.
	IsTerminal func(stream any) bool

	// Env looks up an environment variable; nil means that none is set.
	Env func(name string) string
}

// OSStreams returns the streams of this process.
func OSStreams() Streams {
	return Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, IsTerminal: isTerminal, Env: os.Getenv}
}

func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

func (s Streams) terminal(stream any) bool { return s.IsTerminal != nil && s.IsTerminal(stream) }

// steerable reports whether a stream is a terminal that understands more than lines of text.
func (s Streams) steerable(stream any) bool { return s.terminal(stream) && s.env("TERM") != "dumb" }

// colourful reports whether what is written to a stream may be painted: see https://no-color.org.
func (s Streams) colourful(stream any) bool { return s.steerable(stream) && s.env("NO_COLOR") == "" }

func (s Streams) env(name string) string {
	if s.Env == nil {
		return ""
	}
	return s.Env(name)
}
