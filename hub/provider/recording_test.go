package provider_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/store"
)

const (
	recordings = edge + "/recordings"
	reader     = "00000000-0000-4000-8000-00000000aaaa"
	worker     = "00000000-0000-4000-8000-00000000cccc"
)

func (b *bench) record(n int, cluster string) string {
	b.Helper()
	id := uuid.NewString()
	err := b.db.AddRecording(b.Context(), store.Recording{
		ID: id, ClusterID: cluster, StartedAt: time.Now().Add(time.Duration(n) * time.Second), State: store.RecordingOpen, Caller: "ana@example.org", CallerID: "oid",
		Verb: "exec", Namespace: "n", Pod: fmt.Sprint("p-", n), Command: "mysql -psecret", Protocol: "websocket",
	})
	if err != nil {
		b.Fatal(err)
	}
	return id
}

func TestRecordings(t *testing.T) {
	b := start(t)
	file := filepath.Join(t.TempDir(), "cast")
	const content = `{"version":2,"width":80,"height":24}` + "\n"
	if err := os.WriteFile(file, []byte(content[:36]), 0o600); err != nil { // the answer is read as one document here
		t.Fatal(err)
	}
	b.open = func(string) (*os.File, error) { return os.Open(file) }
	for who, role := range map[string]string{reader: access.Reader, worker: access.Contributor} {
		if err := b.access.Assign(t.Context(), who, role, group); err != nil {
			t.Fatal(err)
		}
	}
	id := b.record(0, edge)
	other := b.record(1, strings.Replace(edge, "edge-1", "edge-2", 1))
	if err := b.db.EndRecording(t.Context(), id, time.Now().Add(time.Hour), store.RecordingComplete, 99); err != nil {
		t.Fatal(err)
	}
	one := recordings + "/" + id
	b.doAs(worker, "GET", one+version, "").want(http.StatusOK).has("name", id, "properties.pod", "p-0", "properties.command", "mysql -psecret",
		"properties.state", "Complete", "properties.sizeBytes", "99", "properties.caller", "ana@example.org")
	b.doAs(reader, "GET", one+version, "").want(http.StatusOK).has("properties.command", "", "properties.pod", "p-0")
	if names := b.doAs(worker, "GET", recordings+version, "").names(); len(names) != 1 || names[0] != id {
		t.Errorf("%q", names)
	}
	b.doAs(worker, "POST", one+"/download"+version, "").want(http.StatusOK).has("version", "2")
	b.doAs(reader, "POST", one+"/download"+version, "").refused(http.StatusForbidden, "AuthorizationFailed")
	b.doAs("00000000-0000-4000-8000-00000000bbbb", "GET", recordings+version, "").refused(http.StatusForbidden, "AuthorizationFailed")
	b.do("GET", recordings+"/"+other+version, "").refused(http.StatusNotFound, "ResourceNotFound")
	b.do("POST", recordings+"/"+other+"/download"+version, "").refused(http.StatusNotFound, "ResourceNotFound")
	for _, method := range []string{"PUT", "PATCH", "DELETE"} {
		b.do(method, one+version, `{"location":"local"}`).want(http.StatusMethodNotAllowed)
	}
	b.do("POST", one+"/play"+version, "").want(http.StatusMethodNotAllowed)
	if got := b.logged("resourceUri eq '" + one + "'"); len(got) != 1 || !strings.HasPrefix(got[0], "Succeeded Microsoft.Kubernetes/connectedClusters/recordings/download/action") {
		t.Errorf("who has watched is logged as %q", got)
	}
}

func TestPagesOfRecordings(t *testing.T) {
	b := start(t)
	for n := range 205 {
		b.record(n, edge)
	}
	first := b.do("GET", recordings+version, "")
	next := strings.TrimPrefix(text(first.document["nextLink"]), b.url)
	second := b.do("GET", next, "")
	if len(first.names()) != 200 || len(second.names()) != 5 || second.document["nextLink"] != nil {
		t.Errorf("%d and %d", len(first.names()), len(second.names()))
	}
	b.do("GET", recordings+version+"&$skiptoken=x", "").want(http.StatusBadRequest)
}

func TestSessionRecordingIsASetting(t *testing.T) {
	b := start(t)
	key := onboardingKey(t, 2048)
	b.do("PUT", edge+version, clusterBody(key)).want(http.StatusCreated)
	b.do("PATCH", edge+version, `{"properties":{"clusterConnect":{"sessionRecording":"Enabled"}}}`).want(http.StatusOK)
	b.do("PATCH", edge+version, `{"properties":{"clusterConnect":{"sessionRecordingInput":"Enabled","other":1}}}`).want(http.StatusOK)
	b.do("PUT", edge+version, clusterBody(key)).want(http.StatusOK).has("properties.clusterConnect.sessionRecording", "Enabled",
		"properties.clusterConnect.sessionRecordingInput", "Enabled", "properties.clusterConnect.other", "1")
	for _, wrong := range []string{`"on"`, `true`, `""`} {
		b.do("PATCH", edge+version, `{"properties":{"clusterConnect":{"sessionRecording":`+wrong+`}}}`).want(http.StatusBadRequest)
	}
	b.do("PATCH", edge+version, `{"properties":{"clusterConnect":{"sessionRecording":"Disabled"}}}`).want(http.StatusOK).has("properties.clusterConnect.sessionRecording", "Disabled",
		"properties.clusterConnect.sessionRecordingInput", "Disabled")
	b.do("PATCH", edge+version, `{"properties":{"clusterConnect":{"sessionRecordingInput":"Enabled"}}}`).refused(http.StatusBadRequest, "InvalidRequestContent")
}
