package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Registry is somebody's registry of artifacts, with one repository, shop/app, and its tag latest. Whoever pulls from it needs
// its user and password; nothing can be pushed to it.
type Registry struct {
	User, Password string
	Tags           []string // that it names when it is asked for all; latest alone can be pulled

	Authority []byte // PEM, of the certificate that it shows

	address string
	mu      sync.Mutex
	layout  string
}

// Start serves on a free port of host until ctx ends.
func (r *Registry) Start(ctx context.Context, host string) (err error) {
	r.address, r.Authority, err = serveTLS(ctx, host, "quay artifacts", http.HandlerFunc(r.serve))
	return err
}

// URL is where the artifact is, as Flux takes it.
func (r *Registry) URL() string { return "oci://" + r.address + "/shop/app" }

// Image is where the repository is, as an image's name has it.
func (r *Registry) Image() string { return r.address + "/shop/app" }

// Show makes the artifact in a folder, in OCI layout, the one that is served. What was served before is no longer there.
func (r *Registry) Show(layout string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.layout = layout
}

func (r *Registry) serve(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	layout := r.layout
	r.mu.Unlock()
	if user, password, _ := request.BasicAuth(); user != r.User || password != r.Password {
		w.Header().Set("WWW-Authenticate", `Basic realm="quay"`)
		refuseArtifact(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		return
	}
	kind, reference, _ := strings.Cut(strings.TrimPrefix(request.URL.Path, "/v2/shop/app/"), "/")
	switch {
	case request.URL.Path == "/v2/":
		_, _ = w.Write([]byte("{}")) // the client may be gone
	case request.Method != http.MethodGet && request.Method != http.MethodHead:
		refuseArtifact(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "the operation is unsupported")
	case kind == "tags":
		_ = json.NewEncoder(w).Encode(map[string]any{"name": "shop/app", "tags": r.Tags}) // as above
	case kind == "manifests":
		serveManifest(w, request, layout, reference)
	case kind == "blobs":
		serveLayout(w, request, layout, reference, "application/octet-stream")
	default:
		refuseArtifact(w, http.StatusNotFound, "NAME_UNKNOWN", "repository name not known to registry")
	}
}

// refuseArtifact is an error as the specification of registries has it.
func refuseArtifact(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q}]}`, code, message)
}

func serveManifest(w http.ResponseWriter, request *http.Request, layout, reference string) {
	if reference == "latest" {
		var index struct {
			Manifests []descriptor `json:"manifests"`
		}
		content, err := os.ReadFile(filepath.Join(layout, "index.json"))
		if err != nil || json.Unmarshal(content, &index) != nil || len(index.Manifests) != 1 {
			http.Error(w, "no artifact is shown", http.StatusInternalServerError)
			return
		}
		reference = index.Manifests[0].Digest
	}
	serveLayout(w, request, layout, reference, artifactManifest)
}

func serveLayout(w http.ResponseWriter, request *http.Request, layout, digest, mediaType string) {
	file := filepath.Join(layout, "blobs", "sha256", filepath.Base(strings.TrimPrefix(digest, "sha256:")))
	if _, err := os.Stat(file); err != nil {
		refuseArtifact(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
		return
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Docker-Content-Digest", digest)
	http.ServeFile(w, request, file)
}
