package maker

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead/agent/fluxconfig"
	"github.com/fairlead/fairlead/agent/kube"
)

// patched is an API server that takes changes of objects, and notes them by path.
func patched(t *testing.T, into map[string][]string) *kube.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var patch struct {
			Metadata struct{ Finalizers []string } `json:"metadata"`
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPatch || json.Unmarshal(body, &patch) != nil {
			t.Errorf("%s %s: %s", r.Method, r.URL.Path, body)
		}
		into[r.URL.Path] = patch.Metadata.Finalizers
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"kind":"ImagePolicy","apiVersion":"image.toolkit.fluxcd.io/v1","metadata":{"name":"till"}}`)
	}))
	t.Cleanup(server.Close)
	client, err := kube.New(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Otherwise nobody would ever remove their finalizers, and their namespace would stay.
func TestOrphansAreLetGo(t *testing.T) {
	now, changes := time.Now(), map[string][]string{}
	c := &Controller{Kube: patched(t, changes), Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)}
	o := c.orphans()
	gone := func(name string, before time.Duration) *metav1.PartialObjectMetadata {
		deleted := metav1.NewTime(now.Add(-before))
		return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "shops", ResourceVersion: "7", DeletionTimestamp: &deleted, Finalizers: []string{fluxFinalizer, "example.org/mine"},
		}}
	}
	stays := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "stays", Namespace: "shops", Finalizers: []string{fluxFinalizer}}}
	for _, kind := range imageKinds() {
		o.see(kind, map[string]*metav1.PartialObjectMetadata{"shops/till": gone("till", time.Minute), "shops/new": gone("new", 5*time.Second), "shops/stays": stays})
	}
	if next := o.pass(t.Context()); len(changes) != 0 || next != resync {
		t.Errorf("before it is known what runs: %v, again in %s", changes, next)
	}
	one, none := int32(1), int32(0)
	workload := func(name string, replicas *int32) *fluxconfig.Workload {
		return &fluxconfig.Workload{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app.kubernetes.io/component": name}}, Spec: fluxconfig.WorkloadSpec{Replicas: replicas}}
	}
	o.count(t.Context(), map[string]*fluxconfig.Workload{"a": workload(fluxconfig.ImageReflector, &one), "b": workload(fluxconfig.ImageAutomation, &none)})
	const path = "/apis/image.toolkit.fluxcd.io/v1/namespaces/shops/"
	next := o.pass(t.Context())
	if got := changes[path+"imageupdateautomations/till"]; len(changes) != 1 || !slices.Equal(got, []string{"example.org/mine"}) {
		t.Errorf("with one controller: %v", changes)
	}
	if next > 15*time.Second || next < 14*time.Second {
		t.Errorf("the next is due in %s", next)
	}
	o.count(t.Context(), nil)
	now = now.Add(16 * time.Second)
	o.pass(t.Context())
	if len(changes) != 6 || changes[path+"imagepolicies/stays"] != nil {
		t.Errorf("with none: %v", changes)
	}
}
