package hub

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/fairlead/fairlead/hub/reply"
)

func TestReadiness(t *testing.T) {
	yet, done := make(chan struct{}), make(chan struct{})
	close(done)
	cases := map[string]struct {
		reason             string
		welcomed, draining <-chan struct{}
		database           error
		want               int
	}{
		"Ready":    {"it serves", done, yet, nil, http.StatusOK},
		"Starting": {"the administrator's credential is not in its file yet", yet, yet, nil, http.StatusServiceUnavailable},
		"Draining": {"it stops", done, done, nil, http.StatusServiceUnavailable},
		"Database": {"nothing could be answered", done, yet, errors.New("gone"), http.StatusServiceUnavailable},
	}
	for name, tc := range cases {
		mux := http.NewServeMux()
		(&health{
			Ping: func(context.Context) error { return tc.database }, Welcomed: tc.welcomed, Draining: tc.draining,
			Reply: reply.Writer{Log: slog.New(slog.DiscardHandler)},
		}).Mount(mux)
		for path, want := range map[string]int{"/readyz": tc.want, "/healthz": http.StatusOK} {
			answer := httptest.NewRecorder()
			mux.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			if answer.Code != want {
				t.Errorf("%s: %s answers %d, want %d: %s", name, path, answer.Code, want, tc.reason)
			}
		}
	}
}
