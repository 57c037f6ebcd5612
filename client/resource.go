package client

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/url"

	"github.com/fairlead/fairlead"
)

// maxPages bounds a listing; the hub's pages are large.
const maxPages = 1000

// Get reads the document at path into v.
func (h *Hub) Get(ctx context.Context, path, version string, v any) error {
	response, err := h.Do(ctx, Call{Method: http.MethodGet, Path: path, Version: version})
	if err != nil {
		return err
	}
	return response.Decode(v)
}

// Exists asks whether there is a document at path.
func (h *Hub) Exists(ctx context.Context, path, version string) (bool, error) {
	_, err := h.Do(ctx, Call{Method: http.MethodHead, Path: path, Version: version})
	if fairlead.KindOf(err) == fairlead.NotFound {
		return false, nil
	}
	return err == nil, err
}

// Put creates or replaces the document at path, waits until the hub is done, and reads the result into v.
func (h *Hub) Put(ctx context.Context, path, version string, body, v any) error {
	return h.change(ctx, Call{Method: http.MethodPut, Path: path, Version: version, Body: body}, v)
}

// Patch changes parts of the document at path and reads the result into v.
func (h *Hub) Patch(ctx context.Context, path, version string, body, v any) error {
	return h.change(ctx, Call{Method: http.MethodPatch, Path: path, Version: version, Body: body}, v)
}

// Post runs an action and reads its answer into v.
func (h *Hub) Post(ctx context.Context, path, version string, body, v any) error {
	return h.change(ctx, Call{Method: http.MethodPost, Path: path, Version: version, Body: body}, v)
}

// Delete removes the document at path and waits until it is gone. Query may be nil.
func (h *Hub) Delete(ctx context.Context, path, version string, query url.Values) error {
	return h.change(ctx, Call{Method: http.MethodDelete, Path: path, Version: version, Query: query}, nil)
}

func (h *Hub) change(ctx context.Context, call Call, v any) error {
	begun, err := h.Begin(ctx, call)
	if err != nil {
		return err
	}
	return begun.Wait(ctx, v)
}

// Begun is a change that the hub has taken on.
type Begun struct {
	// Response is the hub's first answer.
	Response *Response

	hub  *Hub
	call Call
}

// Begin sends a change and does not wait until the hub is done with it.
func (h *Hub) Begin(ctx context.Context, call Call) (*Begun, error) {
	response, err := h.Do(ctx, call)
	if err != nil {
		return nil, err
	}
	return &Begun{Response: response, hub: h, call: call}, nil
}

// Wait waits until the hub is done and reads the result into v, which may be nil.
func (b *Begun) Wait(ctx context.Context, v any) error {
	response, err := b.hub.settle(ctx, b.call, b.Response)
	if err != nil {
		return err
	}
	return response.Decode(v)
}

// List reads all pages of the collection at path.
func (h *Hub) List(ctx context.Context, path, version string, query url.Values) ([]Document, error) {
	return h.Some(ctx, path, version, query, math.MaxInt)
}

// Some reads the collection at path until it has so many documents.
func (h *Hub) Some(ctx context.Context, path, version string, query url.Values, most int) ([]Document, error) {
	all := []Document{}
	call := Call{Method: http.MethodGet, Path: path, Version: version, Query: query}
	for range maxPages {
		var page struct {
			Value     []Document `json:"value"`
			NextLink  string     `json:"nextLink"`
			ODataNext string     `json:"@odata.nextLink"` //nolint:tagliatelle // OData has it so
		}
		response, err := h.Do(ctx, call)
		if err != nil {
			return nil, err
		}
		if err := response.Decode(&page); err != nil {
			return nil, err
		}
		all = append(all, page.Value...)
		next := cmp.Or(page.NextLink, page.ODataNext)
		if next == "" || len(all) >= most {
			return all[:min(most, len(all))], nil
		}
		call = Call{Method: http.MethodGet, Path: next, Version: version}
	}
	return nil, fairlead.Errorf(fairlead.TooLarge, "the list at %s has more than %d pages", path, maxPages)
}

// Decode reads a document into a typed value.
func Decode(document Document, v any) error {
	content, err := json.Marshal(document)
	if err != nil {
		return fairlead.Errorf(fairlead.Invalid, "the document cannot be written as JSON: %w", err)
	}
	if err := json.Unmarshal(content, v); err != nil {
		return fairlead.Errorf(fairlead.Invalid, "the document is not of the kind expected: %w", err)
	}
	return nil
}
