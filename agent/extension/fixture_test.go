package extension_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/engine"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension"
	"github.com/fairlead/fairlead/agent/extension/charts"
	"github.com/fairlead/fairlead/agent/extension/helm"
	"github.com/fairlead/fairlead/agent/extensionconfig"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/chart"
)

// kubeconfigVariable names a cluster that the tests may use up; see test/controlplane.sh.
const kubeconfigVariable = "FAIRLEAD_TEST_KUBECONFIG"

// stage is a real API server with the definition of ExtensionConfigs, and a repository of charts.
type stage struct {
	t         *testing.T
	api       *rest.Config
	objects   dynamic.Interface
	namespace string // where ExtensionConfigs are
	releases  string // where releases are
	charts    *httptest.Server
	folder    string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	file := os.Getenv(kubeconfigVariable)
	if file == "" {
		t.Skipf("%s names no cluster", kubeconfigVariable)
	}
	api, err := clientcmd.BuildConfigFromFlags("", file)
	if err != nil {
		t.Fatal(err)
	}
	api.QPS, api.WarningHandler = -1, rest.NoWarnings{}
	objects, err := dynamic.NewForConfig(api)
	if err != nil {
		t.Fatal(err)
	}
	unique := fmt.Sprintf("ext-%d", time.Now().UnixNano()%1e9)
	s := &stage{t: t, api: api, objects: objects, namespace: unique, releases: unique + "-r", folder: t.TempDir()}
	s.charts = httptest.NewServer(http.FileServer(http.Dir(s.folder)))
	t.Cleanup(s.charts.Close)
	s.define()
	s.apply(namespaces(), "", map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": s.namespace}})
	t.Cleanup(s.clear)
	return s
}

func resource(group, version, name string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: group, Version: version, Resource: name}
}

func namespaces() schema.GroupVersionResource { return resource("", "v1", "namespaces") }
func configMaps() schema.GroupVersionResource { return resource("", "v1", "configmaps") }
func secrets() schema.GroupVersionResource    { return resource("", "v1", "secrets") }
func configs() schema.GroupVersionResource {
	return resource("clusterconfig.azure.com", "v1beta1", "extensionconfigs")
}

// define gives the cluster the definition out of the agents' chart.
func (s *stage) define() {
	s.t.Helper()
	loaded, err := chart.Load()
	if err != nil {
		s.t.Fatal(err)
	}
	values := map[string]any{
		"global": map[string]any{"subscriptionId": "s", "resourceGroupName": "g", "resourceName": "n"},
		"systemDefaultValues": map[string]any{
			"image": map[string]any{"repository": "r"}, "azureArcAgents": map[string]any{"config_dp_endpoint_override": "https://h"},
		},
	}
	all, err := util.ToRenderValues(loaded, values, common.ReleaseOptions{Name: "azure-arc", Namespace: "azure-arc-release"}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	files, err := engine.Render(loaded, all)
	if err != nil {
		s.t.Fatal(err)
	}
	for document := range strings.SplitSeq(files[fairlead.ChartName+"/templates/crds.yaml"], "\n---") {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(document), &object); err != nil {
			s.t.Fatal(err)
		}
		if strings.Contains(document, "extensionconfigs") {
			s.apply(definitions(), "", object)
		}
	}
	s.eventually("the definition is served", 10*time.Second, func() bool {
		_, err := s.objects.Resource(configs()).Namespace(s.namespace).List(s.t.Context(), metav1.ListOptions{})
		return err == nil
	})
}

