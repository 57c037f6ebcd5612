package extension_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension"
	"github.com/fairlead/fairlead/agent/extension/charts"
	"github.com/fairlead/fairlead/agent/kube"
)

// In the environment: that a run of this test binary is to be an extension-manager, of which namespace; and how often it is killed.
const (
	childVariable = "FAIRLEAD_TEST_MANAGER"
	cacheVariable = "FAIRLEAD_TEST_CHARTS"
	killsVariable = "FAIRLEAD_TEST_KILLS"
)

// TestManagerProcess is no test: it is the process that TestKilledProcessesLeaveNothingBehind kills.
func TestManagerProcess(t *testing.T) {
	namespace := os.Getenv(childVariable)
	if namespace == "" {
		t.Skip("only another test starts it")
	}
	api, err := clientcmd.BuildConfigFromFlags("", os.Getenv(kubeconfigVariable))
	if err != nil {
		t.Fatal(err)
	}
	client, err := kube.New(api)
	if err != nil {
		t.Fatal(err)
	}
	self, err := extension.ProcessName()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	m := extension.Manager{
		Kube: client, API: api, Namespace: namespace, Process: self, Now: time.Now, Log: log, Ready: func(error) {},
		Charts: &charts.Fetcher{Folder: os.Getenv(cacheVariable), Outward: func([]byte) *http.Transport { return &http.Transport{} }, Log: log},
	}
	t.Log(m.Run(t.Context()))
}

// process is an extension-manager in a process of its own.
type process struct {
	command *exec.Cmd
	log     output
}

// output is what a process writes while a test reads it.
type output struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.Write(text)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String()
}

func (s *stage) process(cache string) *process {
	s.t.Helper()
	p := &process{command: exec.CommandContext(context.Background(), os.Args[0], "-test.run", "^TestManagerProcess$", "-test.timeout", "0")}
	p.command.Env = append(os.Environ(), childVariable+"="+s.namespace, cacheVariable+"="+cache)
	p.command.Stderr, p.command.Stdout = &p.log, &p.log
	if err := p.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	_ = p.command.Wait() // it was killed
}

// many are templates of so many objects that there is time to be killed in between.
func many() map[string]string {
	files := map[string]string{"note.yaml": note}
	for i := range 20 {
		files[fmt.Sprintf("part-%d.yaml", i)] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-part-%d}\ndata: {version: {{ .Chart.Version | quote }}}\n", i)
	}
	// Kinds are applied one after the other.
	files["account.yaml"] = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: {{ .Release.Name }}-account}\n"
	files["service.yaml"] = "apiVersion: v1\nkind: Service\nmetadata: {name: {{ .Release.Name }}-service}\nspec: {ports: [{port: 80}], selector: {app: none}}\n"
	files["role.yaml"] = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: {{ .Release.Name }}-role}\nrules: []\n"
	return files
}

