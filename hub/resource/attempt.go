package resource

import (
	"context"
	"math/rand/v2"
	"time"
)

// attempts bounds how often a write starts over because another came between.
const attempts = 25

// pause lets others finish before the next attempt, for a time that grows and that nobody shares: writers that all start over at
// once overtake each other again and again, and one of them can lose every time.
func pause(ctx context.Context, attempt int) {
	timer := time.NewTimer(rand.N(time.Duration(attempt+1) * time.Millisecond)) //nolint:gosec // nothing is kept secret by it
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
