package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/registry/mirror"
)

const (
	// The bound that other registries have.
	maxManifest = 4 << 20
	// A push must not stand still for longer; as a whole it may take as long as a slow line needs.
	stillTimeout = time.Minute
)

// uploadPath is /v2/{repository}/blobs/uploads/[id].
var uploadPath = regexp.MustCompile(`^/v2/(.+)/blobs/uploads/?([0-9a-f-]{36})?$`)

func isUpload(path string) bool { return len(path) <= maxPath && uploadPath.MatchString(path) }

// change does what changes the registry, for those who may.
func (s *Server) change(w http.ResponseWriter, r *http.Request) {
	action := pushAction
	if r.Method == http.MethodDelete && !isUpload(r.URL.Path) {
		action = deleteAction
	}
	known, ok := s.allow(w, r, action) //nolint:contextcheck // the context is the request's, with its principal
	if !ok {
		return
	}
	if err := s.do(w, known); err != nil {
		s.fail(w, known, err)
	}
}

func (s *Server) do(w http.ResponseWriter, r *http.Request) error {
	if isUpload(r.URL.Path) {
		return s.upload(w, r)
	}
	wanted, ok := parse(r.URL.Path)
	switch {
	case !ok:
		return fairlead.Errorf(fairlead.NotFound, "this is no path of a manifest or a push").WithCode("NAME_INVALID")
	case r.Method == http.MethodPut && wanted.kind == "manifests":
		return s.putManifest(w, r, wanted)
	case r.Method == http.MethodDelete && wanted.kind == "manifests":
		return s.deleteManifest(w, r, wanted)
	}
	return fairlead.Errorf(fairlead.MethodNotAllowed, "the registry has no such operation").WithCode("UNSUPPORTED")
}

// fail answers in the registry's words; codes that are not from there are the hub's own.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	known, ok := errors.AsType[*fairlead.Error](err)
	if !ok {
		s.Log.ErrorContext(r.Context(), "push failed", slog.String("path", r.URL.Path), slog.Any("err", err))
		refuse(w, http.StatusInternalServerError, "UNKNOWN", "the hub could not do that; its log says why")
		return
	}
	statuses := map[fairlead.Kind]int{
		fairlead.Invalid: http.StatusBadRequest, fairlead.NotFound: http.StatusNotFound, fairlead.TooLarge: http.StatusRequestEntityTooLarge,
		fairlead.TooManyRequests: http.StatusTooManyRequests, fairlead.Unavailable: http.StatusInsufficientStorage,
		fairlead.MethodNotAllowed: http.StatusMethodNotAllowed, fairlead.Conflict: http.StatusForbidden,
	}
	status, code := statuses[known.Kind], known.Code
	switch code {
	case "RANGE":
		status, code = http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID"
	case "InsufficientStorage":
		s.Log.ErrorContext(r.Context(), "push failed: the disk is full", slog.String("path", r.URL.Path))
		code = "DENIED"
	}
	if status == 0 {
		status = http.StatusInternalServerError
	}
	refuse(w, status, code, known.Message)
}

// upload pushes a blob: POST begins, PATCH adds, PUT ends, GET tells how far it is, DELETE gives up.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) error {
	parts := uploadPath.FindStringSubmatch(r.URL.Path)
	repository, id := strings.TrimPrefix(parts[1], adfsPrefix), parts[2]
	if !repositoryName.MatchString(repository) {
		return fairlead.Errorf(fairlead.Invalid, "%.200q is no name of a repository", repository).WithCode("NAME_INVALID")
	}
	if id == "" {
		return s.begin(w, r, repository)
	}
	found, err := s.Mirror.Upload(repository, id)
	if err != nil {
		return err
	}
	switch r.Method {
	case http.MethodPatch:
		if err := s.add(w, r, found); err != nil {
			return err
		}
		progress(w, found, http.StatusAccepted)
	case http.MethodPut:
		return s.end(w, r, found)
	case http.MethodGet, http.MethodHead:
		progress(w, found, http.StatusNoContent)
	case http.MethodDelete:
		found.Cancel()
		w.WriteHeader(http.StatusNoContent)
	default:
		return fairlead.Errorf(fairlead.MethodNotAllowed, "a push has no such operation").WithCode("UNSUPPORTED")
	}
	return nil
}

func progress(w http.ResponseWriter, of *mirror.Upload, status int) {
	w.Header().Set("Location", "/v2/"+of.Repository+"/blobs/uploads/"+of.ID)
	w.Header().Set("Docker-Upload-UUID", of.ID)
	w.Header().Set("Range", fmt.Sprintf("0-%d", max(of.Size()-1, 0)))
	w.WriteHeader(status)
}

