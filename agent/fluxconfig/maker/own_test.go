package maker

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig"
	"github.com/fairlead/fairlead/agent/fluxconfig/plan"
	"github.com/fairlead/fairlead/agent/kube"
)

// stock is an API server with objects of configuration web in namespaces: UIDs of their owners by RESOURCE NAMESPACE/NAME. It lists and
// deletes.
type stock map[string]string

func (s stock) serve(w http.ResponseWriter, r *http.Request) {
	_, path, _ := strings.Cut(r.URL.Path, "/namespaces/")
	space, rest, _ := strings.Cut(path, "/")
	resource, name, _ := strings.Cut(rest, "/")
	w.Header().Set("Content-Type", "application/json")
	if r.Method == http.MethodGet && resource != "" && name == "" {
		_ = json.NewEncoder(w).Encode(s.list(resource, space, r.FormValue("labelSelector")))
		return
	}
	key := resource + " " + space + "/" + name
	if _, there := s[key]; !there || r.Method != http.MethodDelete {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"Status","status":"Failure","code":404,"reason":"NotFound"}`))
		return
	}
	delete(s, key)
	_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"Status","status":"Success"}`))
}

func (s stock) list(resource, space, selector string) metav1.PartialObjectMetadataList {
	wanted, err := labels.Parse(selector)
	if err != nil {
		panic(err)
	}
	list := metav1.PartialObjectMetadataList{TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadataList"}}
	for _, key := range slices.Sorted(maps.Keys(s)) {
		name, here := strings.CutPrefix(key, resource+" "+space+"/")
		marks := map[string]string{fluxconfig.LabelManaged: "true", fluxconfig.LabelName: "web", fluxconfig.LabelOwner: s[key]}
		if s[key] == "" {
			delete(marks, fluxconfig.LabelOwner)
		}
		if here && wanted.Matches(labels.Set(marks)) {
			list.Items = append(list.Items, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: space, Labels: marks}})
		}
	}
	return list
}

func (s stock) controller(t *testing.T) *Controller {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(server.Close)
	client, err := kube.New(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return &Controller{Kube: client, Namespace: "azure-arc", Now: time.Now, Log: slog.New(slog.DiscardHandler)}
}

// leftovers are what is there besides what is the present configuration's for certain.
var leftovers = stock{
	"kustomizations shops/web-forced":    "earlier", // of one that was forgotten
	"serviceaccounts shops/flux-applier": "",        // by which that works
	"secrets shops/web-ca":               "earlier",
	"gitrepositories quay/web":           "earlier",
	"kustomizations quay/web-apps":       "earlier",
	"kustomizations quay/web-unmarked":   "",        // of one that was forgotten by an earlier agent
	"secrets quay/web-auth":              "present", // of one that was forgotten while the cluster was away
}

// around is a cluster with that and what a configuration has made, before the agent left its mark and since.
func around() stock {
	all := maps.Clone(leftovers)
	maps.Copy(all, stock{
		"gitrepositories shops/web": "present", "kustomizations shops/web-apps": "present", "kustomizations shops/web-dropped": "present",
		"kustomizations shops/web-unmarked": "", "buckets shops/web": "", "secrets shops/web-auth": "present",
	})
	return all
}

func present() *fluxconfig.Object {
	return &fluxconfig.Object{
		ObjectMeta: metav1.ObjectMeta{Name: "web", UID: "present"},
		Spec: fairlead.FluxSpec{
			Namespace: "shops", SourceKind: fairlead.SourceGit, GitRepository: &fairlead.FluxGit{URL: "https://git.example.org/shops"},
			Kustomizations: map[string]fairlead.FluxKustomization{"apps": {}},
		},
	}
}

func same(t *testing.T, got, want stock) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("there are\n%s\nwant\n%s", strings.Join(slices.Sorted(maps.Keys(got)), "\n"), strings.Join(slices.Sorted(maps.Keys(want)), "\n"))
	}
}

// What an earlier configuration of the name has left behind by force stays, wherever it is.
func TestOnlyItsOwnIsRemovedWhenItIsNotWantedAnyMore(t *testing.T) {
	cluster, object := around(), present()
	wanted, err := plan.Configuration{Name: object.Name, Owner: object.UID, Spec: object.Spec}.Objects()
	if err != nil {
		t.Fatal(err)
	}
	if err := cluster.controller(t).removeOthers(t.Context(), object, wanted); err != nil {
		t.Fatal(err)
	}
	want := maps.Clone(leftovers)
	want["gitrepositories shops/web"], want["kustomizations shops/web-apps"] = "present", "present"
	same(t, cluster, want)
}

func TestOnlyItsOwnIsTakenBack(t *testing.T) {
	cluster, object := around(), present()
	controller := cluster.controller(t)
	waiting := "all"
	for round := 0; waiting != "" && round < 10; round++ {
		var err error
		if waiting, err = controller.dismantle(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	if waiting != "" {
		t.Errorf("it waits for what it does not own: %s", waiting)
	}
	same(t, cluster, leftovers)
}
