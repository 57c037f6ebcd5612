package registry

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// request is a parsed path below /v2/.
type request struct{ repository, kind, reference string }

var (
	repositoryName = regexp.MustCompile(`^[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*$`)
	tagName        = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
	digestName     = regexp.MustCompile(`^sha256:[a-f0-9]{64}$`)
)

// maxPath is far above what our repositories need.
const maxPath = 512

// adfsPrefix is what az puts before its repositories when the hub's sign-in endpoint ends in /adfs: it takes
// the path of that endpoint for a part of the registry's name.
const adfsPrefix = "adfs/"

// parse reads /v2/{repository}/{manifests|blobs|tags}/{reference}.
func parse(path string) (request, bool) {
	rest, ok := strings.CutPrefix(path, "/v2/")
	if !ok || len(path) > maxPath {
		return request{}, false
	}
	parts := strings.Split(rest, "/")
	if len(parts) < 3 {
		return request{}, false
	}
	last := len(parts) - 2
	parsed := request{strings.TrimPrefix(strings.Join(parts[:last], "/"), adfsPrefix), parts[last], parts[last+1]}
	return parsed, repositoryName.MatchString(parsed.repository) && parsed.valid()
}

func (r request) valid() bool {
	switch r.kind {
	case "manifests":
		return digestName.MatchString(r.reference) || tagName.MatchString(r.reference)
	case "blobs":
		return digestName.MatchString(r.reference)
	default:
		return r.kind == "tags" && r.reference == "list"
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	reading := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch path := r.URL.Path; {
	case reading && (path == "/v2/" || path == "/v2"):
		s.ping(w, r)
	case path == "/v2/token":
		s.token(w, r)
	case reading && path == "/v2/_catalog":
		s.listRepositories(w, r)
	case !reading || isUpload(path):
		s.change(w, r)
	default:
		s.serveContent(w, r)
	}
}

func (s *Server) serveContent(w http.ResponseWriter, r *http.Request) {
	wanted, ok := parse(r.URL.Path)
	if !ok {
		refuse(w, http.StatusNotFound, "NAME_INVALID", "this is no path of a manifest, blob or tag list")
		return
	}
	if s.now() == nil && s.serveMirrored(w, r, wanted) { //nolint:contextcheck // the context is the request's, with its principal
		return // what was pushed need not wait until the hub has packed its own
	}
	content, err := s.ready(r.Context())
	if err != nil {
		w.Header().Set("Retry-After", "5")
		refuse(w, http.StatusServiceUnavailable, "UNAVAILABLE", err.Error())
		return
	}
	if holder := content.holder(wanted); holder != nil {
		holder.serve(w, r, wanted)
		return
	}
	if s.serveMirrored(w, r, wanted) { //nolint:contextcheck // the context is the request's, with its principal
		return
	}
	s.serveNothing(w, r, content, wanted)
}

// serveNothing answers what the hub has not packed: the list of what it has, or why there is none.
func (s *Server) serveNothing(w http.ResponseWriter, r *http.Request, content *catalogue, wanted request) {
	tags := s.tags(content, wanted.repository)
	switch {
	case isAzProxy(wanted.repository) && len(tags) == 0:
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN", s.noAzProxy(r.Context(), wanted.repository))
	case content.repositories[wanted.repository] == nil && len(tags) == 0:
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN", content.unknown(wanted.repository))
	case wanted.kind == "tags":
		s.listTags(w, r, wanted.repository, tags)
	case wanted.kind == "manifests":
		refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "of "+wanted.repository+" this hub serves only "+strings.Join(tags, ", "))
	default:
		refuse(w, http.StatusNotFound, "BLOB_UNKNOWN", "no such blob in "+wanted.repository)
	}
}

// serve sends what is there; the caller has looked.
func (c *catalogue) serve(w http.ResponseWriter, r *http.Request, wanted request) {
	repo := c.repositories[wanted.repository]
	if descriptor, ok := repo.manifest(wanted.reference); ok && wanted.kind == "manifests" {
		c.send(w, r, descriptor, string(descriptor.MediaType))
		return
	}
	c.send(w, r, repo.blobs[wanted.reference], "application/octet-stream")
}

func (r *repository) manifest(reference string) (v1.Descriptor, bool) {
	if descriptor, ok := r.tags[reference]; ok {
		return descriptor, true
	}
	if descriptor, ok := r.manifests[reference]; ok || digestName.MatchString(reference) {
		return descriptor, ok
	}
	return r.other, r.other.Size > 0
}

// has reports whether the hub itself has packed what is wanted.
func (r *repository) has(wanted request) bool {
	_, blob := r.blobs[wanted.reference]
	_, manifest := r.manifest(wanted.reference)
	return wanted.kind == "blobs" && blob || wanted.kind == "manifests" && manifest
}

func (c *catalogue) send(w http.ResponseWriter, r *http.Request, blob v1.Descriptor, mediaType string) {
	sendFile(w, r, c.path(blob), blob.Digest.String(), mediaType)
}

// sendFile streams a blob from its file; net/http does HEAD, Range and conditional requests.
func sendFile(w http.ResponseWriter, r *http.Request, path, digest, mediaType string) {
	file, err := os.Open(path) //nolint:gosec // made of a digest that was looked up
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, "UNAVAILABLE", "the hub cannot read this blob; restart it to pack it anew, or push it again")
		return
	}
	defer func() { _ = file.Close() }()
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Docker-Content-Digest", digest)
	w.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
	w.Header().Set("ETag", `"`+digest+`"`)
	http.ServeContent(w, r, "", time.Time{}, file)
}
