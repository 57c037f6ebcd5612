package hub

import (
	"net/http"
	"net/url"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/reply"
)

// metadata tells clients, before they have signed in, where everything is: here.
type metadata struct {
	URL      string
	TenantID string
}

// Mount adds the metadata document to mux.
func (m *metadata) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /metadata/endpoints", m.endpoints)
}

// endpoints answers every api-version with the newest document, which has the keys of the older ones
// as well.
func (m *metadata) endpoints(w http.ResponseWriter, _ *http.Request) {
	reply.JSON(w, http.StatusOK, map[string]any{
		"name":                     "fairlead",
		"resourceManager":          m.URL,
		"graphAudience":            m.URL,
		"microsoftGraphResourceId": m.URL,
		"authentication": map[string]any{
			"loginEndpoint": m.URL, "audiences": []string{m.URL}, "tenant": m.TenantID, "identityProvider": "AAD",
		},
		"suffixes": map[string]string{"relayEndpointSuffix": ".relay." + m.host()},
		"dataplaneEndpoints": map[string]string{
			"arcConfigEndpoint": m.URL, "arcGlobalNotificationServiceEndpoint": m.URL, "arcHybridIdentityServiceEndpoint": m.URL,
		},
		"galleryEndpoint": m.URL, "graphEndpoint": m.URL, "portalEndpoint": m.URL,
		"fairlead": map[string]string{"tenantId": m.TenantID, "version": fairlead.Version},
	})
}

func (m *metadata) host() string {
	address, err := url.Parse(m.URL)
	if err != nil {
		return "localhost"
	}
	return address.Hostname()
}
