package cli

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const castHeader = `{"version":2,"width":80,"height":24}` + "\n"

func TestPlayer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		p := &player{out: &out, speed: 2, idle: 3 * time.Second}
		began := time.Now()
		cast := castHeader + `[1, "o", "one "]` + "\n" + `[1.5, "r", "100x30"]` + "\n" + `[3, "i", "password"]` + "\n" + `[5, "o", "two "]` + "\n" + `[100, "m", "cut"]` + "\n" + `[101, "o", "th`
		if err := p.play(t.Context(), strings.NewReader(cast)); err != nil {
			t.Fatal(err)
		}
		if got, took := out.String(), time.Since(began); got != "one two \r\n[cut]\r\n" || took != 500*time.Millisecond+2*time.Second+3*time.Second {
			t.Errorf("%q in %v", got, took)
		}
	})
}

func TestPlayerStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := &player{out: &strings.Builder{}, speed: 1, idle: time.Hour}
	if err := p.play(ctx, strings.NewReader(castHeader+`[1000, "o", "x"]`)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for _, wrong := range []string{"", "text\n", `{"version":3}` + "\n"} {
		if err := p.play(t.Context(), strings.NewReader(wrong)); err == nil {
			t.Errorf("%q was played", wrong)
		}
	}
}

// A recording shows colours, and cannot write into the clipboard of whoever watches it.
func TestPlayerIsHarmless(t *testing.T) {
	cases := map[string]struct{ reason, text, want string }{
		"Colour":    {"for the eye", "\x1b[31mred\x1b[0m\r\n", "\x1b[31mred\x1b[0m\r\n"},
		"Cursor":    {"editors move it", "\x1b[2J\x1b[1;1H\x1b[?25l", "\x1b[2J\x1b[1;1H\x1b[?25l"},
		"Clipboard": {"OSC 52", "a\x1b]52;c;cm0gLXJmIC8K\x07b", "ab"},
		"Title":     {"OSC 0, ended by ST", "a\x1b]0;title\x1b\\b", "ab"},
		"Device":    {"the terminal would answer, as if it were typed", "a\x1b[6n\x1b[c\x1b[21t\x05b", "ab"},
		"Control":   {"DCS, APC, PM and SOS", "a\x1bPq\x1b\\\x1b_x\x1b\\\x1b^x\x1b\\\x1bXx\x1b\\b", "ab"},
		"Text":      {"what is no sequence", "grüße 😀\tx", "grüße 😀\tx"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			whole, apart := &player{}, &player{}
			var bits strings.Builder
			for i := range len(c.text) {
				if c.text[i] < 0x80 || i+1 == len(c.text) { // events hold whole characters
					bits.WriteString(apart.harmless(c.text[bitsEnd(c.text, i) : i+1]))
				}
			}
			if got := whole.harmless(c.text); got != c.want {
				t.Errorf("%s: %q, want %q", c.reason, got, c.want)
			}
			if got := bits.String(); name != "Text" && got != c.want {
				t.Errorf("%s, bit by bit: %q, want %q", c.reason, got, c.want)
			}
		})
	}
}

// bitsEnd returns where the bit that ends at i begins: after the last one-byte character.
func bitsEnd(text string, i int) int {
	for i > 0 && text[i-1] >= 0x80 {
		i--
	}
	return i
}
