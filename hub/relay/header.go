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
		if name != "" && name[0]|0x20 == 'i' && begins(name, "Impersonate-") {
			return true
		}
	}
	return false
}

// private reports whether a header is between the caller and the hub, or one that only the hub and kube-aad-proxy may say.
func private(name string) bool {
	if name == "" {
		return true
	}
	switch name[0] | 0x20 { // in lower case
	case 'i':
		return begins(name, "Impersonate-")
	case 'f':
		return begins(name, "Fairlead-", "Forwarded")
	case 'x':
		return begins(name, "X-Fairlead-", "X-Remote-", "X-Forwarded-")
	case 'c':
		return begins(name, "Cookie")
	case 's':
		return begins(name, relayHeader)
	}
	return false
}

// stays reports whether a header of a plain request goes to the API server.
func stays(name string, mode caller.Mode) bool {
	return !private(name) && !hops(name) && (name != "Authorization" || mode == caller.Token)
}

// strip removes from a request what does not go to the API server, apart from what is for one connection only.
func strip(all http.Header, mode caller.Mode) {
	for name := range all {
		if private(name) {
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
		if ours(name) {
			delete(all, name)
		}
	}
}

func ours(name string) bool {
	if name == "" {
		return true
	}
	switch name[0] | 0x20 { // in lower case
	case 'f':
		return begins(name, "Fairlead-")
	case 's':
		return begins(name, "Set-Cookie", "Strict-Transport-Security", "Service-Worker-Allowed")
	case 'c':
		return begins(name, "Clear-Site-Data")
	case 'a':
		return begins(name, "Alt-Svc")
	case 'x':
		return begins(name, "X-Ms-Request-Id")
	}
	return false
}
