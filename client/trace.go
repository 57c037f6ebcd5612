package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const maxTraced = 16 << 10

// Trace is a transport that writes every exchange to Out, with everything secret left out.
type Trace struct {
	Next http.RoundTripper
	Out  io.Writer
	Now  func() time.Time

	mutex sync.Mutex
}

// RoundTrip implements http.RoundTripper.
func (t *Trace) RoundTrip(request *http.Request) (*http.Response, error) {
	sent, err := requestBody(request)
	if err != nil {
		return nil, err
	}
	started := t.Now()
	response, err := t.Next.RoundTrip(request)
	took := t.Now().Sub(started).Round(time.Millisecond)
	var text strings.Builder
	fmt.Fprintf(&text, "> %s %s\n%s%s", request.Method, request.URL, headers("> ", request.Header), shown("> ", sent))
	if err != nil {
		fmt.Fprintf(&text, "< no answer after %s: %v\n", took, err)
	} else {
		var received []byte
		received, response.Body = peek(response.Body)
		fmt.Fprintf(&text, "< %s after %s\n%s%s", response.Status, took, headers("< ", response.Header), shown("< ", received))
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	_, _ = io.WriteString(t.Out, text.String()) // a trace must not break what it traces
	return response, err
}

func requestBody(request *http.Request) ([]byte, error) {
	if request.GetBody == nil {
		return nil, nil
	}
	body, err := request.GetBody()
	if err != nil {
		return nil, fmt.Errorf("read the request for the trace: %w", err)
	}
	defer func() { _ = body.Close() }() // it is a buffer
	content, err := io.ReadAll(io.LimitReader(body, maxTraced+1))
	if err != nil {
		return nil, fmt.Errorf("read the request for the trace: %w", err)
	}
	return content, nil
}

type rest struct {
	io.Reader
	io.Closer
}

// peek reads the beginning of a body and returns it with a body that still has everything.
func peek(body io.ReadCloser) ([]byte, io.ReadCloser) {
	start := make([]byte, maxTraced+1)
	n, _ := io.ReadFull(body, start) // a broken body breaks its reader, too, which reports it
	start = start[:n]
	return start, rest{io.MultiReader(bytes.NewReader(start), body), body}
}

func headers(prefix string, header http.Header) string {
	names := make([]string, 0, len(header))
	for name := range header {
		names = append(names, name)
	}
	slices.Sort(names)
	var text strings.Builder
	for _, name := range names {
		value := strings.Join(header[name], ", ")
		if name == "Authorization" || strings.Contains(name, "Cookie") {
			value = redacted
		}
		fmt.Fprintf(&text, "%s%s: %s\n", prefix, name, value)
	}
	return text.String()
}

func shown(prefix string, content []byte) string {
	if len(content) == 0 {
		return ""
	}
	return prefix + clean(content) + "\n"
}

// clean returns a body with its secrets replaced; what it cannot read it does not show.
func clean(content []byte) string {
	var document any
	if len(content) <= maxTraced && json.Unmarshal(content, &document) == nil {
		text, err := json.Marshal(hide(document))
		if err == nil {
			return string(text)
		}
	}
	form, err := url.ParseQuery(string(content))
	if err != nil || !form.Has("grant_type") {
		return fmt.Sprintf("(a body of %d bytes or more)", len(content))
	}
	for name := range form {
		if secret(name) {
			form.Set(name, redacted)
		}
	}
	return form.Encode()
}

func hide(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			switch _, text := inner.(string); {
			case text && secret(name), protected(name) && inner != nil:
				v[name] = redacted
			default:
				v[name] = hide(inner)
			}
		}
	case []any:
		for i := range v {
			v[i] = hide(v[i])
		}
	}
	return value
}

// protected reports a property whose value is secret as a whole, whatever the names in it.
func protected(name string) bool { return strings.Contains(strings.ToLower(name), "protectedsettings") }

func secret(name string) bool {
	lower := strings.ToLower(name)
	for _, word := range []string{"secret", "password", "token", "assertion", "privatekey", "private_key", "kubeconfig", "proxy"} {
		if strings.Contains(lower, word) && lower != "token_type" {
			return true
		}
	}
	return false
}
