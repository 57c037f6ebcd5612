package token

import (
	"net/http"

	"github.com/fairlead/fairlead/hub/origin"
	"github.com/fairlead/fairlead/hub/reply"
)

// discovery is the OpenID provider document.
type discovery struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	KeysURI               string   `json:"jwks_uri"`
	ResponseTypes         []string `json:"response_types_supported"`
	SubjectTypes          []string `json:"subject_types_supported"`
	SigningAlgorithms     []string `json:"id_token_signing_alg_values_supported"`
	GrantTypes            []string `json:"grant_types_supported"`
	AuthMethods           []string `json:"token_endpoint_auth_methods_supported"`
	Claims                []string `json:"claims_supported"`
}

func (s *Service) discover(w http.ResponseWriter, r *http.Request) {
	tenant := origin.URL(r.Context(), s.URL) + "/" + s.TenantID
	reply.JSON(w, http.StatusOK, s.document(tenant+"/oauth2/v2.0", tenant+"/discovery/v2.0/keys"))
}

func (s *Service) discoverADFS(w http.ResponseWriter, r *http.Request) {
	adfs := origin.URL(r.Context(), s.URL) + "/adfs"
	reply.JSON(w, http.StatusOK, s.document(adfs+"/oauth2", adfs+"/discovery/keys"))
}

// document names an authorization endpoint, where nothing is yet, because clients refuse
// a document without one even when they never go there.
func (s *Service) document(oauth, keys string) discovery {
	return discovery{
		Issuer: s.issuer(), KeysURI: keys,
		AuthorizationEndpoint: oauth + "/authorize", TokenEndpoint: oauth + "/token",
		ResponseTypes: []string{"code"}, SubjectTypes: []string{"public"},
		SigningAlgorithms: []string{string(algorithm)},
		GrantTypes:        []string{grantClientCredentials},
		AuthMethods:       []string{"client_secret_post", "client_secret_basic"},
		Claims:            []string{"iss", "aud", "sub", "oid", "tid", "appid", "idtyp", "iat", "nbf", "exp"},
	}
}

// publishKeys lets nobody cache the set for longer than a new key is published ahead.
func (s *Service) publishKeys(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=3600")
	reply.JSON(w, http.StatusOK, s.Keys.Public())
}
