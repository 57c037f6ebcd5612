package tunnel

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// A stream whose reader takes nothing holds up to streamWindow at the other end. People do that: `kubectl logs -f` that is
// paused, or piped into a pager, may stay so for hours and goes on where it was. So nobody is cut off for being slow alone,
// but for being one of too many: beyond these numbers, those that wait longest are ended.
const (
	stalledLong, maxStalledLong   = time.Minute, 32
	stalledShort, maxStalledShort = 5 * time.Second, 256
	stallsEvery                   = 5 * time.Second
)

// stalls are the streams of one tunnel.
type stalls struct {
	mu      sync.Mutex
	writers map[*stallWriter]struct{}
	timer   *time.Timer // runs while there are streams enough
	stopped bool
}

// stallWriter notes since when a Write waits.
type stallWriter struct {
	http.ResponseWriter

	mu    sync.Mutex
	since time.Time // zero while nothing waits
}

// Unwrap is for http.ResponseController.
func (w *stallWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush implements http.Flusher.
func (w *stallWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() } // the next Write returns the error

// Write writes p.
func (w *stallWriter) Write(p []byte) (int, error) {
	w.note(time.Now())
	defer w.note(time.Time{})
	return w.ResponseWriter.Write(p)
}

func (w *stallWriter) note(since time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since = since
}

func (w *stallWriter) waits() (since time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.since
}

func (s *stalls) enter(w http.ResponseWriter) *stallWriter {
	writer := &stallWriter{ResponseWriter: w}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writers == nil {
		s.writers = map[*stallWriter]struct{}{}
	}
	s.writers[writer] = struct{}{}
	s.schedule()
	return writer
}

func (s *stalls) leave(writer *stallWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.writers, writer)
}

// schedule has the streams looked at while there are more than may stall. Its caller holds the lock.
func (s *stalls) schedule() {
	if s.timer == nil && !s.stopped && len(s.writers) > maxStalledLong {
		s.timer = time.AfterFunc(stallsEvery, s.look)
	}
}

func (s *stalls) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer = nil; s.stopped {
		return
	}
	now := time.Now()
	for _, writer := range tooMany(s.waiting(now.Add(-stalledLong)), maxStalledLong) {
		writer.cut(now)
	}
	for _, writer := range tooMany(s.waiting(now.Add(-stalledShort)), maxStalledShort) {
		writer.cut(now)
	}
	s.schedule()
}

// waiting returns those that have waited since before a moment, longest first.
func (s *stalls) waiting(before time.Time) []*stallWriter {
	type wait struct {
		since time.Time
		by    *stallWriter
	}
	var all []wait
	for writer := range s.writers {
		if since := writer.waits(); !since.IsZero() && since.Before(before) {
			all = append(all, wait{since, writer})
		}
	}
	slices.SortFunc(all, func(a, b wait) int { return a.since.Compare(b.since) })
	writers := make([]*stallWriter, len(all))
	for i, w := range all {
		writers[i] = w.by
	}
	return writers
}

func tooMany(longest []*stallWriter, allowed int) []*stallWriter {
	return longest[:max(0, len(longest)-allowed)]
}

// cut ends the stream.
func (w *stallWriter) cut(now time.Time) {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(now) // a stream that has ended meanwhile needs none
}

func (s *stalls) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	if s.timer != nil {
		s.timer.Stop()
	}
}
