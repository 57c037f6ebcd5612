package hub

import (
	"context"
	"net/http"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/reply"
)

// pingTimeout bounds the question whether the database answers.
const pingTimeout = 2 * time.Second

// health says whether the hub lives (/healthz) and whether it should get requests (/readyz).
type health struct {
	Ping     func(context.Context) error
	Draining <-chan struct{}
	Reply    reply.Writer
}

// Mount adds the probes to mux.
func (h *health) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { alive(w) })
	mux.HandleFunc("GET /readyz", h.ready)
}

func alive(w http.ResponseWriter) {
	reply.JSON(w, http.StatusOK, map[string]string{"status": "ok", "version": fairlead.Version})
}

func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	select {
	case <-h.Draining:
		h.Reply.Error(w, r, fairlead.Errorf(fairlead.Unavailable, "the hub is shutting down"))
		return
	default:
	}
	ctx, cancel := context.WithTimeout(r.Context(), pingTimeout)
	defer cancel()
	if err := h.Ping(ctx); err != nil {
		h.Reply.Error(w, r, fairlead.Errorf(fairlead.Unavailable, "the database does not answer: %w", err))
		return
	}
	alive(w)
}
