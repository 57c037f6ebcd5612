// Package kube is the agents' client of their own cluster's API server: get, server-side apply,
// list and watch over plain JSON. Callers bring structs that hold only the fields they read, so a
// watch of big objects costs little memory; generated clients and informers would cost many times that.
package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/fairlead/fairlead"
)

// maxAnswer bounds one object or one page of a list.
const maxAnswer = 32 << 20

// callTimeout bounds a call that is not a watch.
const callTimeout = 30 * time.Second

// Client calls one API server.
type Client struct {
	HTTP *http.Client
	URL  string // without a slash at the end
}

// Connect returns a client of the API server that a kubeconfig names, or of the cluster in which the
// process runs when the name is empty. It makes no call.
func Connect(kubeconfig string) (*Client, error) {
	config, err := load(kubeconfig)
	if err != nil {
		return nil, err
	}
	config.UserAgent = "fairlead-agent/" + fairlead.Version
	transport, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("prepare the client of the API server: %w", err)
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("read the API server's address: %w", err)
	}
	return &Client{HTTP: transport, URL: base.Scheme + "://" + base.Host + trimSlash(base.Path)}, nil
}

func load(kubeconfig string) (*rest.Config, error) {
	if kubeconfig != "" {
		config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		if err != nil {
			return nil, fmt.Errorf("read the kubeconfig: %w", err)
		}
		return config, nil
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster in which this runs: %w", err)
	}
	// The proxy of the pod's environment leads out of the cluster; its API server is inside.
	config.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil } //nolint:nilnil // net/http asks for just that
	return config, nil
}

func trimSlash(path string) string {
	for len(path) > 0 && path[len(path)-1] == '/' {
		path = path[:len(path)-1]
	}
	return path
}

// Get reads the object at a path into a struct. A missing one is a fairlead.NotFound error.
func (c *Client) Get(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := c.send(ctx, http.MethodGet, path, nil, "", nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(into); err != nil {
		return fmt.Errorf("decode %s: %w", path, err)
	}
	return nil
}

// Apply makes the object at a path hold the given fields, by server-side apply in a manager's
// name; it takes fields over from others. The object is created when it does not exist.
func (c *Client) Apply(ctx context.Context, path, manager string, object any) error {
	return c.ApplyInto(ctx, path, manager, object, &Object{})
}

// ApplyInto is Apply, and reads the object as it is afterwards.
func (c *Client) ApplyInto(ctx context.Context, path, manager string, object, into any) error {
	body, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("encode for %s: %w", path, err)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	query := "?" + url.Values{"fieldManager": {manager}, "force": {"true"}}.Encode()
	answer, err := c.send(ctx, http.MethodPatch, path+query, body, "application/apply-patch+yaml", nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(into); err != nil {
		return fmt.Errorf("decode %s: %w", path, err)
	}
	return nil
}

func (c *Client) send(ctx context.Context, method, path string, body []byte, content string, header http.Header) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("prepare %s %s: %w", method, path, err)
	}
	request.Header.Set("Accept", "application/json")
	maps.Copy(request.Header, header)
	if content != "" {
		request.Header.Set("Content-Type", content)
	}
	answer, err := c.HTTP.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the API server: %w", err)
	}
	if answer.StatusCode >= http.StatusBadRequest {
		defer answer.Body.Close()
		return nil, refusal(answer.StatusCode, answer.Body)
	}
	return answer, nil
}

// status is the API server's way of saying no.
type status struct {
	Message string `json:"message"`
	Reason  string `json:"reason"`
	Code    int    `json:"code"`
	Details struct {
		Causes []struct {
			Reason string `json:"reason"`
		} `json:"causes"`
	} `json:"details"`
}

func refusal(code int, body io.Reader) error {
	var said status
	if json.NewDecoder(io.LimitReader(body, 1<<20)).Decode(&said) != nil || said.Message == "" {
		said = status{Message: http.StatusText(code), Reason: http.StatusText(code)}
	}
	said.Code = code
	return said.err()
}

func (s status) err() error {
	kinds := map[int]fairlead.Kind{
		http.StatusBadRequest: fairlead.Invalid, http.StatusUnauthorized: fairlead.Unauthenticated,
		http.StatusForbidden: fairlead.Forbidden, http.StatusNotFound: fairlead.NotFound,
		http.StatusConflict: fairlead.Conflict, http.StatusUnprocessableEntity: fairlead.Invalid,
		http.StatusTooManyRequests: fairlead.TooManyRequests, http.StatusServiceUnavailable: fairlead.Unavailable,
	}
	reason := s.Reason
	for _, cause := range s.Details.Causes {
		if cause.Reason == NamespaceTerminating {
			reason = cause.Reason
		}
	}
	return fairlead.Errorf(kinds[s.Code], "the API server says: %s", s.Message).WithCode(reason)
}

// NamespaceTerminating is the code of the error for an object in a namespace that is being deleted.
const NamespaceTerminating = "NamespaceTerminating"

// expired reports that a list or watch must begin again.
func expired(err error) bool {
	var known *fairlead.Error
	return errors.As(err, &known) && (known.Code == "Expired" || known.Code == "Gone")
}
