// Package caller is what the hub tells a connected cluster of whoever calls it: a statement that the
// hub signs and kube-aad-proxy verifies, and the headers and addresses by which both speak of it on a
// tunnel. It decides nothing about what a caller may do.
package caller

import "github.com/fairlead/fairlead/dataaction"

const (
	// Header names, on each request through a tunnel, the statement (its ID) that the request is made under.
	Header = "Fairlead-Caller"
	// RequestHeader carries the hub's id of a request, for the logs of both ends.
	RequestHeader = "Fairlead-Request-Id"
	// ControlHost is the authority of requests on a tunnel that are for kube-aad-proxy itself: GET /healthz, and
	// PUT /callers/ID with a signed statement as the body. All other authorities are the API server's.
	ControlHost = "fairlead.internal"
	// KubernetesHost is the authority of requests on a tunnel that are for the API server.
	KubernetesHost = "kubernetes.default.svc"
	// TokenType is the "typ" of a statement's header: no statement is ever an access token.
	TokenType = "fairlead-caller+jwt"

	// ReasonHeader holds, on an answer of kube-aad-proxy's own, why a request was refused: one of the Reason constants.
	ReasonHeader = "Fairlead-Refused"
)

// Why kube-aad-proxy refused a request by itself, in ReasonHeader.
const (
	ReasonUnknownCaller = "unknown-caller" // the statement is unknown, replaced or expired: send it again
	ReasonPolicy        = "policy"         // the owner's policy forbids it
	ReasonAPIServer     = "api-server"     // the API server could not be reached
	ReasonMalformed     = "malformed"
)

// Mode says whose rights a request is made with.
type Mode string

// The modes.
const (
	AAD   Mode = "aad"   // kube-aad-proxy impersonates User and Groups
	Token Mode = "token" // the caller's own Authorization is passed on, as with `proxy --token`
)

// Statement says who a caller is and what the hub's roles grant them in one cluster. Times are in Unix seconds.
type Statement struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"` // the key (lower-case id) of the cluster
	Subject  string `json:"sub"` // the principal's object id, a GUID
	ID       string `json:"jti"` // names this statement on a tunnel; at most 64 letters, digits, - and _
	IssuedAt int64  `json:"iat"`
	Expiry   int64  `json:"exp"` // a statement is good for two minutes; the hub sends the next one in time

	// User is the name to impersonate: the user name of people, the object id of all others.
	User   string   `json:"user"`
	Groups []string `json:"groups,omitempty"` // object ids
	Mode   Mode     `json:"mode"`
	// Grants count where azure-rbac is switched on in the cluster.
	Grants []dataaction.Grant `json:"grants,omitempty"`
}

// Life is how long a statement is good for, in seconds.
const Life = 120
