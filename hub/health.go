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
	Welcomed <-chan struct{} // closed once the administrator's credential is where it belongs
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
	if reason := h.reason(); reason != "" {
		h.Reply.Error(w, r, fairlead.Errorf(fairlead.Unavailable, "%s", reason))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), pingTimeout)
	defer cancel()
	if err := h.Ping(ctx); err != nil {
		h.Reply.Error(w, r, fairlead.Errorf(fairlead.Unavailable, "the database does not answer: %w", err))
		return
	}
	alive(w)
}

// reason says why the hub should get no requests now, besides its database.
func (h *health) reason() string {
	select {
	case <-h.Draining:
		return "the hub is shutting down"
	default:
	}
	select {
	case <-h.Welcomed:
		return ""
	default:
		return "the hub is starting"
	}
}
