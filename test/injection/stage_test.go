// Package injection_test brings the failures of the guides about on a real node, one by one, and lets doctor find them: the right
// id has to be the root cause and nothing else may be; then it heals the cluster, and doctor has to be content.
package injection_test

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/cluster/clustertest"

	"github.com/fairlead/fairlead/test/injection/stage"
)

const (
	chart     = "fixture/arc"
	agents    = "azure-arc"
	patience  = 60 * time.Second // until a failure shows, or is gone
	lookEvery = 200 * time.Millisecond
)

// bench is a stage in a test.
type bench struct {
	*stage.Stage

	t *testing.T
}

// injection is one failure: how it is brought about, what doctor has to call it, how it is taken away.
type injection struct {
	reason string
	id     string // the one root cause; empty when it is no problem at all
	inject func(*bench)
	heal   func(*bench)
	args   []string // of doctor
	also   []string // ids that may be roots beside it, with the reason in the comment of the case
}

// binary is the fairlead under test.
func binary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("FAIRLEAD_BINARY")
	if path == "" {
		t.Fatal("FAIRLEAD_BINARY is not set: run these tests with `make test-injection`")
	}
	return path
}

func start(t *testing.T) *bench {
	t.Helper()
	cluster := clustertest.Start(t, clustertest.FullNode())
	b := &bench{Stage: &stage.Stage{Cluster: cluster.Cluster, Binary: binary(t), Dir: t.TempDir()}, t: t}
	b.must(b.LoadFake(t.Context(), "fake"))
	b.must(b.InstallArc(t.Context(), chart, nil))
	b.healthy()
	return b
}

// on is the bench for a subtest.
func (b *bench) on(t *testing.T) *bench {
	copied := *b
	copied.t = t
	return &copied
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// kubectl has to succeed.
func (b *bench) kubectl(args ...string) string {
	b.t.Helper()
	out, err := b.Cluster.Kubectl(b.t.Context(), args...)
	if err != nil {
		b.t.Fatalf("kubectl %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(out)
}

func (b *bench) apply(manifest string) {
	b.t.Helper()
	b.must(b.Apply(b.t.Context(), manifest))
}

// upgrade gives the agents' release other values; nil puts it back.
func (b *bench) upgrade(values map[string]any) {
	b.t.Helper()
	b.must(b.Install(b.t.Context(), stage.Namespace, stage.Release, chart, values))
}

// eventually looks until holds returns "".
func (b *bench) eventually(within time.Duration, holds func() string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), within)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		complaint := holds()
		if complaint == "" {
			return
		}
		select {
		case <-ctx.Done():
			b.t.Fatalf("not within %s: %s", within, complaint)
		case <-tick.C:
		}
	}
}

// doctor runs doctor; {dir} in its arguments is the stage's folder.
func (b *bench) doctor(args ...string) stage.Report {
	b.t.Helper()
	placed := make([]string, 0, len(args))
	for _, arg := range args {
		placed = append(placed, strings.ReplaceAll(arg, "{dir}", b.Dir))
	}
	report, err := b.Doctor(b.t.Context(), placed...)
	b.must(err)
	return report
}

// healthy waits until doctor finds nothing.
func (b *bench) healthy(args ...string) {
	b.t.Helper()
	b.eventually(patience, func() string {
		if report := b.doctor(args...); len(report.Roots()) > 0 {
			return "doctor is not content:\n" + report.Problems()
		}
		return ""
	})
}

// found waits until doctor calls exactly the expected the root cause.
func (b *bench) found(want injection) stage.Report {
	b.t.Helper()
	var last stage.Report
	b.eventually(patience, func() string {
		last = b.doctor(want.args...)
		roots := slices.DeleteFunc(last.Roots(), func(id string) bool { return slices.Contains(want.also, id) })
		if strings.Join(roots, " ") != want.id {
			return "want root cause " + want.id + ", doctor says:\n" + last.Problems()
		}
		return ""
	})
	return last
}

// run brings about each failure in turn.
func (b *bench) run(cases map[string]injection) {
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		b.t.Run(name, func(t *testing.T) { b.on(t).runOne(cases[name]) })
		if slices.Contains(mended(), name) {
			b.t.Run(name+"Mended", func(t *testing.T) { b.on(t).mend(cases[name]) })
		}
	}
}

func (b *bench) runOne(c injection) {
	began := time.Now()
	defer b.rescue()
	defer b.record(c.id)
	healed := false
	heal := func() {
		if !healed && c.heal != nil {
			healed = true
			c.heal(b)
		}
	}
	defer heal()
	c.inject(b)
	report := b.found(c)
	seen := time.Since(began)
	b.accepted(report)
	heal()
	b.healthy(c.args...)
	b.t.Logf("seen after %s, over after %s", seen.Round(100*time.Millisecond), time.Since(began).Round(100*time.Millisecond))
}

// rescue puts the agents back after a case that failed, for the sake of those that follow.
func (b *bench) rescue() {
	if b.t.Failed() {
		b.kubectl("delete", "deployments", "--all", "-n", agents, "--ignore-not-found")
		restoreSecrets(b)
		b.settled()
	}
}

// accepted sends the commands of remedies to the API server as a dry run: none may be one that it refuses.
func (b *bench) accepted(report stage.Report) {
	b.t.Helper()
	for _, f := range report.Findings {
		for _, remedy := range f.Remedies {
			for _, command := range remedy.Commands {
				b.dryRun(f.ID, command)
			}
		}
	}
}

// quote writes a text as JSON.
func quote(text string) string {
	encoded, err := json.Marshal(text)
	if err != nil {
		return `""` // texts always encode
	}
	return string(encoded)
}
