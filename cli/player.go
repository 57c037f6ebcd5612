package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/fairlead/fairlead"
)

// maxCastLine bounds one event of a recording.
const maxCastLine = 8 << 20

// player writes what a recording in the form asciicast v2 shows, with the pauses that there were.
type player struct {
	out   io.Writer
	speed float64
	idle  time.Duration // the longest pause; 0 for none at all

	at    float64
	begun string
}

func (p *player) play(ctx context.Context, from io.Reader) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxCastLine)
	if !lines.Scan() {
		if err := lines.Err(); err != nil {
			return err // the hub's own words
		}
		return fairlead.Errorf(fairlead.Invalid, "the recording is empty")
	}
	var header struct{ Version int }
	if err := json.Unmarshal(lines.Bytes(), &header); err != nil || header.Version != 2 {
		return fairlead.Errorf(fairlead.Invalid, "the recording is not an asciicast of version 2")
	}
	for lines.Scan() {
		if err := p.show(ctx, lines.Bytes()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the recording: %w", err)
	}
	return nil
}

// show plays one event. A line that was cut off by a crash is the last one, and is left out.
func (p *player) show(ctx context.Context, line []byte) error {
	var event []any
	if json.Unmarshal(line, &event) != nil || len(event) != 3 {
		return nil //nolint:nilerr // what a crash cut off is no error
	}
	at, _ := event[0].(float64)
	text, _ := event[2].(string)
	switch event[1] {
	case "o":
		text = p.harmless(text)
	case "m":
		text = "\r\n[" + ansi.Strip(text) + "]\r\n"
	default:
		return nil
	}
	if err := p.pause(ctx, at); err != nil {
		return err
	}
	_, err := io.WriteString(p.out, text)
	return err
}

func (p *player) pause(ctx context.Context, at float64) error {
	wait := min(time.Duration((at-p.at)/p.speed*float64(time.Second)), p.idle)
	p.at = at
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// harmless leaves out what is for the terminal and not for the eye, such as its title and clipboard: the recording is
// somebody else's, and the terminal is not. A sequence that comes apart waits for its rest.
func (p *player) harmless(text string) string {
	text, p.begun = p.begun+text, ""
	var kept strings.Builder
	for len(text) > 0 {
		sequence, _, n, state := ansi.DecodeSequence(text, ansi.NormalState, nil)
		if state != ansi.NormalState && n == len(text) && n < maxSequence {
			p.begun = text
			break
		}
		if !steers(sequence) {
			kept.WriteString(sequence)
		}
		text = text[max(1, n):]
	}
	return kept.String()
}

const maxSequence = 64 << 10

// steers reports whether a sequence is one of those that carry text for the terminal itself, or asks it for an answer.
func steers(sequence string) bool {
	return ansi.HasOscPrefix(sequence) || ansi.HasDcsPrefix(sequence) || ansi.HasApcPrefix(sequence) || ansi.HasPmPrefix(sequence) ||
		ansi.HasSosPrefix(sequence) || sequence == "\x05" || sequence == "\x1b\\" || ansi.HasCsiPrefix(sequence) && strings.ContainsAny(sequence[len(sequence)-1:], "cntx")
}
