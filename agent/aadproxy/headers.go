package aadproxy

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/dataaction"
)

const (
	// The object id of a caller is told besides the name, as Azure's own proxy tells it.
	extraObjectID = authenticationv1.ImpersonateUserExtraHeaderPrefix + "Oid"
	// Groups that the chart binds to Kubernetes' own roles begin so.
	levelGroup = "fairlead:arc:"

	impersonation = "Impersonate-"
	ourHeaders    = "Fairlead-"
	remoteHeaders = "X-Remote-"
	// A WebSocket client may show its token as a subprotocol.
	bearerProtocol = "base64url.bearer.authorization.k8s.io." //nolint:gosec // the name of a protocol, not a secret
)

// headers are what a caller is impersonated with. They are made once and only read afterwards.
type headers struct {
	user, objectID, groups []string
	byLevel                *[dataaction.ClusterAdmin + 1]atomic.Pointer[[]string]
}

func headersOf(s caller.Statement) headers {
	return headers{
		user: []string{s.User}, objectID: []string{s.Subject}, groups: slices.Clip(s.Groups),
		byLevel: &[dataaction.ClusterAdmin + 1]atomic.Pointer[[]string]{},
	}
}

// groupsAt returns the caller's groups and the one of a level. The API server adds system:authenticated itself.
func (h headers) groupsAt(level dataaction.Level) []string {
	if level == dataaction.Refused {
		return h.groups
	}
	if made := h.byLevel[level].Load(); made != nil {
		return *made
	}
	made := append(slices.Clone(h.groups), levelGroup+level.String())
	h.byLevel[level].Store(&made)
	return made
}

// impersonate makes a request that of a caller, in the name of this agent.
func (h headers) impersonate(to http.Header, level dataaction.Level, token string) {
	to["Authorization"] = []string{"Bearer " + token}
	if token == "" {
		delete(to, "Authorization")
	}
	to[authenticationv1.ImpersonateUserHeader] = h.user
	to[extraObjectID] = h.objectID
	if groups := h.groupsAt(level); len(groups) > 0 {
		to[authenticationv1.ImpersonateGroupHeader] = groups
	}
	withoutBearer(to)
}

// strip removes what only this agent and the API server may say to one another.
func strip(all http.Header) {
	for name := range all {
		if reserved(name) {
			delete(all, name)
		}
	}
}

// reserved reports whether only this agent and the API server may say something in a header.
func reserved(name string) bool {
	return foldedPrefix(name, impersonation) || foldedPrefix(name, ourHeaders) || foldedPrefix(name, remoteHeaders)
}

// stripAnswer removes from an answer what is this agent's to say.
func stripAnswer(all http.Header) {
	for name := range all {
		if foldedPrefix(name, ourHeaders) {
			delete(all, name)
		}
	}
}

// impersonates reports whether somebody wants to act as somebody else.
func impersonates(all http.Header) bool {
	for name := range all {
		if foldedPrefix(name, impersonation) {
			return true
		}
	}
	return false
}

func foldedPrefix(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

// withoutBearer removes a token that a WebSocket client shows as a subprotocol.
func withoutBearer(all http.Header) {
	const name = "Sec-Websocket-Protocol"
	if !slices.ContainsFunc(all[name], func(value string) bool { return strings.Contains(value, bearerProtocol) }) {
		return
	}
	var kept []string
	for protocol := range strings.SplitSeq(strings.Join(all[name], ","), ",") {
		if protocol = strings.TrimSpace(protocol); protocol != "" && !strings.HasPrefix(protocol, bearerProtocol) {
			kept = append(kept, protocol)
		}
	}
	delete(all, name)
	if len(kept) > 0 {
		all[name] = []string{strings.Join(kept, ", ")}
	}
}
