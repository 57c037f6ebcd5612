// Package proof signs HTTP requests of agents and verifies them at the hub. A proof is a JWS in a
// header that binds method, path, body, time and a unique id to a private key, so that it
// survives proxies that end TLS and is worthless for any other request. The package knows keys
// and requests, not clusters: who may do what with a proven key is the hub's business.
package proof

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"time"
)

// Header carries the proof.
const Header = "X-Fairlead-Proof"

// Window is how far the signer's clock may be behind the verifier's, and Ahead how far it may be ahead: not
// for long, because a proof from the future is still good after a restart of the verifier, which forgets
// that it has accepted it. Who is refused corrects its clock and tries again.
const (
	Window = 5 * time.Minute
	Ahead  = 10 * time.Second
)

const proofType = "fairlead-proof+jwt"

// claims is the payload of a proof.
type claims struct {
	Method   string `json:"htm"`
	Target   string `json:"htu"` // path and query; the host may be rewritten by proxies
	IssuedAt int64  `json:"iat"` // Unix seconds
	ID       string `json:"jti"`
	BodyHash string `json:"bdh"` // base64url of SHA-256
}

func target(r *http.Request) string { return r.URL.RequestURI() }

func bodyHash(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
