package extension_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"helm.sh/helm/v4/pkg/release/common"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension"
	"github.com/fairlead/fairlead/agent/extension/helm"
	"github.com/fairlead/fairlead/agent/kube"
)

// never is a workload that does not become ready where no node runs pods.
const never = `apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}-never}
spec:
  selector: {matchLabels: {app: never}}
  template:
    metadata: {labels: {app: never}}
    spec: {containers: [{name: c, image: example.org/none:1}]}
`

func TestAFailedUpgradeReturnsToWhatRan(t *testing.T) {
	for name, keep := range map[string]bool{"restored": false, "kept": true} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.publish("web", "1.0.0", map[string]string{"note.yaml": note})
			s.publish("web", "2.0.0", map[string]string{"note.yaml": note, "never.yaml": never})
			s.start()
			spec := s.spec("web", 1)
			s.want("web", spec)
			s.ends("web", 1, 30*time.Second)
			spec.Generation, spec.Version, spec.TimeoutSeconds, spec.KeepFailedUpgrade = 2, "2.0.0", 3, keep
			s.want("web", spec)
			state := s.ends("web", 2, 60*time.Second)
			if state.ProvisioningState != fairlead.ExtensionFailed || state.ErrorInfo.Code != fairlead.CauseReadinessTimeout || state.CurrentVersion != "1.0.0" {
				t.Errorf("state %+v, error %+v", state, state.ErrorInfo)
			}
			if !strings.Contains(state.ErrorInfo.Target, "-never") {
				t.Errorf("the object at fault is not named: %+v", state.ErrorInfo)
			}
			want := map[bool]string{false: "1:superseded 2:failed 3:deployed", true: "1:deployed 2:failed"}[keep]
			version := map[bool]string{false: "1.0.0", true: "2.0.0"}[keep]
			if got := s.history("web"); got != want || s.data("web-note")["version"] != version {
				t.Errorf("history %s, want %s; what runs is of %q", got, want, s.data("web-note"))
			}
			if keep {
				return
			}
			spec.Generation, spec.Version = 3, "1.0.0"
			s.want("web", spec)
			if state := s.ends("web", 3, 30*time.Second); state.ProvisioningState != fairlead.ExtensionSucceeded || state.ErrorInfo != nil || state.ReleaseRevision != 3 {
				t.Errorf("back to what runs: %+v", state)
			}
		})
	}
}

func TestANewerWishEndsWaiting(t *testing.T) {
	s := newStage(t)
	s.publish("web", "1.0.0", map[string]string{"note.yaml": note, "never.yaml": never})
	s.publish("web", "1.1.0", map[string]string{"note.yaml": note})
	s.start()
	spec := s.spec("web", 1)
	spec.TimeoutSeconds = 120
	s.want("web", spec)
	s.waits("web", 1)
	spec.Generation, spec.Version = 2, "1.1.0"
	s.want("web", spec)
	if state := s.ends("web", 2, 20*time.Second); state.ProvisioningState != fairlead.ExtensionSucceeded {
		t.Errorf("state %+v, error %+v", state, state.ErrorInfo)
	}
	if s.get(resource("apps", "v1", "deployments"), s.releases, "web-never") != nil || !strings.HasSuffix(s.history("web"), ":deployed") {
		t.Errorf("what was given up is still there; history %s", s.history("web"))
	}
	spec.Generation, spec.Version = 3, "1.0.0"
	s.want("web", spec)
	s.waits("web", 3)
	s.delete("web")
	s.gone("web", 20*time.Second)
	s.nothing("web")
}

// waits waits until Helm waits for objects.
func (s *stage) waits(name string, generation int64) {
	s.t.Helper()
	s.eventually("Helm waits", 30*time.Second, func() bool {
		state, _ := s.state(name)
		return state.ObservedGeneration == generation && state.Operation != nil && state.Operation.Phase == helm.StepWait
	})
}

func TestWhatOthersHaveMade(t *testing.T) {
	s := newStage(t)
	s.publish("web", "1.0.0", map[string]string{"note.yaml": note})
	s.apply(namespaces(), "", map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": s.releases}})
	s.apply(configMaps(), s.releases, map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "web-note"}, "data": map[string]any{"text": "theirs"}})
	s.start()
	spec := s.spec("web", 1)
	s.want("web", spec)
	if state := s.ends("web", 1, 30*time.Second); state.ProvisioningState != fairlead.ExtensionFailed || state.ErrorInfo.Code != fairlead.CauseResourceExists {
		t.Errorf("state %+v, error %+v", state, state.ErrorInfo)
	}
	if s.data("web-note")["text"] != "theirs" {
		t.Error("it was taken over")
	}
	spec.Generation, spec.Adopt, spec.Settings = 2, true, map[string]string{"text": "ours"}
	s.want("web", spec)
	if state := s.ends("web", 2, 30*time.Second); state.ProvisioningState != fairlead.ExtensionSucceeded || s.data("web-note")["text"] != "ours" {
		t.Errorf("state %+v, error %+v, data %q", state, state.ErrorInfo, s.data("web-note"))
	}

	// Another extension of the same release is not let at it, and its end leaves the release alone.
	other := s.spec("web", 1)
	s.want("other", other)
	if state := s.ends("other", 1, 30*time.Second); state.ProvisioningState != fairlead.ExtensionFailed || state.ErrorInfo.Code != fairlead.CauseReleaseNameInUse {
		t.Errorf("state %+v, error %+v", state, state.ErrorInfo)
	}
	s.delete("other")
	s.gone("other", 20*time.Second)
	if s.history("web") != "1:deployed" {
		t.Errorf("history %s", s.history("web"))
	}
	other.Generation, other.Adopt = 2, true
	s.want("other", other)
	if state := s.ends("other", 2, 30*time.Second); state.ProvisioningState != fairlead.ExtensionSucceeded {
		t.Errorf("adopted: %+v, error %+v", state, state.ErrorInfo)
	}
}

