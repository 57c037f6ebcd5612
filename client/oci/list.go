package oci

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/fairlead/fairlead"
)

// Artefact is one tag of one repository. Size is what pulling it brings, in bytes; of an index, that of the index alone.
type Artefact struct {
	Repository string `json:"repository"`
	Tag        string `json:"tag"`
	Digest     string `json:"digest"`
	MediaType  string `json:"mediaType"`
	Size       int64  `json:"size"`
}

const maxAnswer = 8 << 20

// List returns everything in the registry that has a tag, by repository.
func (r *Registry) List(ctx context.Context) ([]Artefact, error) {
	found := []Artefact{}
	for next := "/v2/_catalog"; next != ""; {
		var page struct {
			Repositories []string `json:"repositories"`
		}
		link, err := r.get(ctx, next, &page)
		if err != nil {
			return nil, err
		}
		for _, repository := range page.Repositories {
			some, err := r.tags(ctx, repository)
			if err != nil {
				return nil, err
			}
			found = append(found, some...)
		}
		next = link
	}
	return found, nil
}

func (r *Registry) tags(ctx context.Context, repository string) ([]Artefact, error) {
	var found []Artefact
	for next := "/v2/" + repository + "/tags/list"; next != ""; {
		var page struct {
			Tags []string `json:"tags"`
		}
		link, err := r.get(ctx, next, &page)
		if err != nil {
			return nil, err
		}
		for _, tag := range page.Tags {
			one, err := r.artefact(ctx, repository, tag)
			if err != nil {
				return nil, err
			}
			found = append(found, one)
		}
		next = link
	}
	return found, nil
}

func (r *Registry) artefact(ctx context.Context, repository, tag string) (Artefact, error) {
	reference, err := r.reference(repository + ":" + tag)
	if err != nil {
		return Artefact{}, err
	}
	got, err := remote.Get(reference, r.options(ctx)...)
	if err != nil {
		return Artefact{}, refused(err)
	}
	shown := Artefact{repository, tag, got.Digest.String(), string(got.MediaType), got.Size}
	var manifest v1.Manifest
	if err := json.Unmarshal(got.Manifest, &manifest); err != nil {
		return Artefact{}, fmt.Errorf("read %s: %w", reference, err)
	}
	for _, layer := range manifest.Layers {
		shown.Size += layer.Size
	}
	return shown, nil
}

// get reads one page and returns the path of the next; a link elsewhere is not followed.
func (r *Registry) get(ctx context.Context, path string, into any) (next string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL+path, nil)
	if err != nil {
		return "", fmt.Errorf("ask the hub's registry: %w", err)
	}
	answer, err := r.Transport.RoundTrip(request)
	if err != nil {
		return "", fairlead.Errorf(fairlead.Unavailable, "the hub's registry does not answer: %w", err)
	}
	defer func() { _ = answer.Body.Close() }() // only read
	content, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return "", fmt.Errorf("read the registry's answer: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return "", said(answer.StatusCode, content)
	}
	if err := json.Unmarshal(content, into); err != nil {
		return "", fmt.Errorf("read the registry's answer: %w", err)
	}
	return nextPath(answer.Header.Get("Link")), nil
}

// said is an answer that is an error, in the registry's own words.
func said(status int, content []byte) error {
	var answer struct {
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	text := http.StatusText(status)
	if json.Unmarshal(content, &answer) == nil && len(answer.Errors) > 0 {
		text = answer.Errors[0].Message
	}
	kinds := map[int]fairlead.Kind{http.StatusUnauthorized: fairlead.Unauthenticated, http.StatusForbidden: fairlead.Forbidden, http.StatusNotFound: fairlead.NotFound}
	kind, ok := kinds[status]
	if !ok {
		kind = fairlead.Unavailable
	}
	return fairlead.Errorf(kind, "the hub's registry refused: %s", text)
}

func nextPath(link string) string {
	inside, rest, ok := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	if !ok || !strings.Contains(rest, "next") {
		return ""
	}
	address, err := url.Parse(inside)
	if err != nil || !strings.HasPrefix(address.Path, "/v2/") {
		return ""
	}
	return address.RequestURI()
}

// Delete removes a tag, with what only it named, or a manifest by its digest with all tags.
func (r *Registry) Delete(ctx context.Context, reference string) error {
	parsed, err := r.reference(reference)
	if err != nil {
		return err
	}
	if err := remote.Delete(parsed, r.options(ctx)...); err != nil {
		return refused(err)
	}
	return nil
}
