package cli

import (
	"golang.org/x/term"
)

// quietProgress shows what doctor is doing on a terminal, and leaves no trace of it: the report is what counts.
type quietProgress struct {
	*progress

	begun bool
}

func (v *visit) quietProgress() *quietProgress { return &quietProgress{progress: v.progress()} }

func (q *quietProgress) note(text string) {
	if !q.live {
		return
	}
	if !q.begun {
		q.begun = true
		q.Begin(text)
		return
	}
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.step = text
}

// stopped takes the line away.
func (q *quietProgress) stopped() {
	if !q.begun {
		return
	}
	close(q.stop)
	q.progress.stopped.Wait()
	q.begun = false
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.write(q.clear())
}

// outWidth is the width of the output's terminal, 80 columns elsewhere and where lines would get too long to read.
func (s *session) outWidth() int {
	if file, ok := s.streams.Out.(interface{ Fd() uintptr }); ok {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
			return min(width, maxTextWidth)
		}
	}
	return 80
}

const maxTextWidth = 110
