package injection_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/injection/stage"
)

// runBundles compares what a bundle tells with what the cluster told at the same time.
func (b *bench) runBundles() {
	healthy, broken := filepath.Join(b.Dir, "healthy.tar.gz"), filepath.Join(b.Dir, "broken.tar.gz")
	b.t.Run("Healthy", func(t *testing.T) { b.on(t).sameFromBundle(healthy) })
	b.t.Run("Broken", func(t *testing.T) {
		on := b.on(t)
		defer func() { scale("config-agent", "1")(on); restoreSecrets(on); on.healthy() }()
		scale("config-agent", "0")(on)
		expireIdentity(on)
		on.found(injection{id: "ARC-04 ARC-10"})
		on.sameFromBundle(broken)
	})
	b.t.Run("Difference", func(t *testing.T) {
		on := b.on(t)
		out := on.fairlead(1, "doctor", "diff", healthy, broken)
		for _, id := range []string{"ARC-04", "ARC-10"} {
			if !strings.Contains(out, id) {
				t.Errorf("%s is not in the difference:\n%s", id, out)
			}
		}
		on.fairlead(0, "doctor", "diff", broken, broken)
		if strings.Contains(out, "ARC-05") {
			t.Errorf("ARC-05 did not change:\n%s", out)
		}
	})
}

// fairlead runs a command that has to end with a code, and returns what it prints.
func (b *bench) fairlead(code int, args ...string) string {
	b.t.Helper()
	out, problems, got, err := b.Run(b.t.Context(), "", args...)
	b.must(err)
	if got != code {
		b.t.Errorf("fairlead %s: exit code %d, want %d\n%.2000s%.2000s", strings.Join(args, " "), got, code, out, problems)
	}
	return out
}

func (b *bench) sameFromBundle(file string) {
	b.t.Helper()
	b.eventually(patience, func() string { // the cluster may change between the two looks
		live := b.doctor("--show", "all")
		b.fairlead(0, "doctor", "collect", "-f", file)
		return differences(live, b.doctor("--show", "all", "--bundle", file))
	})
}

func differences(live, kept stage.Report) string {
	lines := func(r stage.Report) []string {
		var all []string
		for _, f := range r.Findings {
			all = append(all, fmt.Sprintf("%s %s causedBy=%q %s", f.ID, f.Status, f.CausedBy, f.Reason))
		}
		return all
	}
	a, b := lines(live), lines(kept)
	var text strings.Builder
	for _, line := range a {
		if !slices.Contains(b, line) {
			fmt.Fprintf(&text, "only of the cluster: %s\n", line)
		}
	}
	for _, line := range b {
		if !slices.Contains(a, line) {
			fmt.Fprintf(&text, "only of the bundle:  %s\n", line)
		}
	}
	if live.Code != kept.Code {
		fmt.Fprintf(&text, "exit code %d of the cluster, %d of the bundle\n", live.Code, kept.Code)
	}
	return text.String()
}

// runCodes wants the exit codes that scripts rely on; 2 is among the callers.
func (b *bench) runCodes() {
	for name, c := range map[string]struct {
		reason string
		code   int
		args   []string
	}{
		"Healthy":  {"nothing is wrong", 0, []string{"doctor"}},
		"Area":     {"there is no such area", 3, []string{"doctor", "NOPE"}},
		"Flag":     {"there is no such flag", 3, []string{"doctor", "--nope"}},
		"Word":     {"a flag has a word that means nothing", 3, []string{"doctor", "--show", "some"}},
		"NoBundle": {"there is no such file", 4, []string{"doctor", "--bundle", filepath.Join(b.Dir, "nowhere.tar.gz")}},
		"Already":  {"it need not wait", 0, []string{"doctor", "--until", "healthy"}},
	} {
		b.t.Run(name, func(t *testing.T) { b.on(t).fairlead(c.code, c.args...) })
	}
	b.t.Run("Broken", func(t *testing.T) {
		on := b.on(t)
		defer scale("config-agent", "1")(on)
		scale("config-agent", "0")(on)
		on.found(injection{id: "ARC-04"})
		on.fairlead(1, "doctor")
		on.fairlead(1, "doctor", "--until", "healthy", "--timeout", "2s", "--interval", "1s")
		on.untilHealthy(scale("config-agent", "1"))
	})
}

// untilHealthy lets doctor wait while the cluster heals.
func (b *bench) untilHealthy(heal func(*bench)) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	type end struct {
		code int
		text string
		err  error
	}
	ended := make(chan end, 1)
	began := time.Now()
	go func() {
		out, problems, code, err := b.Run(ctx, "", "doctor", "--until", "healthy", "--interval", "1s")
		ended <- end{code, out + problems, err}
	}()
	heal(b)
	last := <-ended
	if last.err != nil || last.code != 0 {
		b.t.Errorf("exit code %d after %s (%v), want 0:\n%.3000s", last.code, time.Since(began), last.err, last.text)
	}
}
