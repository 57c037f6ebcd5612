package dataplane

import (
	"net/http"
	"net/url"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/azcloud"
	"github.com/fairlead/fairlead/hub/identity"
	"github.com/fairlead/fairlead/hub/origin"
	"github.com/fairlead/fairlead/hub/registry"
	"github.com/fairlead/fairlead/hub/reply"
)

// readAction is needed to see a cluster's Helm settings: they say nothing that the cluster's resource
// does not say.
const readAction = "Microsoft.Kubernetes/connectedClusters/read"

const maxDocument = 1 << 20

func (s *Server) healthCheck(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }

func (s *Server) helmPackagePath(w http.ResponseWriter, r *http.Request) {
	host, err := s.host(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	reply.JSON(w, http.StatusOK, packagePath{repositoryPath(host)})
}

type packagePath struct {
	RepositoryPath string `json:"repositoryPath"`
}

// helmSettings answers the document of a connected cluster with the values that its agents' chart
// needs, whether it comes from az or from our own client.
func (s *Server) helmSettings(w http.ResponseWriter, r *http.Request) {
	answer, err := s.settingsFor(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	reply.JSON(w, http.StatusOK, answer)
}

func (s *Server) settingsFor(w http.ResponseWriter, r *http.Request) (fairlead.HelmSettings, error) {
	var asked document
	if err := reply.Decode(w, r, maxDocument, &asked); err != nil {
		return fairlead.HelmSettings{}, err
	}
	cluster, err := s.visible(r, asked.ID)
	if err != nil {
		return fairlead.HelmSettings{}, err
	}
	found, err := read(cluster)
	if err != nil {
		return fairlead.HelmSettings{}, err
	}
	host, err := s.host(r)
	if err != nil {
		return fairlead.HelmSettings{}, err
	}
	values := escapeAll(s.values(cluster.ID, found.Location, host), asked.placeholders())
	return fairlead.HelmSettings{RepositoryPath: repositoryPath(host), HelmValues: values}, nil
}

// visible returns the cluster if the caller may read it.
func (s *Server) visible(r *http.Request, text string) (identity.Cluster, error) {
	id, err := fairlead.ParseResourceID(text)
	if err != nil {
		return identity.Cluster{}, err
	}
	wanted := fairlead.ConnectedClusterID(id.Subscription, id.ResourceGroup, id.Name())
	if wanted.Key() != id.Key() {
		return identity.Cluster{}, fairlead.Errorf(fairlead.Invalid, "%s is no connected cluster", id).WithCode("InvalidResourceId")
	}
	if err := s.Access.Check(r.Context(), readAction, id.String()); err != nil {
		return identity.Cluster{}, err
	}
	return s.Identity.Find(r.Context(), id)
}

// host returns where the registry is for whoever asks: for az, on the domain's host for it, as az can reach no
// registry on another port than 443; for others, on the hub's own URL.
func (s *Server) host(r *http.Request) (string, error) {
	registry := s.URL
	if found, ok := origin.From(r.Context()); ok && found.Role != azcloud.Main {
		registry = s.RegistryURL
	}
	parsed, err := url.Parse(registry)
	if err != nil {
		return "", err
	}
	return parsed.Host, nil
}

// repositoryPath is where az finds the chart: it puts "v2/" before the last element by itself.
func repositoryPath(host string) string {
	return host + "/" + registry.PlainChartRepository + ":" + fairlead.Version
}
