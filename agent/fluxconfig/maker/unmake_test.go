package maker

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig"
	"github.com/fairlead/fairlead/agent/kube"
)

// emptied is an API server on which nothing of a configuration is left, and whose FluxConfig somebody else has just written to.
func emptied(t *testing.T, patches *int) *kube.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.Method == http.MethodPatch:
			if *patches++; *patches == 1 {
				w.WriteHeader(http.StatusConflict)
				_, _ = fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","code":409}`)
				return
			}
			_, _ = fmt.Fprint(w, `{"kind":"FluxConfig","apiVersion":"clusterconfig.azure.com/v1beta1","metadata":{"name":"web"}}`)
		case r.Method == http.MethodGet && !strings.HasSuffix(r.URL.Path, "/namespaces/shops"):
			_, _ = fmt.Fprint(w, `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{},"items":[]}`)
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`)
		}
	}))
	t.Cleanup(server.Close)
	client, err := kube.New(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Otherwise a deletion whose last step meets a status that is written hangs until everything is looked at again.
func TestWhatIsWrittenToMeanwhileIsLetGoSoonAfter(t *testing.T) {
	patches, going := 0, metav1.Now()
	object := &fluxconfig.Object{ObjectMeta: metav1.ObjectMeta{
		Name: "web", UID: "1", ResourceVersion: "7", DeletionTimestamp: &going, Finalizers: []string{fairlead.FluxConfigFinalizer},
	}}
	object.Spec.Namespace = "shops"
	c := &Controller{Kube: emptied(t, &patches), Namespace: "azure-arc", Now: time.Now, Log: slog.New(slog.DiscardHandler), done: map[string]*memory{}}
	if again := c.serve(t.Context(), object); again != glance || c.done["web"].released != "" {
		t.Errorf("after a conflict it is looked at again in %s, and %q is held to be let go", again, c.done["web"].released)
	}
	c.done["web"].next = time.Time{} // a glance later
	if again := c.serve(t.Context(), object); again != resync || c.done["web"].released != "1" || patches != 2 {
		t.Errorf("then in %s, after %d attempts; %q is let go", again, patches, c.done["web"].released)
	}
}
