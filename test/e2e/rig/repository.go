package rig

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"strings"
)

// Repository is a classic chart repository whose index promises charts, and which does not keep the promise: what is asked for
// below missing/ is not there, and what is below closed/ needs credentials.
type Repository struct {
	Charts map[string]string // where the index says that version 1.0.0 of a chart is: a URL, or a path in the repository

	Authority []byte // PEM, of the certificate that it shows

	address string
}

// Start serves on a free port of host until ctx ends.
func (r *Repository) Start(ctx context.Context, host string) (err error) {
	r.address, r.Authority, err = serveTLS(ctx, host, "quay charts", http.HandlerFunc(r.serve))
	return err
}

// URL is where the repository is.
func (r *Repository) URL() string { return "https://" + r.address }

func (r *Repository) serve(w http.ResponseWriter, request *http.Request) {
	switch folder := path.Dir(request.URL.Path); {
	case request.URL.Path == "/index.yaml":
		_, _ = fmt.Fprint(w, r.index())
	case folder == "/closed":
		w.Header().Set("WWW-Authenticate", `Basic realm="quay"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
	default:
		http.NotFound(w, request)
	}
}

func (r *Repository) index() string {
	var text strings.Builder
	text.WriteString("apiVersion: v1\nentries:\n")
	for name, place := range r.Charts {
		fmt.Fprintf(&text, "  %[1]s:\n  - {apiVersion: v2, name: %[1]s, version: 1.0.0, urls: ['%[2]s']}\n", name, place)
	}
	return text.String()
}
