package token

import (
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// The bound of a signed request: a token and a key, in base64 once more.
	maxSigned = 2 * maxToken
	// The span signedFor is how far the time in a signed request may be off.
	signedFor = 5 * time.Minute

	// What a proof's key may be: larger ones are dear to verify with, and anybody may make one up.
	minProofKey, maxProofKey = 2048, 4096
	maxExponent              = 1 << 17
)

// signedRequest is the payload of an HTTP request that MSAL has signed, https://datatracker.ietf.org/doc/html/draft-ietf-oauth-signed-http-request.
// Method, Host and Path bind it to one request when they are there. Host may also name the cluster.
type signedRequest struct {
	Token   string      `json:"at"`
	At      json.Number `json:"ts"`
	Method  string      `json:"m"`
	Host    string      `json:"u"`
	Path    string      `json:"p"`
	Confirm struct {
		Key jose.JSONWebKey `json:"jwk"`
	} `json:"cnf"`
}

// proven returns the claims of the token in a signed request that is for r.
func (s *Service) proven(r *http.Request, text string, names []string) (claims, error) {
	known, err := s.remembered(popScheme, text, func() (remembered, error) { return s.readSigned(text) })
	if err != nil {
		return claims{}, err
	}
	if err := known.request.fits(r, s.Now(), names); err != nil {
		return claims{}, err
	}
	return known.claims, s.acceptFor(known.claims, proofAudience)
}

// readSigned verifies what is signed: the request by its key, the token by the hub, and that the one is bound to the other.
func (s *Service) readSigned(text string) (remembered, error) {
	request, err := parseSigned(text)
	if err != nil {
		return remembered{}, err
	}
	found, keyID, err := s.signed(request.Token)
	if err != nil {
		return remembered{}, err
	}
	print, err := request.Confirm.Key.Thumbprint(crypto.SHA256)
	if err != nil || found.Confirm == nil || strings.TrimRight(found.Confirm.KeyID, "=") != base64.RawURLEncoding.EncodeToString(print) {
		return remembered{}, invalidToken("it is not bound to the key that signed the request")
	}
	request.Token, request.Confirm.Key = "", jose.JSONWebKey{} // nobody asks for them again
	return remembered{claims: found, keyID: keyID, request: &request}, nil
}

// parseSigned verifies a signed request by the key in it, which proves nothing yet.
func parseSigned(text string) (signedRequest, error) {
	var request signedRequest
	if len(text) > maxSigned {
		return request, badProof("it is too large")
	}
	parsed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{algorithm})
	if err != nil {
		return request, badProof("it is not signed with " + string(algorithm))
	}
	if kind, _ := parsed.Signatures[0].Protected.ExtraHeaders[jose.HeaderType].(string); !strings.EqualFold(kind, "pop") {
		return request, badProof("its type is not pop")
	}
	if err := json.Unmarshal(parsed.UnsafePayloadWithoutVerification(), &request); err != nil || request.Token == "" {
		return request, badProof("its payload has no token, time and key")
	}
	key, ok := request.Confirm.Key.Key.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < minProofKey || key.N.BitLen() > maxProofKey || key.E > maxExponent {
		return request, badProof("its key is no RSA public key of 2048 to 4096 bits")
	}
	if _, err := parsed.Verify(key); err != nil {
		return request, badProof("its signature does not match")
	}
	return request, nil
}

// fits judges what a signed request says of when and for what it was made.
func (o *signedRequest) fits(r *http.Request, now time.Time, names []string) error {
	seconds, err := o.At.Int64()
	switch at := time.Unix(seconds, 0); {
	case err != nil:
		return badProof("it does not say when it was signed")
	case at.Before(now.Add(-signedFor)) || at.After(now.Add(signedFor)):
		return badProof("it was not signed within the last five minutes, by the hub's clock")
	case o.Method != "" && !strings.EqualFold(o.Method, r.Method):
		return badProof("it is for another method")
	case o.Path != "" && o.Path != r.URL.EscapedPath():
		return badProof("it is for another path")
	case o.Host != "" && !slices.ContainsFunc(append(names, r.Host), func(known string) bool { return strings.EqualFold(known, o.Host) }):
		return badProof("it is for another host")
	}
	return nil
}

func badProof(why string) error {
	return invalidToken("the request is not signed as it must be: " + why).WithCode("InvalidProof")
}