// A manager that is killed at any moment of an operation leaves it to the next one to bring that to its right end: every release
// is whole or gone, its record has one revision that runs, and nobody holds a lock.
func TestKilledProcessesLeaveNothingBehind(t *testing.T) {
	kills, err := strconv.Atoi(os.Getenv(killsVariable))
	if err != nil {
		kills = 12
	}
	s := newStage(t)
	first, second := many(), many()
	delete(second, "part-0.yaml")
	second["new.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-new}\n"
	s.publish("web", "1.0.0", first)
	s.publish("web", "1.1.0", second)
	cache := t.TempDir()

	measured := map[string]time.Duration{}
	p := s.process(cache)
	spec := s.spec("web", 0)
	stories := []struct {
		name    string
		begin   func()
		checked func()
	}{
		{"install", func() { spec.Version = "1.0.0"; spec.Generation++; s.want("web", spec) }, func() { s.whole(spec, "1:deployed") }},
		{"upgrade", func() { spec.Version = "1.1.0"; spec.Generation++; s.want("web", spec) }, func() { s.whole(spec, "") }},
		{"uninstall", func() { s.delete("web") }, func() { s.nothing("web") }},
	}
	amid := 0
	for round := -2; round < (kills+len(stories)-1)/len(stories); round++ {
		for _, story := range stories {
			started := time.Now()
			story.begin()
			if round >= 0 {
				delay := time.Duration(rand.Int64N(int64(measured[story.name])))
				<-time.After(delay)
				p.kill(t)
				state, there := s.state("web")
				if there && state.Operation != nil {
					amid++
				}
				t.Logf("round %d: killed %s after %s, in phase %s; history %q", round, story.name, delay.Round(time.Millisecond), phaseOf(state), s.history("web"))
				p = s.process(cache)
			}
			story.checked()
			if round < 0 {
				measured[story.name] = time.Since(started)
			}
		}
	}
	p.kill(t)
	t.Logf("%d of %d kills were amid an operation", amid, kills)
	if amid < kills/4 {
		t.Error("hardly a process was killed when there was something to do")
	}
	if t.Failed() {
		t.Logf("log of the last process:\n%s", p.log.String())
	}
}

func phaseOf(state fairlead.ExtensionState) string {
	if state.Operation == nil {
		return "none"
	}
	return state.Operation.Kind + "/" + state.Operation.Phase
}

// whole waits for the end of a generation and checks that the release is what it says.
func (s *stage) whole(spec fairlead.ExtensionSpec, history string) {
	s.t.Helper()
	name := spec.ReleaseName
	state := s.ends(name, spec.Generation, 60*time.Second)
	if state.ProvisioningState != fairlead.ExtensionSucceeded || state.CurrentVersion != spec.Version || state.Operation != nil {
		s.t.Fatalf("state %+v, error %+v", state, state.ErrorInfo)
	}
	got := s.history(name)
	if history != "" && got != history || strings.Count(got, ":deployed") != 1 || !strings.HasSuffix(got, ":deployed") || strings.Contains(got, "pending") || len(s.revisions(name)) > 10 {
		s.t.Errorf("history %s", got)
	}
	last := s.revisions(name)
	if state.ReleaseRevision != last[len(last)-1].Version {
		s.t.Errorf("revision %d, history %s", state.ReleaseRevision, got)
	}
	parts, extra := 20, false
	if spec.Version == "1.1.0" {
		parts, extra = 19, true
	}
	if n := s.count(name + "-part-"); n != parts || s.data(name + "-note")["version"] != spec.Version || (s.get(configMaps(), s.releases, name+"-new") != nil) != extra {
		s.t.Errorf("%d parts, want %d; note %q", n, parts, s.data(name+"-note"))
	}
	for i := range 20 {
		if data := s.data(fmt.Sprintf("%s-part-%d", name, i)); data != nil && data["version"] != spec.Version {
			s.t.Errorf("part %d is of version %s", i, data["version"])
		}
	}
}

func (s *stage) count(prefix string) int {
	s.t.Helper()
	list, err := s.in(configMaps(), s.releases).List(s.t.Context(), metav1.ListOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	n := 0
	for _, one := range list.Items {
		if strings.HasPrefix(one.GetName(), prefix) {
			n++
		}
	}
	return n
}

// nothing waits until an extension is gone and checks that it has left nothing.
func (s *stage) nothing(name string) {
	s.t.Helper()
	s.gone(name, 60*time.Second)
	list, err := s.in(secrets(), s.releases).List(s.t.Context(), metav1.ListOptions{LabelSelector: "owner=helm"})
	if err != nil {
		s.t.Fatal(err)
	}
	if n := s.count(name + "-"); n > 0 || len(list.Items) > 0 || s.get(resource("", "v1", "services"), s.releases, name+"-service") != nil {
		s.t.Errorf("%d ConfigMaps and %d records are left", n, len(list.Items))
	}
}
