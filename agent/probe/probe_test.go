package probe_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/agent/probe"
)

func ask(t *testing.T, server *httptest.Server, path string) (int, string) {
	t.Helper()
	answer, err := server.Client().Get(server.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestReadinessNamesTheAgentThatIsNot(t *testing.T) {
	state := probe.NewState("a", "b")
	probes := &probe.Server{State: state, Registry: probe.NewRegistry(), Log: slog.New(slog.DiscardHandler)}
	server := httptest.NewServer(probes.Handler())
	defer server.Close()

	if code, text := ask(t, server, "/readyz"); code != http.StatusServiceUnavailable || text != "a: starting\nb: starting\n" {
		t.Errorf("at first: %d %q", code, text)
	}
	state.Reporter("a")(nil)
	state.Reporter("b")(errors.New("no identity yet"))
	if code, text := ask(t, server, "/readiness"); code != http.StatusServiceUnavailable || text != "b: no identity yet\n" {
		t.Errorf("half: %d %q", code, text)
	}
	state.Reporter("b")(nil)
	if code, _ := ask(t, server, "/readyz"); code != http.StatusOK {
		t.Errorf("at last: %d", code)
	}
}

func TestMetricsHoldWhatMetricsAgentReads(t *testing.T) {
	probes := &probe.Server{State: probe.NewState(), Registry: probe.NewRegistry(), Log: slog.New(slog.DiscardHandler)}
	server := httptest.NewServer(probes.Handler())
	defer server.Close()
	_, text := ask(t, server, "/metrics")
	for _, name := range []string{"process_resident_memory_bytes ", "process_cpu_seconds_total "} {
		if !strings.Contains(text, "\n"+name) {
			t.Errorf("%s is missing", name)
		}
	}
}
