// Package trim gives memory back that only the start of a process needed. Our one binary holds hub, agents
// and command line; starting it touches most of its pages and leaves garbage on the heap, and an agent then
// idles for months with a small part of either.
package trim

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/fairlead/fairlead/agent/pace"
)

const (
	after = 5 * time.Second  // by when the start is over
	every = 10 * time.Minute // for what is touched only now and then
)

// Service trims the process a while after its start, and then rarely.
type Service struct{ Log *slog.Logger }

// Run trims until the end of ctx.
func (s Service) Run(ctx context.Context) error {
	for wait := after; ; wait = every {
		if err := pace.Wait(ctx, wait, nil); err != nil {
			return err
		}
		debug.FreeOSMemory()
		if err := dropBinary(); err != nil {
			s.Log.DebugContext(ctx, "cannot give pages of the binary back", slog.String("error", err.Error()))
		}
	}
}
