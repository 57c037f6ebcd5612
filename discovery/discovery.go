// Package discovery is how refusals reach a person whose kubectl has asked what there is in a cluster: which answers client-go
// shows the text of, and which form they must have. It does not know why anything is refused.
package discovery

import (
	"io"
	"net/http"
	"strings"
)

// Asks reports whether a request for a path of an API server is client-go's for what there is, which every command of kubectl asks
// first while it remembers nothing. Programs that name no form of the answer, or JSON alone, are others, and understand a Status.
func Asks(r *http.Request, path string) bool {
	if r.Method != http.MethodGet {
		return false
	}
	accepted := strings.Join(r.Header["Accept"], ",")
	path = strings.TrimSuffix(path, "/")
	switch {
	case path == "/openapi/v2", path == "/openapi/v3", strings.HasPrefix(path, "/openapi/v3/"):
		return strings.Contains(accepted, "*/*") || strings.Contains(accepted, "proto-openapi")
	case path == "/api", path == "/apis", path == "/version":
		return strings.Contains(accepted, "*/*") || strings.Contains(accepted, "as=APIGroupDiscoveryList")
	default:
		return false
	}
}

// Code returns the status code with which client-go shows the text of an answer. It looks for no Status in answers to these
// requests: of a Forbidden it shows the text, if it is text, or else "unknown", and of a Bad Gateway as well. Of Service
// Unavailable and Not Found it shows nothing; but the former, with a time to come back after, is how it is told to try again.
func Code(code int, answer http.Header) int {
	switch {
	case code == http.StatusServiceUnavailable && answer.Get("Retry-After") == "":
		return http.StatusBadGateway
	case code == http.StatusNotFound:
		return http.StatusForbidden
	}
	return code
}

// Refuse answers with text alone, a line each, and with the code that has it shown.
func Refuse(w http.ResponseWriter, code int, lines ...string) {
	w.Header().Set("Content-Type", ContentType)
	w.WriteHeader(Code(code, w.Header()))
	_, _ = io.WriteString(w, strings.Join(lines, "\n")+"\n") // the caller is gone if this fails
}

// ContentType is that of text which client-go shows.
const ContentType = "text/plain; charset=utf-8"
