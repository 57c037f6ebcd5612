// Package client speaks to a hub over HTTPS: its resource API (including paging and long-running operations), token
// service, graph and the part of its data plane that people use. It knows Azure's wire rules and turns every failure into a
// fairlead.Error; it keeps no files and never prints.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
)

// Bounds of one HTTP exchange.
const (
	maxBody     = 32 << 20
	maxAttempts = 4
	maxPause    = 30 * time.Second
)

// Hub is a hub as one principal sees it. Its methods may be used by several goroutines.
type Hub struct {
	// URL is the hub's base URL, without a trailing slash.
	URL string
	// HTTP carries the requests; see NewHTTP.
	HTTP *http.Client
	// Token returns an access token for the hub; nil leaves requests unauthenticated.
	Token func(ctx context.Context) (string, error)
	// Renew, if set, makes Token return another token than the one that was just refused.
	Renew func()
	// CorrelationID, if set, is sent along with every request.
	CorrelationID string
}

// Document is a JSON object as the hub sent it, including what this version does not know.
type Document = map[string]any

// Call is one request. Path begins with a slash, or is an absolute URL of the same hub.
type Call struct {
	Method, Path string
	Version      string // api-version, left out when empty
	Query        url.Values
	Body         any
	// Repeatable says that a POST changes nothing, so that it may be sent again like a GET.
	Repeatable bool
	// Async asks the hub not to keep the caller waiting for what takes a while; see Begin.
	Async bool
}

// Response is an answer with a good status, its body read.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Decode reads the answer's JSON into v; an empty body leaves v as it is.
func (r *Response) Decode(v any) error {
	if len(bytes.TrimSpace(r.Body)) == 0 || v == nil {
		return nil
	}
	if err := json.Unmarshal(r.Body, v); err != nil {
		return fmt.Errorf("the hub's answer is not the JSON expected: %w", err)
	}
	return nil
}

// Do sends one call and returns the answer. Calls that may safely be repeated are, when the connection
// failed or the hub was busy. It does not follow long-running operations.
func (h *Hub) Do(ctx context.Context, call Call) (*Response, error) {
	content, err := encode(call.Body)
	if err != nil {
		return nil, err
	}
	renewed := h.Renew == nil
	for attempt := 1; ; attempt++ {
		response, err := h.attempt(ctx, call, content)
		if err == nil && response.Status == http.StatusUnauthorized && !renewed {
			h.Renew()
			renewed = true
			continue
		}
		wait, again := retryAfter(response, err, attempt)
		if again && attempt < maxAttempts && (call.Repeatable || idempotent(call.Method)) {
			if pause(ctx, wait) == nil {
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		return response, problem(response)
	}
}

func encode(body any) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	content, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	return content, nil
}

func (h *Hub) attempt(ctx context.Context, call Call, content []byte) (*Response, error) {
	request, err := h.request(ctx, call, content)
	if err != nil {
		return nil, err
	}
	response, err := h.HTTP.Do(request)
	if err != nil {
		return nil, unreachable(ctx, h.URL, err)
	}
	defer func() { _ = response.Body.Close() }() // everything of worth has been read by then
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, unreachable(ctx, h.URL, err)
	case len(body) > maxBody:
		return nil, fairlead.Errorf(fairlead.TooLarge, "the hub's answer is larger than %d bytes", maxBody)
	}
	return &Response{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}

func (h *Hub) request(ctx context.Context, call Call, content []byte) (*http.Request, error) {
	target, err := h.target(call)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, call.Method, target, bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("prepare the request: %w", err)
	}
	if content != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Accept", "application/json")
	if call.Async {
		request.Header.Set("Prefer", "respond-async")
	}
	request.Header.Set("User-Agent", "fairlead/"+fairlead.Version)
	request.Header.Set("X-Ms-Client-Request-Id", rand.Text())
	if h.CorrelationID != "" {
		request.Header.Set("X-Ms-Correlation-Request-Id", h.CorrelationID)
	}
	return request, h.authorize(ctx, request)
}

func (h *Hub) authorize(ctx context.Context, request *http.Request) error {
	if h.Token == nil {
		return nil
	}
	token, err := h.Token(ctx)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	return nil
}

// target never lets a URL from an answer carry the token to another host.
func (h *Hub) target(call Call) (string, error) {
	target, err := url.Parse(call.Path)
	base, failed := url.Parse(h.URL)
	if err != nil || failed != nil {
		return "", fairlead.Errorf(fairlead.Invalid, "%q is not an address at the hub %s", call.Path, h.URL)
	}
	if target.Host != "" && (target.Host != base.Host || target.Scheme != base.Scheme) {
		return "", fairlead.Errorf(fairlead.Invalid, "the hub %s points to another host, %s; it should be addressed by the URL it was started with", h.URL, target.Host)
	}
	if target.Host == "" {
		target.Scheme, target.Host, target.Path = base.Scheme, base.Host, strings.TrimSuffix(base.Path, "/")+target.Path
	}
	query := target.Query()
	maps.Copy(query, call.Query)
	if call.Version != "" && query.Get("api-version") == "" {
		query.Set("api-version", call.Version)
	}
	target.RawQuery = query.Encode()
	return target.String(), nil
}

func idempotent(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodPut || method == http.MethodDelete
}
