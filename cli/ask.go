package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/fairlead/fairlead/client"
)

const maxAnswer = 64 << 10

func (s *session) warn(format string, args ...any) {
	_, _ = fmt.Fprintf(s.streams.Err, "Warning: "+format+"\n", args...) // nobody is left to tell if this fails
}

// confirm asks a person before something is destroyed; without a person it refuses.
func (s *session) confirm(ctx context.Context, question string) error {
	if !s.interactive() {
		return usagef("%s Nobody is there to be asked: add --yes if you are sure", question)
	}
	_, _ = fmt.Fprintf(s.streams.Err, "%s [y/N] ", question) // the answer tells whether it was seen
	answer, err := s.line(ctx)
	if err != nil {
		_, _ = io.WriteString(s.streams.Err, "\n") // the question's own line has no end yet
		return err
	}
	if answer = strings.ToLower(answer); answer != "y" && answer != "yes" {
		return errors.New("nothing was changed")
	}
	return nil
}

// line reads one line from the input; Ctrl-C ends the wait for it.
func (s *session) line(ctx context.Context) (string, error) {
	return interruptible(ctx, func() (string, error) {
		text, err := bufio.NewReader(io.LimitReader(s.streams.In, maxAnswer)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the answer: %w", err)
		}
		return strings.TrimRight(text, "\r\n"), nil
	})
}

// password asks for a secret without showing it.
func (s *session) password(ctx context.Context, prompt string) (client.Secret, error) {
	file, ok := s.streams.In.(*os.File)
	if !ok || !s.interactive() {
		return "", usagef("the secret is missing: give --password, --password - to read it from the input, or FAIRLEAD_CLIENT_SECRET")
	}
	descriptor := int(file.Fd())
	state, err := term.GetState(descriptor)
	if err != nil {
		return "", fmt.Errorf("prepare the terminal: %w", err)
	}
	_, _ = io.WriteString(s.streams.Err, prompt) // the answer tells whether it was seen
	defer func() {
		_ = term.Restore(descriptor, state)        // after Ctrl-C the terminal would stay silent
		_, _ = io.WriteString(s.streams.Err, "\n") // the person's own line end was not shown
	}()
	text, err := interruptible(ctx, func() (string, error) {
		content, err := term.ReadPassword(descriptor)
		return string(content), err
	})
	return client.Secret(text), err
}

// interruptible gives up waiting for the person when ctx ends. Reading a terminal cannot be
// stopped, so the reader is left behind then; the process ends right after.
func interruptible(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		text, err := read()
		answered <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", fmt.Errorf("stopped waiting for an answer: %w", context.Cause(ctx))
	case got := <-answered:
		return got.text, got.err
	}
}
