package hub

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func around(log *bytes.Buffer, next http.HandlerFunc) http.Handler {
	logger := slog.New(correlated{slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})})
	return identifyRequest(logRequests(logger, time.Now)(survivePanics(logger)(next)))
}

func TestPanicIsAnsweredOnceAndLogged(t *testing.T) {
	var log bytes.Buffer
	w := httptest.NewRecorder()
	around(&log, func(http.ResponseWriter, *http.Request) { panic("at the disco") }).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/x", nil))
	var answer struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusInternalServerError || answer.Error.Code != "InternalServerError" {
		t.Errorf("%d %s %v", w.Code, w.Body, err)
	}
	if strings.Contains(w.Body.String(), "disco") {
		t.Error("the client is told what happened inside")
	}
	for _, part := range []string{"disco", "middleware_test.go", w.Header().Get(requestIDHeader), "status=500"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log lacks %q: %s", part, log.String())
		}
	}
}

func TestPanicInTheMiddleCutsTheAnswer(t *testing.T) {
	defer func() {
		if cause := recover(); cause != http.ErrAbortHandler { //nolint:errorlint // panics carry it as it is
			t.Errorf("recovered %v", cause)
		}
	}()
	around(&bytes.Buffer{}, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		panic("late")
	}).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/x", nil))
}

func TestEveryAnswerHasItsIDs(t *testing.T) {
	cases := map[string]struct {
		reason, given string
		kept          bool
	}{
		"Given":     {"people group requests by their own id", "11111111-2222-3333-4444-555555555555", true},
		"None":      {"without one, a request is a group of its own", "", false},
		"Injection": {"nothing else gets into headers and logs", "a b\r\nc", false},
		"Long":      {"ids are bounded", strings.Repeat("a", 65), false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/x", nil)
			r.Header.Set(correlationIDHeader, c.given)
			around(&bytes.Buffer{}, func(http.ResponseWriter, *http.Request) {}).ServeHTTP(w, r)
			id, correlation := w.Header().Get(requestIDHeader), w.Header().Get(correlationIDHeader)
			if uuid.Validate(id) != nil || c.kept && correlation != c.given || !c.kept && correlation != id {
				t.Errorf("%s: request %q, correlation %q", c.reason, id, correlation)
			}
		})
	}
}
