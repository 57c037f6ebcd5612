package registry

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// serveMirrored answers with what was pushed, and reports whether there was anything.
func (s *Server) serveMirrored(w http.ResponseWriter, r *http.Request, wanted request) bool {
	if s.Mirror == nil {
		return false
	}
	switch wanted.kind {
	case "tags":
		pushed, ok := s.Mirror.Tags(wanted.repository)
		if !ok || s.packs(wanted.repository) {
			return false // tags of a repository of the hub's own are listed together
		}
		s.listTags(w, r, wanted.repository, pushed)
		return true
	case "manifests":
		manifest, ok := s.Mirror.Manifest(wanted.repository, wanted.reference)
		if ok {
			sendFile(w, r, s.Mirror.Path(manifest.Digest), manifest.Digest, manifest.MediaType)
		}
		return ok
	default:
		ok := s.Mirror.HasBlob(wanted.repository, wanted.reference) || s.wantedByPusher(r, wanted)
		if ok {
			sendFile(w, r, s.Mirror.Path(wanted.reference), wanted.reference, "application/octet-stream")
		}
		return ok
	}
}

func (s *Server) packs(repository string) bool {
	content := s.now()
	return content != nil && content.repositories[repository] != nil
}

// wantedByPusher lets somebody who may push know which blobs need not be sent again.
func (s *Server) wantedByPusher(r *http.Request, wanted request) bool {
	if r.Method != http.MethodHead || r.Header.Get("Authorization") == "" {
		return false
	}
	known, err := s.identify(r)
	return err == nil && s.Access.Check(known.Context(), pushAction, "/") == nil && s.Mirror.Keep(wanted.reference)
}

// maxPage bounds lists.
const maxPage = 1000

// page cuts a sorted list as the caller's n and last say, and links to the rest.
func page(w http.ResponseWriter, r *http.Request, path string, all []string) []string {
	query := r.URL.Query()
	n, err := strconv.Atoi(query.Get("n"))
	if err != nil || n < 1 || n > maxPage {
		n = maxPage
	}
	if last := query.Get("last"); last != "" {
		at, found := slices.BinarySearch(all, last)
		if found {
			at++
		}
		all = all[at:]
	}
	if len(all) > n {
		all = all[:n]
		next := url.Values{"n": {strconv.Itoa(n)}, "last": {all[n-1]}}
		w.Header().Set("Link", "<"+path+"?"+next.Encode()+`>; rel="next"`)
	}
	return all
}

func (s *Server) listTags(w http.ResponseWriter, r *http.Request, repository string, all []string) {
	some := page(w, r, "/v2/"+repository+"/tags/list", all)
	writeJSON(w, http.StatusOK, tagList{repository, append([]string{}, some...)}) // [] where there is none, not null
}

// tags are those that the hub has packed, now or earlier, and those that were pushed.
func (s *Server) tags(content *catalogue, repository string) []string {
	all := content.tags(repository)
	if s.Mirror != nil {
		pushed, _ := s.Mirror.Tags(repository)
		all = append(all, pushed...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

type repositoryList struct {
	Repositories []string `json:"repositories"`
}

// listRepositories is for those who may see the registry as a whole.
func (s *Server) listRepositories(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.allow(w, r, listAction); !ok { //nolint:contextcheck // the context is the request's, with its principal
		return
	}
	all := s.Mirror.Repositories()
	if content := s.now(); content != nil {
		all = slices.AppendSeq(all, maps.Keys(content.repositories))
	}
	slices.Sort(all)
	writeJSON(w, http.StatusOK, repositoryList{page(w, r, "/v2/_catalog", slices.Compact(all))})
}
