// Package lastword is how a watch that is cut says why: with an event of type ERROR that holds a Status, which kubectl prints and
// client-go hands to whoever watches. A stream that only ends looks like one that has been read to its end. The package does not know
// why anything is cut.
package lastword

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// Status is a Status of Kubernetes.
type Status struct {
	Kind       string   `json:"kind"`
	APIVersion string   `json:"apiVersion"`
	Metadata   struct{} `json:"metadata"`
	Status     string   `json:"status"`
	Message    string   `json:"message"`
	Reason     string   `json:"reason"`
	Details    *Details `json:"details,omitempty"`
	Code       int      `json:"code"`
}

// Details are what a Status says besides. RetryAfterSeconds is when to come again, 0 when that is not known.
type Details struct {
	Causes            []Cause `json:"causes,omitempty"`
	RetryAfterSeconds int     `json:"retryAfterSeconds,omitempty"`
}

// Cause is one more thing that is known, in one sentence.
type Cause struct {
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message"`
}

// Failure returns a Status with a code of HTTP, Kubernetes' word for it, and a message for people.
func Failure(code int, reason, message string) Status {
	return Status{Kind: "Status", APIVersion: "v1", Status: "Failure", Message: message, Reason: reason, Code: code}
}

// Watches reports whether an answer is a watch that can be told why it ends: one in JSON, of what is at a path of an API server, that
// has no length and is not compressed. Others (in protobuf, of a service behind the API server) have to be broken off.
func Watches(answer *http.Response, path string) bool {
	kind, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";")
	return answer.StatusCode == http.StatusOK && answer.ContentLength < 0 && answer.Header.Get("Content-Encoding") == "" &&
		strings.TrimSpace(kind) == "application/json" && asks(answer.Request) && watchable(path)
}

func asks(r *http.Request) bool {
	values, found := r.URL.Query()["watch"]
	return found && r.Method == http.MethodGet && values[0] != "false" && values[0] != "0"
}

// watchable reports whether a path is that of a collection or of one object in it: what follows is a subresource, whose bytes may be
// anybody's.
func watchable(path string) bool {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case len(parts) > 2 && parts[0] == "api":
		parts = parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		parts = parts[3:]
	default:
		return false
	}
	if len(parts) > 2 && parts[0] == "namespaces" {
		parts = parts[2:]
	}
	return len(parts) <= 2
}

// Body returns the body of a watch that ends with a last event when it breaks off between two. The function is given the error and
// returns what to say; nil lets the body break off. The error is io.EOF where the watch has ended as it should: this happens to one
// that was cut, too, when the server notices the cut and finishes before the connection is closed.
func Body(watch io.ReadCloser, why func(error) *Status) io.ReadCloser {
	return &body{ReadCloser: watch, why: why, whole: true}
}

type body struct {
	io.ReadCloser

	why   func(error) *Status
	whole bool // what was read ends with an event
	last  *bytes.Reader
}

// Read reads the watch, and then why it was cut.
func (b *body) Read(p []byte) (int, error) {
	if b.last != nil {
		return b.last.Read(p)
	}
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.whole = p[n-1] == '\n'
	}
	if err == nil || !b.whole {
		return n, err
	}
	made := b.why(err)
	if made == nil {
		return n, err
	}
	b.last = bytes.NewReader(event(made))
	if n > 0 {
		return n, nil
	}
	return b.last.Read(p)
}

func event(of *Status) []byte {
	text, _ := json.Marshal(struct { // it can be encoded
		Type   string  `json:"type"`
		Object *Status `json:"object"`
	}{"ERROR", of})
	return append(text, '\n')
}
