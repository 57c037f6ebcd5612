// Package stage is what injection tests of doctor stand on: a real node on which everything that the guides speak of is there
// and healthy, played by fakes where it is Microsoft's, and ways to break and mend it. It prints nothing.
package stage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead/test/cluster/engine"
	"github.com/fairlead/fairlead/test/cluster/image"
)

// Image is the reference of the fake image on the node.
const Image = "fairlead.test/fake:1"

// Stage is a cluster with fixtures, and the binary under test.
type Stage struct {
	Cluster *engine.Cluster
	// Binary is fairlead.
	Binary string
	// Dir is for files that live as long as the stage.
	Dir string
	// Driver is where Helm keeps releases: secret when empty, or configmap.
	Driver string
}

// Finding is what doctor's JSON says of one finding; fields that tests do not read are left out.
type Finding struct {
	ID       string   `json:"id"`
	Status   string   `json:"status"`
	CausedBy string   `json:"causedBy"`
	Reason   string   `json:"reason"`
	Objects  []Object `json:"objects"`
	Remedies []Remedy `json:"remedies"`
}

// Object is an object of a finding.
type Object struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// Remedy is a remedy of a finding.
type Remedy struct {
	Text     string   `json:"text"`
	Commands []string `json:"commands"`
	Risk     string   `json:"risk"`
	Fixable  bool     `json:"fixable"`
}

// Report is doctor's JSON.
type Report struct {
	SchemaVersion int       `json:"schemaVersion"`
	Findings      []Finding `json:"findings"`
	// Code is the exit code.
	Code int `json:"-"`
}

// LoadFake builds the fake image and puts it on the node.
func (s *Stage) LoadFake(ctx context.Context, source string) error {
	program := filepath.Join(s.Dir, "fake")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, ".") //nolint:gosec // a folder of the tests
	build.Dir, build.Env = source, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the fake: %w\n%s", err, out)
	}
	packed := filepath.Join(s.Dir, "fake.tar")
	if err := (image.Scratch{Reference: Image, Files: map[string]string{"/fake": program}, Entrypoint: []string{"/fake"}}).WriteFile(packed); err != nil {
		return err
	}
	return s.Cluster.LoadImage(ctx, packed)
}

// Run runs fairlead with the cluster's kubeconfig and returns what it printed and its exit code.
func (s *Stage) Run(ctx context.Context, input string, args ...string) (out, problems string, code int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, s.Binary, args...) //nolint:gosec // the program under test
	command.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LANG") || strings.HasPrefix(v, "LC_") }),
		"KUBECONFIG="+s.Cluster.Kubeconfig, "FAIRLEAD_CONFIG_DIR="+filepath.Join(s.Dir, "config"))
	command.Dir = s.Dir // where copies of what --fix changes are left
	command.Stdin = strings.NewReader(input)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	var ended *exec.ExitError
	if err := command.Run(); err != nil && !errors.As(err, &ended) {
		return "", "", 0, fmt.Errorf("run fairlead %v: %w", args, err)
	}
	return stdout.String(), stderr.String(), command.ProcessState.ExitCode(), nil
}

// Doctor runs doctor and returns its report.
func (s *Stage) Doctor(ctx context.Context, args ...string) (Report, error) {
	out, problems, code, err := s.Run(ctx, "", append([]string{"doctor", "-o", "json"}, args...)...)
	if err != nil {
		return Report{}, err
	}
	var report Report
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		return Report{}, fmt.Errorf("doctor printed no JSON (exit code %d): %w\n%.2000s\n%.2000s", code, err, out, problems)
	}
	report.Code = code
	return report, nil
}

// Roots returns the ids of the root causes, each once, sorted.
func (r Report) Roots() []string {
	ids := []string{}
	for _, f := range r.Findings {
		if (f.Status == "fail" || f.Status == "warn") && f.CausedBy == "" && !slices.Contains(ids, f.ID) {
			ids = append(ids, f.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// Of returns the findings of an id.
func (r Report) Of(id string) []Finding {
	var found []Finding
	for _, f := range r.Findings {
		if f.ID == id {
			found = append(found, f)
		}
	}
	return found
}

// Problems describes everything that is wrong or unknown, for messages of tests.
func (r Report) Problems() string {
	var text strings.Builder
	for _, f := range r.Findings {
		if f.Status != "pass" && f.Status != "skipped" {
			fmt.Fprintf(&text, "%s %s causedBy=%q %s %v\n", f.ID, f.Status, f.CausedBy, f.Reason, f.Objects)
		}
	}
	return text.String()
}
