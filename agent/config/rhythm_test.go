package config

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
)

func TestOnlyALineIsTriedOften(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		most time.Duration
	}{
		"line":         {errors.New("connection refused"), lineRetry},
		"proxy":        {fairlead.Errorf(fairlead.Unavailable, "bad gateway"), lineRetry},
		"unknown":      {fairlead.Errorf(fairlead.NotFound, "no such cluster"), slowRetry},
		"unproved":     {fairlead.Errorf(fairlead.Unauthenticated, "whose is this"), slowRetry},
		"too many":     {fairlead.Errorf(fairlead.TooManyRequests, "later"), slowRetry},
		"nothing new":  {nil, slowRetry},
		"not applied":  {fmt.Errorf("%w: %w", errNotApplied, errors.New("denied")), slowRetry},
		"both of them": {errors.Join(fmt.Errorf("%w: %w", errNotApplied, errors.New("denied")), errors.New("connection refused")), slowRetry},
	} {
		t.Run(name, func(t *testing.T) {
			var rhythm Rhythm
			if first := rhythm.After(c.err); first < firstRetry/2 || first > firstRetry {
				t.Errorf("the first is after %s", first)
			}
			for range 10 {
				_ = rhythm.After(c.err) // it grows
			}
			if last := rhythm.After(c.err); last < c.most/2 || last > c.most {
				t.Errorf("at last after %s, want %s at most and half of that at least", last, c.most)
			}
			rhythm.Reset()
			if again := rhythm.After(c.err); again > firstRetry {
				t.Errorf("after a success, the next failure is followed by %s", again)
			}
		})
	}
}

// How long refusals are answered with does not carry over to a line that breaks after them.
func TestARefusalDoesNotSlowTheLine(t *testing.T) {
	var rhythm Rhythm
	for range 10 {
		_ = rhythm.After(fairlead.Errorf(fairlead.NotFound, "no such cluster"))
	}
	if got := rhythm.After(errors.New("connection refused")); got > lineRetry {
		t.Errorf("%s, want %s at most", got, lineRetry)
	}
}
