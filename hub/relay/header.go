package relay

import (
	"net/http"
	"slices"
	"strings"

	"github.com/fairlead/fairlead/caller"
)

// bearerProtocol begins a token that WebSocket clients show as a subprotocol.
const bearerProtocol = "base64url.bearer.authorization.k8s.io." //nolint:gosec // a word, not a secret

// begins reports whether a header's name begins with one of some words, in any case.
func begins(name string, words ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return len(name) >= len(word) && strings.EqualFold(name[:len(word)], word) })
}

// impersonates reports whether somebody wants to act as somebody else.
func impersonates(all http.Header) bool {
	for name := range all {
		if begins(name, "Impersonate-") {
			return true
		}
	}
	return false
}

// strip removes from a request what is between the caller and the hub, and what only the hub and kube-aad-proxy may say.
func strip(all http.Header, mode caller.Mode) {
	for name := range all {
		if begins(name, "Impersonate-", "Fairlead-", "X-Fairlead-", "X-Remote-", "X-Forwarded-", "Forwarded", "Cookie", relayHeader) {
			delete(all, name)
		}
	}
	if mode == caller.Token {
		return
	}
	delete(all, "Authorization")
	withoutBearer(all)
}

// withoutBearer removes a token from the subprotocols of a WebSocket.
func withoutBearer(all http.Header) {
	const name = "Sec-Websocket-Protocol"
	if !slices.ContainsFunc(all[name], func(value string) bool { return strings.Contains(value, bearerProtocol) }) {
		return
	}
	var kept []string
	for protocol := range strings.SplitSeq(strings.Join(all[name], ","), ",") {
		if protocol = strings.TrimSpace(protocol); !strings.HasPrefix(protocol, bearerProtocol) {
			kept = append(kept, protocol)
		}
	}
	delete(all, name)
	if len(kept) > 0 {
		all[name] = []string{strings.Join(kept, ", ")}
	}
}

// stripAnswer removes from an answer what would speak for the hub: to browsers, on whose pages services of a cluster
// have nothing to set, and in our own words.
func stripAnswer(all http.Header) {
	for name := range all {
		if begins(name, "Fairlead-", "Set-Cookie", "Clear-Site-Data", "Strict-Transport-Security", "Alt-Svc", "Service-Worker-Allowed", "X-Ms-Request-Id") {
			delete(all, name)
		}
	}
}
