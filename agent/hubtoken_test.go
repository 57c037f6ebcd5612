package agent_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/fairlead/fairlead/caller"
)

// tokens is the hub's token service, as far as kube-aad-proxy knows it: published keys, and statements of callers.
type tokens struct {
	key   *rsa.PrivateKey
	count int
}

func (h *hub) issuer() string { return h.URL + "/common/v2.0" }

// publish answers what the hub tells anybody, and reports whether it was that.
func (h *hub) publish(w http.ResponseWriter, r *http.Request) bool {
	switch r.URL.Path {
	case "/common/v2.0/.well-known/openid-configuration":
		h.write(w, map[string]string{"issuer": h.issuer()})
	case "/common/discovery/v2.0/keys":
		h.write(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &h.tokens.key.PublicKey, KeyID: "one", Use: "sig", Algorithm: "RS256"}}})
	default:
		return false
	}
	return true
}

// state signs a statement about somebody, and returns its id with it.
func (h *hub) state(s caller.Statement) (id, signed string) {
	h.t.Helper()
	h.tokens.count++
	now := time.Now().Unix()
	s.Issuer, s.Audience, s.ID, s.IssuedAt, s.Expiry = h.issuer(), h.cluster.Key(), fmt.Sprintf("s%d", h.tokens.count), now, now+caller.Life
	if s.Mode == "" {
		s.Mode = caller.AAD
	}
	if s.Subject == "" {
		s.Subject = "object-id-of-" + s.User
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: h.tokens.key, KeyID: "one"}},
		(&jose.SignerOptions{}).WithType(caller.TokenType))
	if err != nil {
		h.t.Fatal(err)
	}
	payload, err := json.Marshal(s)
	if err != nil {
		h.t.Fatal(err)
	}
	made, err := signer.Sign(payload)
	if err != nil {
		h.t.Fatal(err)
	}
	text, err := made.CompactSerialize()
	if err != nil {
		h.t.Fatal(err)
	}
	return s.ID, text
}

func newTokens(fail func(...any)) tokens {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		fail(err)
	}
	return tokens{key: key}
}

// put sends a statement through a tunnel.
func put(ctx context.Context, through http.RoundTripper, id, signed string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+caller.ControlHost+"/callers/"+id, strings.NewReader(signed))
	if err != nil {
		return 0, err
	}
	answer, err := through.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}
