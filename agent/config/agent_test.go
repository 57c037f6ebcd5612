package config

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/dataplane"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/logline"
)

// script is a hub that answers what the test says and keeps what it is told.
type script struct {
	pending  fairlead.PendingConfigs
	err      error
	lost     error
	queries  []fairlead.PendingQuery
	statuses []fairlead.ConfigurationStatus
	reports  []fairlead.ExtensionReport
	fluxes   []fairlead.FluxReport
}

func (s *script) PendingConfigs(_ context.Context, query fairlead.PendingQuery) (fairlead.PendingConfigs, error) {
	s.queries = append(s.queries, query)
	return s.pending, s.err
}

func (s *script) ConfigStatuses(_ context.Context, statuses []fairlead.ConfigurationStatus) error {
	if s.lost != nil {
		return s.lost
	}
	s.statuses = append(s.statuses, statuses...)
	return nil
}

func (s *script) ExtensionStatuses(_ context.Context, reports []fairlead.ExtensionReport) error {
	if s.lost != nil {
		return s.lost
	}
	s.reports = append(s.reports, reports...)
	return nil
}

func (s *script) FluxStatuses(_ context.Context, reports []fairlead.FluxReport) error {
	if s.lost != nil {
		return s.lost
	}
	s.fluxes = append(s.fluxes, reports...)
	return nil
}

func agent(t *testing.T, hub *script, log io.Writer, answer http.HandlerFunc) *Agent {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	client, err := kube.New(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	a := &Agent{
		Kube: client, Hub: hub, Namespace: "azure-arc",
		Log: slog.New(logline.New(log, slog.LevelInfo, logline.Identity{Agent: fairlead.ConfigAgent})), Ready: func(error) {},
	}
	a.prepare()
	return a
}

// applied is a whole answer of an API server.
const applied = `{"apiVersion":"arc.azure.com/v1beta1","kind":"ConnectedCluster","metadata":{"name":"clustermetadata"}}`

func answerApplied(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(applied))
}

func wanted(kind, name string) fairlead.PendingConfigs {
	return fairlead.PendingConfigs{ETag: "e1", Configurations: []fairlead.Configuration{
		{APIVersion: "arc.azure.com/v1beta1", Kind: kind, Name: name, Spec: json.RawMessage(`{"location":"local"}`)},
	}}
}

func TestConfigurationBecomesAnObject(t *testing.T) {
	var path, body string
	hub := &script{pending: wanted("ConnectedCluster", "clustermetadata")}
	a := agent(t, hub, io.Discard, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		path, body = r.Method+" "+r.URL.RequestURI(), string(text)
		answerApplied(w)
	})
	if err := a.once(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := "PATCH /apis/arc.azure.com/v1beta1/namespaces/azure-arc/connectedclusters/clustermetadata?fieldManager=config-agent&force=true"; path != want {
		t.Errorf("request %s, want %s", path, want)
	}
	if want := `{"kind":"ConnectedCluster","apiVersion":"arc.azure.com/v1beta1","metadata":{"name":"clustermetadata","namespace":"azure-arc"},"spec":{"location":"local"}}`; body != want {
		t.Errorf("body %s, want %s", body, want)
	}
	if len(hub.statuses) != 1 || !hub.statuses[0].Applied || a.etag != "e1" {
		t.Errorf("statuses %+v, etag %q", hub.statuses, a.etag)
	}
}

// A hub, or who poses as one, can write a few kinds of object and nothing else.
func TestOtherObjectsAreRefused(t *testing.T) {
	cases := map[string]fairlead.PendingConfigs{
		"Kind": wanted("Secret", "x"), "Slash": wanted("ConnectedCluster", "../../secrets/x"), "Empty": wanted("ConnectedCluster", ""),
	}
	for name, pending := range cases {
		t.Run(name, func(t *testing.T) {
			hub := &script{pending: pending}
			a := agent(t, hub, io.Discard, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("called %s", r.URL) })
			if err := a.once(t.Context()); err == nil || a.etag != "" {
				t.Errorf("applied: %v", err)
			}
			if len(hub.statuses) != 1 || hub.statuses[0].Applied || hub.statuses[0].Message == "" {
				t.Errorf("statuses %+v", hub.statuses)
			}
		})
	}
}

func TestStatusesAreSentWhenTheHubIsBack(t *testing.T) {
	hub := &script{pending: wanted("ConnectedCluster", "clustermetadata"), lost: io.ErrUnexpectedEOF}
	a := agent(t, hub, io.Discard, func(w http.ResponseWriter, _ *http.Request) { answerApplied(w) })
	if err := a.once(t.Context()); err == nil {
		t.Error("the loss was not noticed")
	}
	hub.lost, hub.pending = nil, fairlead.PendingConfigs{ETag: "e1", Unchanged: true}
	if err := a.once(t.Context()); err != nil || len(hub.statuses) != 1 || hub.queries[1].ETag != "e1" {
		t.Errorf("error %v, statuses %+v, queries %+v", err, hub.statuses, hub.queries)
	}
}

func TestFailuresAreLoggedInTheGuidesWords(t *testing.T) {
	var log bytes.Buffer
	hub := &script{err: &dataplane.Refusal{Status: 403, Message: "This traffic is not authorized.", Target: "/subscriptions/s/x"}}
	a := agent(t, hub, &log, nil)
	if err := a.once(t.Context()); err == nil {
		t.Error("no error")
	}
	for _, want := range []string{
		`"Message":"Errorcode: 403, Message This traffic is not authorized., Target /subscriptions/s/x"`,
		`"Message":"Failed to GET configurations with err : {`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%s is missing in %s", want, log.String())
		}
	}
}