func (s *stage) clear() {
	ctx := context.Background()
	list, err := s.objects.Resource(configs()).Namespace(s.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		s.t.Error(err)
		return
	}
	for _, one := range list.Items {
		_, _ = s.objects.Resource(configs()).Namespace(s.namespace).Patch(ctx, one.GetName(), types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	}
	for _, name := range []string{s.namespace, s.releases} {
		_ = s.objects.Resource(namespaces()).Delete(ctx, name, metav1.DeleteOptions{})
	}
	// Other tests of the same cluster install the whole chart, which has it, too.
	const definition = "extensionconfigs.clusterconfig.azure.com"
	_ = s.objects.Resource(definitions()).Delete(ctx, definition, metav1.DeleteOptions{})
	for range 200 {
		if _, err := s.objects.Resource(definitions()).Get(ctx, definition, metav1.GetOptions{}); err != nil {
			return
		}
		<-time.After(50 * time.Millisecond)
	}
	s.t.Error("the definition is not gone")
}

func definitions() schema.GroupVersionResource {
	return resource("apiextensions.k8s.io", "v1", "customresourcedefinitions")
}

func (s *stage) apply(what schema.GroupVersionResource, namespace string, object map[string]any) {
	s.t.Helper()
	body, err := json.Marshal(object)
	if err != nil {
		s.t.Fatal(err)
	}
	name := object["metadata"].(map[string]any)["name"].(string)
	force := true
	_, err = s.in(what, namespace).Patch(s.t.Context(), name, types.ApplyPatchType, body, metav1.PatchOptions{FieldManager: "test", Force: &force})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) in(what schema.GroupVersionResource, namespace string) dynamic.ResourceInterface {
	if namespace == "" {
		return s.objects.Resource(what)
	}
	return s.objects.Resource(what).Namespace(namespace)
}

// get returns an object, nil when there is none.
func (s *stage) get(what schema.GroupVersionResource, namespace, name string) *unstructured.Unstructured {
	s.t.Helper()
	found, err := s.in(what, namespace).Get(s.t.Context(), name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

func (s *stage) eventually(what string, within time.Duration, holds func() bool) {
	s.t.Helper()
	eventually(s.t, what, within, holds)
}

// patience is how many times longer a test waits than whatever it waits for takes on a machine of its own: those that tests run on
// are shared. How long something takes is what make bench tells.
const patience = 3

func eventually(t *testing.T, what string, within time.Duration, holds func() bool) {
	t.Helper()
	started := time.Now()
	for !holds() {
		if time.Since(started) > patience*within {
			t.Fatalf("after %s still not: %s", patience*within, what)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Logf("%s after %s", what, time.Since(started).Round(time.Millisecond))
}

// manager returns an extension-manager for the stage.
func (s *stage) manager(log *slog.Logger) *extension.Manager {
	s.t.Helper()
	client, err := kube.New(s.api)
	if err != nil {
		s.t.Fatal(err)
	}
	self, err := extension.ProcessName()
	if err != nil {
		s.t.Fatal(err)
	}
	outward := func([]byte) *http.Transport { return &http.Transport{} }
	return &extension.Manager{
		Kube: client, API: s.api, Namespace: s.namespace, Process: self, Now: time.Now, Log: log, Ready: func(error) {},
		Charts: &charts.Fetcher{Folder: s.t.TempDir(), Outward: outward, Log: log},
	}
}

// start runs an extension-manager until the test ends.
func (s *stage) start(changes ...func(*extension.Manager)) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan struct{})
	m := s.manager(slog.New(slog.NewTextHandler(testWriter{s.t}, &slog.HandlerOptions{Level: slog.LevelInfo})))
	for _, change := range changes {
		change(m)
	}
	go func() {
		defer close(done)
		if err := m.Run(ctx); ctx.Err() == nil {
			s.t.Errorf("the manager ended with %v", err)
		}
	}()
	s.t.Cleanup(func() {
		cancel()
		<-done
	})
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(text []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(text)))
	return len(text), nil
}

// publish puts a chart into the repository, of templates by name, and returns the digest of its archive.
func (s *stage) publish(name, version string, templates map[string]string) string {
	s.t.Helper()
	packed := pack(s.t, name, version, templates)
	file := fmt.Sprintf("%s-%s.tgz", name, version)
	if err := os.WriteFile(path.Join(s.folder, file), packed, 0o600); err != nil {
		s.t.Fatal(err)
	}
	index := map[string]any{"apiVersion": "v1", "entries": map[string]any{}}
	if text, err := os.ReadFile(path.Join(s.folder, "index.yaml")); err == nil {
		if err := yaml.Unmarshal(text, &index); err != nil {
			s.t.Fatal(err)
		}
	}
	entries := index["entries"].(map[string]any)
	all, _ := entries[name].([]any)
	entries[name] = append(all, map[string]any{"name": name, "version": version, "urls": []any{file}})
	text, err := yaml.Marshal(index)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path.Join(s.folder, "index.yaml"), text, 0o600); err != nil {
		s.t.Fatal(err)
	}
	sum := sha256.Sum256(packed)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func pack(t *testing.T, name, version string, templates map[string]string) []byte {
	t.Helper()
	var packed bytes.Buffer
	compressed := gzip.NewWriter(&packed)
	archive := tar.NewWriter(compressed)
	files := map[string]string{"Chart.yaml": "apiVersion: v2\nname: " + name + "\nversion: " + version + "\n"}
	for file, text := range templates {
		files["templates/"+file] = text
	}
	for file, text := range files {
		if err := archive.WriteHeader(&tar.Header{Name: name + "/" + file, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// spec returns the spec of an extension of version 1.0.0 of a chart in the stage's repository.
func (s *stage) spec(name string, generation int64) fairlead.ExtensionSpec {
	return fairlead.ExtensionSpec{
		Generation: generation, ExtensionType: "test." + name, Version: "1.0.0", Scope: fairlead.ScopeCluster,
		ReleaseName: name, ReleaseNamespace: s.releases, TimeoutSeconds: 20,
		Chart: fairlead.ExtensionChart{Repository: s.charts.URL, Name: name},
	}
}

// want makes an extension what the hub wants, as config-agent does.
func (s *stage) want(name string, spec fairlead.ExtensionSpec) {
	s.t.Helper()
	s.apply(configs(), s.namespace, map[string]any{
		"apiVersion": fairlead.ExtensionConfigVersion, "kind": fairlead.ExtensionConfigKind,
		"metadata": map[string]any{"name": name, "finalizers": []string{fairlead.ExtensionFinalizer}}, "spec": spec,
	})
}

func (s *stage) delete(name string) {
	s.t.Helper()
	if err := s.in(configs(), s.namespace).Delete(s.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		s.t.Fatal(err)
	}
}

// state returns the state of an extension, and whether there is one.
func (s *stage) state(name string) (fairlead.ExtensionState, bool) {
	s.t.Helper()
	found := s.get(configs(), s.namespace, name)
	if found == nil {
		return fairlead.ExtensionState{}, false
	}
	var object extensionconfig.Object
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(found.Object, &object); err != nil {
		s.t.Fatal(err)
	}
	return object.Status, true
}

// ends waits until an operation has ended, and returns how.
func (s *stage) ends(name string, generation int64, within time.Duration) fairlead.ExtensionState {
	s.t.Helper()
	var state fairlead.ExtensionState
	s.eventually(fmt.Sprintf("generation %d of %s has ended", generation, name), within, func() bool {
		state, _ = s.state(name)
		return state.ObservedGeneration == generation && extensionconfig.Final(state)
	})
	return state
}

func (s *stage) gone(name string, within time.Duration) {
	s.t.Helper()
	s.eventually(name+" is gone", within, func() bool {
		_, there := s.state(name)
		return !there
	})
}

// history returns the statuses of a release's revisions, such as 1:superseded 2:deployed.
func (s *stage) history(name string) string {
	s.t.Helper()
	var all []string
	for _, revision := range s.revisions(name) {
		all = append(all, fmt.Sprintf("%d:%s", revision.Version, revision.Info.Status))
	}
	return strings.Join(all, " ")
}

func (s *stage) revisions(name string) []*releasev1.Release {
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
	return history
}

// data returns what a ConfigMap of a release holds, nil when there is none.
func (s *stage) data(name string) map[string]string {
	s.t.Helper()
	found := s.get(configMaps(), s.releases, name)
	if found == nil {
		return nil
	}
	var object corev1.ConfigMap
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(found.Object, &object); err != nil {
		s.t.Fatal(err)
	}
	return object.Data
}

// note is a template of a ConfigMap that shows a value.
const note = `apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-note}
data:
  version: {{ .Chart.Version | quote }}
  text: {{ .Values.text | toString | quote }}
  secret: {{ .Values.secret | toString | quote }}
`
