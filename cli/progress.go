package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"
)

const (
	spinEvery = 100 * time.Millisecond
	noteEvery = 15 * time.Second
)

// progress shows steps on the error stream: on a terminal one line that lives, elsewhere a line when a
// step begins, now and then, and when it ends.
type progress struct {
	out   io.Writer
	live  bool
	paint bool
	width func() int
	now   func() time.Time

	mutex   sync.Mutex
	step    string
	note    string
	began   time.Time
	noted   time.Time
	turns   int
	stop    chan struct{}
	stopped sync.WaitGroup
}

func (s *session) progress() *progress {
	live := s.streams.steerable(s.streams.Err) && !s.debug
	return &progress{out: s.streams.Err, live: live, paint: live && s.streams.colourful(s.streams.Err), width: s.width, now: time.Now}
}

func (s *session) width() int {
	if file, ok := s.streams.Err.(interface{ Fd() uintptr }); ok {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return 80
}

// Begin implements connect.Reporter.
func (p *progress) Begin(step string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.step, p.note, p.began, p.noted = step, "", p.now(), p.now()
	if !p.live {
		return // short steps need no line to begin with
	}
	p.stop = make(chan struct{})
	p.stopped.Go(func() { p.spin(p.stop) })
}

// Note implements connect.Reporter.
func (p *progress) Note(text string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.note = text
	if !p.live && p.now().Sub(p.noted) >= noteEvery {
		p.noted = p.now()
		p.write(fmt.Sprintf("  %s … %s (%s)\n", p.step, text, p.passed()))
	}
}

// Say writes a line of its own, above the one that lives.
func (p *progress) Say(text string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.write(p.clear() + strings.Map(printable, text) + "\n")
}

// End implements connect.Reporter.
func (p *progress) End(result string, err error) {
	if p.live {
		close(p.stop)
		p.stopped.Wait()
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	mark := "✓"
	if err != nil {
		mark, result = "✗", ""
	}
	if result != "" {
		result = ": " + result
	}
	p.write(p.clear() + p.painted(mark) + " " + p.step + result + " (" + p.passed() + ")\n")
}

func (p *progress) spin(stop chan struct{}) {
	ticker := time.NewTicker(spinEvery)
	defer ticker.Stop()
	for {
		p.draw()
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
	}
}

func (p *progress) draw() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	frames := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	p.turns++
	text := fmt.Sprintf("%c %s (%s)", frames[p.turns%len(frames)], p.step, p.passed())
	if p.note != "" {
		text += " … " + strings.Map(printable, p.note)
	}
	p.write(p.clear() + ansi.Truncate(text, max(p.width()-1, 20), "…"))
}

func (p *progress) passed() string {
	passed := p.now().Sub(p.began)
	if passed < 10*time.Second {
		return fmt.Sprintf("%.1fs", passed.Seconds())
	}
	return passed.Round(time.Second).String()
}

func (p *progress) clear() string {
	if !p.live {
		return ""
	}
	return "\r\x1b[2K"
}

func (p *progress) painted(mark string) string {
	if !p.paint {
		return mark
	}
	return map[string]string{"✓": "\x1b[32m✓\x1b[0m", "✗": "\x1b[31m✗\x1b[0m"}[mark]
}

func (p *progress) write(text string) {
	_, _ = io.WriteString(p.out, text) // nobody is left to tell if this fails
}
