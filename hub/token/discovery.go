package token

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/fairlead/fairlead/hub/origin"
	"github.com/fairlead/fairlead/hub/reply"
)

// discovery is the OpenID provider document.
type discovery struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	DeviceEndpoint        string   `json:"device_authorization_endpoint"`
	KeysURI               string   `json:"jwks_uri"`
	ResponseTypes         []string `json:"response_types_supported"`
	SubjectTypes          []string `json:"subject_types_supported"`
	SigningAlgorithms     []string `json:"id_token_signing_alg_values_supported"`
	GrantTypes            []string `json:"grant_types_supported"`
	AuthMethods           []string `json:"token_endpoint_auth_methods_supported"`
	AuthAlgorithms        []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	ChallengeMethods      []string `json:"code_challenge_methods_supported"`
	Scopes                []string `json:"scopes_supported"`
	ResponseModes         []string `json:"response_modes_supported"`
	Claims                []string `json:"claims_supported"`
}

func (s *Service) discover(w http.ResponseWriter, r *http.Request) {
	tenant := s.reached(r) + "/" + s.TenantID
	reply.JSON(w, http.StatusOK, s.document(tenant+"/oauth2/v2.0", tenant+"/discovery/v2.0/keys"))
}

func (s *Service) discoverADFS(w http.ResponseWriter, r *http.Request) {
	base := s.reached(r)
	reply.JSON(w, http.StatusOK, s.document(base+"/adfs/oauth2", base+"/adfs/discovery/keys"))
}

// reached returns the URL of ours under which the client has come: a client may know no other.
func (s *Service) reached(r *http.Request) string { return origin.URL(r.Context(), s.URL) }

func (s *Service) document(oauth, keys string) discovery {
	return discovery{
		Issuer: s.issuer(), KeysURI: keys,
		AuthorizationEndpoint: oauth + "/authorize", TokenEndpoint: oauth + "/token", DeviceEndpoint: oauth + "/devicecode",
		ResponseTypes: []string{"code"}, ResponseModes: []string{"query"}, SubjectTypes: []string{"public"},
		SigningAlgorithms: []string{string(algorithm)},
		GrantTypes:        slices.Sorted(maps.Keys(s.grants())),
		AuthMethods:       []string{"client_secret_post", "client_secret_basic", "private_key_jwt"},
		AuthAlgorithms:    []string{"RS256", "PS256"},
		ChallengeMethods:  []string{"S256"},
		Scopes:            []string{scopeOpenID, scopeProfile, scopeOffline},
		Claims:            []string{"iss", "aud", "sub", "oid", "tid", "appid", "idtyp", "iat", "nbf", "exp", "name", "preferred_username"},
	}
}

// discoverInstance tells clients that this host is an authority of its own, with no other names.
func (s *Service) discoverInstance(w http.ResponseWriter, r *http.Request) {
	base := s.reached(r)
	host := strings.TrimPrefix(base, "https://")
	reply.JSON(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": base + "/" + s.TenantID + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata":                  []map[string]any{{"preferred_network": host, "preferred_cache": host, "aliases": []string{host}}},
	})
}

// realm tells clients that ask with a password to send it here. The answer is the same for everybody,
// whether there is such a user or not.
func (s *Service) realm(w http.ResponseWriter, r *http.Request) {
	_, domain, _ := strings.Cut(r.PathValue("user"), "@")
	host := strings.TrimPrefix(s.reached(r), "https://")
	if domain == "" {
		domain = host
	}
	reply.JSON(w, http.StatusOK, map[string]any{
		"ver": "1.0", "account_type": "Managed", "domain_name": domain, "cloud_instance_name": host, "cloud_audience_urn": "urn:federation:" + host,
	})
}

// publishKeys lets nobody cache the set for longer than a new key is published ahead.
func (s *Service) publishKeys(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=3600")
	reply.JSON(w, http.StatusOK, s.Keys.Public())
}
