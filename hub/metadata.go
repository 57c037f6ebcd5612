package hub

import (
	"net/http"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/azcloud"
	"github.com/fairlead/fairlead/hub/origin"
	"github.com/fairlead/fairlead/hub/reply"
)

// metadata tells clients, before they have signed in, where everything is: on the hub's own URL, all of it there; on a
// host for az, on the hosts of the domain.
type metadata struct {
	Cloud    azcloud.Cloud
	TenantID string
}

// Mount adds the metadata documents to mux.
func (m *metadata) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /metadata/endpoints", m.endpoints)
	mux.HandleFunc("GET /metadata/clouds", m.clouds)
}

// endpoints answers every api-version with the newest document, which has the keys of the older ones
// as well.
func (m *metadata) endpoints(w http.ResponseWriter, r *http.Request) {
	reply.JSON(w, http.StatusOK, m.document(m.cloud(r)))
}

// clouds is what az reads when ARM_CLOUD_METADATA_URL names it: a list of the same documents.
func (m *metadata) clouds(w http.ResponseWriter, r *http.Request) {
	reply.JSON(w, http.StatusOK, []endpoints{m.document(m.cloud(r))})
}

// cloud returns the cloud for whoever asks: clients of the hub's own URL find everything there, and on the port by
// which they came.
func (m *metadata) cloud(r *http.Request) azcloud.Cloud {
	found, ok := origin.From(r.Context())
	if !ok {
		return m.Cloud.At(azcloud.Main)
	}
	asked := m.Cloud.At(found.Role)
	if found.Role == azcloud.Main {
		return asked
	}
	asked.Port = portOf(found.URL)
	return asked
}

// endpoints is the document, in the form of api-version 2022-09-01 and, in the last three, of 2015-01-01.
type endpoints struct {
	Name            string            `json:"name"`
	ResourceManager string            `json:"resourceManager"`
	GraphAudience   string            `json:"graphAudience"`
	MicrosoftGraph  string            `json:"microsoftGraphResourceId"`
	Authentication  authentication    `json:"authentication"`
	Suffixes        map[string]string `json:"suffixes"`
	DataPlanes      map[string]string `json:"dataplaneEndpoints"`
	Fairlead        fairleadNotes     `json:"fairlead"`
	Portal          string            `json:"portal"`
	GalleryEndpoint string            `json:"galleryEndpoint"`
	GraphEndpoint   string            `json:"graphEndpoint"`
	PortalEndpoint  string            `json:"portalEndpoint"`
}

type authentication struct {
	LoginEndpoint    string   `json:"loginEndpoint"`
	Audiences        []string `json:"audiences"`
	Tenant           string   `json:"tenant"`
	IdentityProvider string   `json:"identityProvider"`
}

// fairleadNotes is what our own client wants to know besides.
type fairleadNotes struct {
	TenantID string `json:"tenantId"`
	Version  string `json:"version"`
	Domain   string `json:"domain,omitempty"`
	Port     string `json:"port,omitempty"`
	AzLogin  string `json:"azLogin"`
}

func (m *metadata) document(cloud azcloud.Cloud) endpoints {
	manager, graph := cloud.Base(azcloud.ResourceManager), cloud.Base(azcloud.Graph)
	provider := "AAD"
	if cloud.Login == azcloud.ADFS {
		provider = "ADFS"
	}
	return endpoints{
		Name: "fairlead", ResourceManager: manager, GraphAudience: graph, MicrosoftGraph: graph,
		Authentication: authentication{cloud.LoginEndpoint(), []string{manager}, m.TenantID, provider},
		Suffixes:       map[string]string{"relayEndpointSuffix": ".relay." + relayDomain(cloud)},
		DataPlanes: map[string]string{
			"arcConfigEndpoint":                    cloud.Base(azcloud.DataPlane),
			"arcGlobalNotificationServiceEndpoint": cloud.Base(azcloud.Notification),
			"arcHybridIdentityServiceEndpoint":     cloud.Base(azcloud.Identity),
		},
		Fairlead: fairleadNotes{m.TenantID, fairlead.Version, m.Cloud.Domain, m.Cloud.Port, string(m.Cloud.Login)},
		Portal:   m.Cloud.URL, GalleryEndpoint: manager, GraphEndpoint: graph, PortalEndpoint: m.Cloud.URL,
	}
}

func relayDomain(cloud azcloud.Cloud) string {
	if cloud.Domain != "" {
		return cloud.Domain
	}
	return cloud.Host(azcloud.Main)
}
