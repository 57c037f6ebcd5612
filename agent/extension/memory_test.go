package extension_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extensionconfig"
)

const (
	releases = 30
	// What a manager may hold with so many releases, and what it may need while it installs them, in MiB.
	atRest, atWork = 120, 320
)

// Thirty releases with two dozen objects each, installed by a process with the settings of the chart.
func TestThirtyReleasesNeedLittleMemory(t *testing.T) {
	s := newStage(t)
	s.publish("web", "1.0.0", many())
	t.Setenv("GOGC", "40")
	t.Setenv("GOMEMLIMIT", "320MiB")
	p := s.process(t.TempDir())
	defer p.kill(t)
	s.eventually("it works", 20*time.Second, func() bool { return strings.Contains(p.log.String(), "this process installs") })
	empty, _ := memory(t, p)
	started := time.Now()
	for i := range releases {
		spec := s.spec("web", 1)
		spec.ReleaseName = fmt.Sprintf("web-%d", i)
		s.want(spec.ReleaseName, spec)
	}
	s.eventually("all are installed", 3*time.Minute, func() bool {
		return s.succeeded() == releases
	})
	took := time.Since(started)
	<-time.After(5 * time.Second)
	rest, most := memory(t, p)
	t.Logf("%d MiB without a release; %d releases in %s; then %d MiB, %d at most", empty, releases, took.Round(time.Millisecond), rest, most)
	if rest > atRest || most > atWork {
		t.Errorf("%d MiB at rest, %d at work; want at most %d and %d", rest, most, atRest, atWork)
	}
}

// succeeded counts the extensions that are installed.
func (s *stage) succeeded() int {
	s.t.Helper()
	n := 0
	for i := range releases {
		if state, there := s.state(fmt.Sprintf("web-%d", i)); there && extensionconfig.Final(state) && state.ProvisioningState == fairlead.ExtensionSucceeded {
			n++
		}
	}
	return n
}

// memory returns what a process holds and has held at most, in MiB.
func memory(t *testing.T, p *process) (now, most int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		t.Skip("this system does not tell what a process holds")
	}
	value := func(name string) int {
		lines := strings.Split(string(text), "\n")
		at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, name) })
		kilobytes, err := strconv.Atoi(strings.Fields(lines[at])[1])
		if err != nil {
			t.Fatal(err)
		}
		return kilobytes >> 10
	}
	return value("VmRSS:"), value("VmHWM:")
}