func TestSomebodyElsesHelmIsWaitedFor(t *testing.T) {
	s := newStage(t)
	s.publish("web", "1.0.0", map[string]string{"note.yaml": note})
	s.publish("web", "1.1.0", map[string]string{"note.yaml": note})
	s.start()
	spec := s.spec("web", 1)
	s.want("web", spec)
	s.ends("web", 1, 30*time.Second)
	s.record("web", common.StatusPendingUpgrade)
	spec.Generation, spec.Version, spec.TimeoutSeconds = 2, "1.1.0", 4
	s.want("web", spec)
	if state := s.ends("web", 2, 30*time.Second); state.ProvisioningState != fairlead.ExtensionFailed || state.ErrorInfo.Code != fairlead.CauseOperationRunning {
		t.Errorf("state %+v, error %+v", state, state.ErrorInfo)
	}
	spec.Generation, spec.TimeoutSeconds = 3, 20
	s.want("web", spec)
	s.eventually("it is waited for", 10*time.Second, func() bool {
		state, _ := s.state("web")
		return state.ObservedGeneration == 3 && state.Operation != nil && state.Operation.Phase == "settle"
	})
	s.record("web", common.StatusDeployed)
	if state := s.ends("web", 3, 30*time.Second); state.ProvisioningState != fairlead.ExtensionSucceeded || state.CurrentVersion != "1.1.0" {
		t.Errorf("state %+v, error %+v", state, state.ErrorInfo)
	}
}

// record gives the newest revision of a release another status, as another program would.
func (s *stage) record(name string, status common.Status) {
	s.t.Helper()
	cluster, err := helm.NewCluster(s.api)
	if err != nil {
		s.t.Fatal(err)
	}
	release, err := cluster.Open(s.t.Context(), s.t.Context(), s.releases, name, helm.NoProgress)
	if err != nil {
		s.t.Fatal(err)
	}
	history, err := release.History()
	if err != nil {
		s.t.Fatal(err)
	}
	last := history[len(history)-1]
	last.Labels["clusterconfig.azure.com/operation"] = "none-of-ours"
	if err := release.Mark(last, status, "another program"); err != nil {
		s.t.Fatal(err)
	}
}

func TestANamespaceThatGoesIsWaitedFor(t *testing.T) {
	s := newStage(t)
	s.publish("web", "1.0.0", map[string]string{"note.yaml": note})
	s.apply(namespaces(), "", map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": s.releases}})
	s.apply(configMaps(), s.releases, map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "held", "finalizers": []string{"example.org/held"}}})
	if err := s.in(namespaces(), "").Delete(t.Context(), s.releases, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	s.start()
	spec := s.spec("web", 1)
	spec.TimeoutSeconds = 3
	s.want("web", spec)
	if state := s.ends("web", 1, 40*time.Second); state.ProvisioningState != fairlead.ExtensionFailed || state.ErrorInfo.Code != fairlead.CauseNamespaceGoing {
		t.Errorf("state %+v, error %+v", state, state.ErrorInfo)
	}
	spec.Generation, spec.TimeoutSeconds = 2, 60
	s.want("web", spec)
	s.loosen(s.releases, "held")
	if state := s.ends("web", 2, 60*time.Second); state.ProvisioningState != fairlead.ExtensionSucceeded {
		t.Errorf("state %+v, error %+v", state, state.ErrorInfo)
	}
}

func (s *stage) loosen(namespace, name string) {
	s.t.Helper()
	if _, err := s.in(configMaps(), namespace).Patch(s.t.Context(), name, types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}); err != nil {
		s.t.Fatal(err)
	}
}

