package hub

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestLogLinesOfARequestCarryItsIDs(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(correlated{slog.NewTextHandler(&out, nil)})
	handler := identifyRequest(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		log.With(slog.String("part", "x")).InfoContext(r.Context(), "something happened")
	}))
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.Header.Set(correlationIDHeader, "5f9b0b4c-caller")
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	for _, want := range []string{"correlation_id=5f9b0b4c-caller", "request_id=" + recorder.Header().Get(requestIDHeader), "part=x"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in %s", want, out.String())
		}
	}
	out.Reset()
	log.InfoContext(t.Context(), "nothing to do with a request")
	if strings.Contains(out.String(), "request_id") {
		t.Errorf("%s", out.String())
	}
}
