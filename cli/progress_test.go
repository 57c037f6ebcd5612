package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestTerminalsAreSteeredAndPaintedOnlyIfTheyMay(t *testing.T) {
	cases := map[string]struct {
		reason      string
		terminal    bool
		env         map[string]string
		live, paint bool
	}{
		"Terminal":     {"a person watches", true, nil, true, true},
		"Pipe":         {"a log wants lines", false, nil, false, false},
		"NoColor":      {"the line may live, without colours", true, map[string]string{"NO_COLOR": "0"}, true, false},
		"NoColorEmpty": {"an empty value counts as none", true, map[string]string{"NO_COLOR": "", "TERM": "xterm"}, true, true},
		"Dumb":         {"it shows control sequences as they are", true, map[string]string{"TERM": "dumb"}, false, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var out, problems bytes.Buffer
			s := session{output: "table", streams: Streams{
				Out: &out, Err: &problems, IsTerminal: func(any) bool { return c.terminal },
				Env: func(name string) string { return c.env[name] },
			}}
			p := s.progress()
			p.Begin("Wait")
			p.Note("for it")
			p.End("", errors.New("broken"))
			if err := s.show([]string{"x"}, nil); err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(problems.String(), "\x1b[2K"); got != c.live {
				t.Errorf("%s: a line that lives %t, want %t: %q", c.reason, got, c.live, problems.String())
			}
			if got := strings.Contains(problems.String(), "\x1b[31m"); got != c.paint {
				t.Errorf("%s: a painted mark %t, want %t: %q", c.reason, got, c.paint, problems.String())
			}
			if got := strings.Contains(out.String(), "\x1b["); got != c.paint {
				t.Errorf("%s: a painted table %t, want %t: %q", c.reason, got, c.paint, out.String())
			}
		})
	}
}