// begin starts a push, or ends it at once: when the blob is there already, or comes along.
func (s *Server) begin(w http.ResponseWriter, r *http.Request, repository string) error {
	if r.Method != http.MethodPost {
		return fairlead.Errorf(fairlead.MethodNotAllowed, "a push begins with POST").WithCode("UNSUPPORTED")
	}
	if mount := r.URL.Query().Get("mount"); mirror.ValidDigest(mount) && s.Mirror.Keep(mount) {
		created(w, repository, "blobs", mount)
		return nil
	}
	begun, err := s.Mirror.Begin(repository)
	if err != nil {
		return err
	}
	if r.URL.Query().Get("digest") != "" {
		return s.end(w, r, begun)
	}
	progress(w, begun, http.StatusAccepted)
	return nil
}

func created(w http.ResponseWriter, repository, kind, digest string) {
	w.Header().Set("Location", "/v2/"+repository+"/"+kind+"/"+digest)
	w.Header().Set("Docker-Content-Digest", digest)
	w.WriteHeader(http.StatusCreated)
}

// add appends the request's body to the push.
func (s *Server) add(w http.ResponseWriter, r *http.Request, to *mirror.Upload) error {
	from, err := firstByte(r.Header.Get("Content-Range"))
	if err != nil {
		return err
	}
	at, err := to.Append(from, &patientReader{r.Body, http.NewResponseController(w)})
	if fairlead.CodeOf(err) == "RANGE" {
		w.Header().Set("Range", fmt.Sprintf("0-%d", max(at-1, 0)))
	}
	return err
}

// firstByte reads a header of the form FIRST-LAST, with or without the unit.
func firstByte(header string) (int64, error) {
	if header == "" {
		return -1, nil
	}
	first, _, found := strings.Cut(strings.TrimPrefix(header, "bytes "), "-")
	at, err := strconv.ParseInt(first, 10, 64)
	if err != nil || !found || at < 0 {
		return 0, fairlead.Errorf(fairlead.Invalid, "Content-Range %.60q is not FIRST-LAST", header).WithCode("RANGE")
	}
	return at, nil
}

// patientReader gives a body more time with every piece that arrives.
type patientReader struct {
	body       io.Reader
	controller *http.ResponseController
}

func (p *patientReader) Read(into []byte) (int, error) {
	if err := p.controller.SetReadDeadline(time.Now().Add(stillTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.body.Read(into)
}

func (s *Server) end(w http.ResponseWriter, r *http.Request, of *mirror.Upload) error {
	digest := r.URL.Query().Get("digest")
	if !mirror.ValidDigest(digest) {
		return fairlead.Errorf(fairlead.Invalid, "%.100q is no sha256 digest", digest).WithCode("DIGEST_INVALID")
	}
	if r.ContentLength != 0 {
		if err := s.add(w, r, of); err != nil {
			return err
		}
	}
	if err := of.Commit(digest); err != nil {
		return err
	}
	created(w, of.Repository, "blobs", digest)
	return nil
}

func (s *Server) putManifest(w http.ResponseWriter, r *http.Request, wanted request) error {
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxManifest))
	if err != nil {
		return fairlead.Errorf(fairlead.TooLarge, "a manifest may have %d bytes at most", maxManifest).WithCode("SIZE_INVALID")
	}
	manifest, err := mirror.Parse(content, r.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	tag := wanted.reference
	if digestName.MatchString(tag) {
		if tag != manifest.Digest {
			return fairlead.Errorf(fairlead.Invalid, "what was pushed has digest %s", manifest.Digest).WithCode("DIGEST_INVALID")
		}
		tag = ""
	}
	if err := s.notOurs(r.Context(), wanted, "push it under another tag"); err != nil {
		return err
	}
	if err := s.Mirror.Put(wanted.repository, tag, manifest, content); err != nil {
		return err
	}
	s.Log.InfoContext(r.Context(), "an artefact was pushed", slog.String("repository", wanted.repository),
		slog.String("reference", wanted.reference), slog.String("digest", manifest.Digest))
	created(w, wanted.repository, "manifests", manifest.Digest)
	return nil
}

// notOurs keeps pushes away from what the hub packs itself, lest somebody believes that theirs is served. Instead says what is
// left to do.
func (s *Server) notOurs(ctx context.Context, wanted request, instead string) error {
	content, err := s.ready(ctx)
	if err != nil {
		return nil //nolint:nilerr // the hub has packed nothing that could be in the way
	}
	if repo := content.repositories[wanted.repository]; repo != nil && repo.has(wanted) {
		return fairlead.Errorf(fairlead.Conflict, "the hub packs %s:%s itself, so %s", wanted.repository, wanted.reference, instead).WithCode("DENIED")
	}
	return nil
}

func (s *Server) deleteManifest(w http.ResponseWriter, r *http.Request, wanted request) error {
	if err := s.notOurs(r.Context(), wanted, "it cannot be removed"); err != nil {
		return err
	}
	if err := s.Mirror.Delete(r.Context(), wanted.repository, wanted.reference); err != nil {
		return err
	}
	s.Log.InfoContext(r.Context(), "an artefact was deleted", slog.String("repository", wanted.repository), slog.String("reference", wanted.reference))
	w.WriteHeader(http.StatusAccepted)
	return nil
}
