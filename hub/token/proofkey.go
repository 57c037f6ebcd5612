package token

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
)

// confirmation names the key that a token is bound to.
type confirmation struct {
	KeyID   string `json:"kid"`
	Storage string `json:"xms_ksl,omitempty"`
}

// maxConfirmation bounds what is read as one; a key id is a thumbprint.
const maxConfirmation = 1024

// readConfirmation returns the key that a request wants its token bound to; nil when it wants an ordinary one.
func readConfirmation(form url.Values) (*confirmation, error) {
	switch kind := strings.ToLower(form.Get("token_type")); kind {
	case "", "bearer":
		return nil, nil
	case "pop":
	default:
		return nil, badRequest("invalid_request", 900144, "The token type '%.64s' is not supported: use Bearer or pop.", kind)
	}
	var found confirmation
	text := strings.TrimRight(form.Get("req_cnf"), "=")
	content, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(text) > maxConfirmation || json.Unmarshal(content, &found) != nil || found.KeyID == "" {
		return nil, badRequest("invalid_request", 900144, "A token of type pop needs req_cnf: a JSON object with kid, in base64url.")
	}
	if id := form.Get("key_id"); id != "" && id != found.KeyID {
		return nil, badRequest("invalid_request", 900144, "key_id and req_cnf name different keys.")
	}
	return &found, nil
}