func TestWhatDoesNotGoIsNamed(t *testing.T) {
	s := newStage(t)
	s.publish("web", "1.0.0", map[string]string{"note.yaml": note, "held.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: held, finalizers: [example.org/held]}\n"})
	s.start()
	spec := s.spec("web", 1)
	spec.TimeoutSeconds = 3
	s.want("web", spec)
	s.ends("web", 1, 30*time.Second)
	s.delete("web")
	s.eventually("the deletion has failed", 40*time.Second, func() bool {
		state, _ := s.state("web")
		return state.ProvisioningState == fairlead.ExtensionFailed
	})
	state, _ := s.state("web")
	if state.ErrorInfo.Target != "ConfigMap/"+s.releases+"/held" || !strings.Contains(state.ErrorInfo.Message, "example.org/held") {
		t.Errorf("error %+v", state.ErrorInfo)
	}
	s.loosen(s.releases, "held")
	// A new request of the hub is a new generation.
	if _, err := s.in(configs(), s.namespace).Patch(t.Context(), "web", types.MergePatchType, []byte(`{"spec":{"generation":2}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	s.gone("web", 20*time.Second)
	s.nothing("web")
}

func TestDriftIsShownAndNotMended(t *testing.T) {
	s := newStage(t)
	s.publish("web", "1.0.0", map[string]string{"note.yaml": note, "other.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-other}\ndata: {a: b}\n"})
	s.start(func(m *extension.Manager) { m.Drift = 500 * time.Millisecond })
	spec := s.spec("web", 1)
	s.want("web", spec)
	s.ends("web", 1, 30*time.Second)
	if err := s.in(configMaps(), s.releases).Delete(t.Context(), "web-other", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.in(configMaps(), s.releases).Patch(t.Context(), "web-note", types.MergePatchType, []byte(`{"data":{"text":"changed","more":"x"}}`), metav1.PatchOptions{FieldManager: "kubectl-edit"}); err != nil {
		t.Fatal(err)
	}
	var state fairlead.ExtensionState
	s.eventually("the drift is shown", 20*time.Second, func() bool {
		state, _ = s.state("web")
		return len(state.Drift) == 2
	})
	want := []fairlead.ExtensionDrift{
		{Object: "ConfigMap/" + s.releases + "/web-note", What: "it differs in data.text"},
		{Object: "ConfigMap/" + s.releases + "/web-other", What: "it is missing"},
	}
	if state.Drift[0] != want[0] || state.Drift[1] != want[1] || state.ProvisioningState != fairlead.ExtensionSucceeded || s.data("web-note")["text"] != "changed" {
		t.Errorf("drift %+v, want %+v", state.Drift, want)
	}
	spec.Generation = 2
	s.want("web", spec)
	if state := s.ends("web", 2, 20*time.Second); state.Drift != nil || state.ReleaseRevision != 2 || s.data("web-other") == nil || s.data("web-note")["text"] == "changed" {
		t.Errorf("the same spec again: %+v", state)
	}
	if got := s.data("web-note"); got["more"] != "x" {
		t.Errorf("what the chart does not own was taken away: %q", got)
	}
}

// wire is a way to the API server that can be cut.
type wire struct {
	listener net.Listener
	to       string

	mu   sync.Mutex
	cut  bool
	open map[net.Conn]bool
}

func (s *stage) throughWire() (*wire, *rest.Config) {
	s.t.Helper()
	target, err := url.Parse(s.api.Host)
	if err != nil {
		s.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	w := &wire{listener: listener, to: target.Host, open: map[net.Conn]bool{}}
	s.t.Cleanup(func() { _ = listener.Close() })
	go w.run()
	api := rest.CopyConfig(s.api)
	api.Host, api.ServerName = "https://"+listener.Addr().String(), target.Hostname()
	return w, api
}

func (w *wire) run() {
	for {
		near, err := w.listener.Accept()
		if err != nil {
			return
		}
		far, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", w.to)
		w.mu.Lock()
		if err != nil || w.cut {
			_ = near.Close()
			w.mu.Unlock()
			continue
		}
		w.open[near], w.open[far] = true, true
		w.mu.Unlock()
		go w.copy(near, far)
		go w.copy(far, near)
	}
}

func (w *wire) copy(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, to)
}

func (w *wire) sever() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
	for conn := range w.open {
		_ = conn.Close()
	}
}

func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = false
}

func TestTheAPIServerMayBeAwayForAWhile(t *testing.T) {
	s := newStage(t)
	s.publish("web", "1.0.0", many())
	second := many()
	delete(second, "part-0.yaml")
	second["new.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-new}\n"
	s.publish("web", "1.1.0", second)
	w, api := s.throughWire()
	client, err := kube.New(api)
	if err != nil {
		t.Fatal(err)
	}
	s.start(func(m *extension.Manager) { m.API, m.Kube = api, client })
	spec := s.spec("web", 0)
	for i, milliseconds := range []int64{0, 60, 100, 140, 180, 220, 260, 300} {
		delay := time.Duration(milliseconds) * time.Millisecond
		spec.Generation++
		spec.Version = map[bool]string{true: "1.0.0", false: "1.1.0"}[i%2 == 0]
		s.want("web", spec)
		<-time.After(delay)
		w.sever()
		<-time.After(2 * time.Second)
		w.mend()
		state := s.ends("web", spec.Generation, 90*time.Second)
		t.Logf("cut after %s: %s, %+v, history %s", delay, state.ProvisioningState, state.ErrorInfo, s.history("web"))
		if strings.Contains(s.history("web"), "pending") {
			t.Errorf("history %s", s.history("web"))
		}
		s.whole(spec, "")
	}
	spec.Generation, spec.Version = spec.Generation+1, "1.0.0"
	s.want("web", spec)
	s.whole(spec, "")
}
