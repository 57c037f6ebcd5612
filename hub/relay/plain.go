package relay

import (
	"io"
	"net/http"
	"strings"
)

// discovers reports whether a request is client-go's for what there is, which every command of kubectl asks first. Programs that
// name no form of the answer, or JSON alone, get a Status.
func discovers(r *http.Request) bool {
	to, err := split(r.URL)
	if c := callOf(r.Context()); c != nil {
		to, err = c.to, nil // the request is the one that was to be sent on
	}
	if err != nil || r.Method != http.MethodGet {
		return false
	}
	accepted := strings.Join(r.Header["Accept"], ",")
	switch strings.TrimSuffix(to.path, "/") {
	case "/api", "/apis", "/version":
		return strings.Contains(accepted, "*/*") || strings.Contains(accepted, "as=APIGroupDiscoveryList")
	default:
		return false
	}
}

// inWords answers with the message of a Status alone, and with what is known besides. To these requests, client-go looks for no Status
// in an answer: of a Forbidden it shows the text, if it is text, or else "unknown"; of a Bad Gateway as well, but of Service
// Unavailable nothing.
func inWords(w http.ResponseWriter, made status) {
	code := made.Code
	text := []string{made.Message}
	if made.Details != nil {
		if code == http.StatusServiceUnavailable && made.Details.RetryAfterSeconds == 0 {
			code = http.StatusBadGateway
		}
		for _, one := range made.Details.Causes {
			text = append(text, one.Message)
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, strings.Join(text, "\n")+"\n") // the caller is gone if this fails
}
