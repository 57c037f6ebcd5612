// Package endpoint knows what a connected cluster has to reach: the endpoints of the Azure clouds and of a hub of Fairlead, which
// place needs which of them, and the proxy on the way. Out of a snapshot it makes the plan of a probe.
package endpoint

import (
	"slices"
	"strings"

	"github.com/fairlead/fairlead/doctor/probe/wire"
)

// Place is where a probe looks from.
type Place string

// The places.
const (
	Client Place = "client" // the machine that asks
	Node   Place = "node"   // a node's own network, from where images are pulled
	Pod    Place = "pod"    // the network of pods, where agents live
)

// Cloud is an Azure cloud, by the name that ConfigMap azure-clusterconfig has for it.
type Cloud string

// The clouds.
const (
	Public     Cloud = "AZUREPUBLICCLOUD"
	Government Cloud = "AZUREUSGOVERNMENTCLOUD"
	China      Cloud = "AZURECHINACLOUD"
)

// CloudOf chooses the cloud by its name, else by the region.
func CloudOf(name, region string) Cloud {
	name, region = strings.ToUpper(name), strings.ToLower(region)
	switch {
	case strings.Contains(name, "GOVERNMENT"), name == "" && (strings.HasPrefix(region, "usgov") || strings.HasPrefix(region, "usdod")):
		return Government
	case strings.Contains(name, "CHINA"), name == "" && strings.HasPrefix(region, "china"):
		return China
	}
	return Public
}

// Feature is what an endpoint is for, where not every cluster needs it.
type Feature string

// The features.
const (
	Always  Feature = ""
	Connect Feature = "cluster-connect" // custom locations need it as well
	RBAC    Feature = "azure-rbac"
	Arc     Feature = "arc" // connected clusters, but not extensions on AKS
)

// The names of endpoints that have checks of their own.
const (
	DataPlane = "data-plane"
	Registry  = "registry"
	Relay     = "relay" // WebSocket
	OBO       = "obo"   // port 8084
	Hub       = "hub"   // of Fairlead
)

// Endpoint is one host that a connected cluster reaches.
type Endpoint struct {
	Name string // the same in every cloud
	// URL may hold {region}. A host that begins with *. stands for hosts that nobody can name beforehand: people have to allow
	// them, and no probe can try them.
	URL     string
	Kind    wire.Kind
	Feature Feature
	Places  []Place
}

// Wild reports whether the endpoint stands for many hosts.
func (e Endpoint) Wild() bool { return strings.Contains(e.URL, "//*.") }

// In fills in the region; ok is false when it is needed and unknown.
func (e Endpoint) In(region string) (url string, ok bool) {
	if strings.Contains(e.URL, "{region}") && region == "" {
		return "", false
	}
	return strings.ReplaceAll(e.URL, "{region}", strings.ToLower(region)), true
}

// From reports whether a place needs the endpoint.
func (e Endpoint) From(place Place) bool { return slices.Contains(e.Places, place) }

// Azure returns the endpoints of a cloud, as its network requirements list them.
func Azure(cloud Cloud) []Endpoint {
	switch cloud {
	case Government:
		return endpoints(government())
	case China:
		return endpoints(china())
	default:
		return endpoints(public())
	}
}

// Known reports whether a name is that of an endpoint of this package.
func Known(name string) bool {
	return name == Hub || slices.ContainsFunc(Azure(Public), func(e Endpoint) bool { return e.Name == name })
}

// Host is the host of an endpoint of a cloud by name, with {region} in it where the region is unknown, "" when there is none.
func Host(cloud Cloud, name, region string) string {
	for _, e := range Azure(cloud) {
		if e.Name != name {
			continue
		}
		url, ok := e.In(region)
		if !ok {
			url = e.URL
		}
		host, _, _ := strings.Cut(strings.TrimPrefix(url, "https://"), "/")
		host, _, _ = strings.Cut(host, ":")
		return host
	}
	return ""
}
