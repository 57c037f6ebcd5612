package provider

import (
	"slices"
	"strings"
)

// namespace is Azure's document of a resource provider.
type namespace struct {
	ID                 string         `json:"id"`
	Namespace          string         `json:"namespace"`
	RegistrationPolicy string         `json:"registrationPolicy"`
	RegistrationState  string         `json:"registrationState"`
	ResourceTypes      []resourceType `json:"resourceTypes"`
}

type resourceType struct {
	ResourceType string   `json:"resourceType"`
	Locations    []string `json:"locations"`
	APIVersions  []string `json:"apiVersions"`
	Capabilities string   `json:"capabilities"`
}

const (
	registered   = "Registered"
	unregistered = "Unregistered"

	mustRegister = "RegistrationRequired"
	alwaysThere  = "RegistrationFree"
)

// free has the namespaces without which nothing works; as in Azure, nobody can unregister them.
func free(name string) bool {
	return slices.Contains([]string{"microsoft.resources", "microsoft.authorization", "microsoft.features"}, strings.ToLower(name))
}

// named are types that clients look for at their providers and that the hub answers elsewhere, or not yet.
func named(locations []string) map[string][]resourceType {
	in := func(name string, versions ...string) resourceType {
		return resourceType{name, locations, versions, "None"}
	}
	operations := in("operations", "2021-10-01", "2024-01-01")
	return map[string][]resourceType{
		"Microsoft.Kubernetes": {operations, in("locations/operationStatuses", "2021-10-01", "2024-01-01")},
		"Microsoft.KubernetesConfiguration": {
			in("locations/extensionTypes", "2023-05-01-preview", "2024-11-01-preview"), in("locations/operationStatuses", "2022-03-01", "2023-05-01", "2024-11-01"),
			in("fluxConfigurations", "2022-03-01", "2022-07-01", "2022-11-01", "2023-05-01", "2024-11-01"),
			in("sourceControlConfigurations", "2021-03-01", "2022-03-01", "2022-07-01", "2022-11-01", "2023-05-01"), operations,
		},
		"Microsoft.ExtendedLocation": {
			in("customLocations", "2021-08-15", "2021-08-31-preview"),
			in("customLocations/enabledResourceTypes", "2021-08-15", "2021-08-31-preview"), operations,
		},
		"Microsoft.HybridCompute": {
			in("gateways", "2024-03-31-preview", "2025-02-19-preview"), in("machines", "2022-12-27", "2024-07-10"),
			in("privateLinkScopes", "2022-12-27", "2024-07-10"), operations,
		},
		"Microsoft.Resources": {
			in("subscriptions", "2016-06-01", "2019-11-01", "2021-01-01", "2022-12-01"), in("tenants", "2016-06-01", "2022-12-01"),
			in("subscriptions/resourceGroups", "2021-04-01", "2022-09-01", "2024-11-01"), in("resources", "2021-04-01", "2024-11-01"),
			in("subscriptions/locations", "2016-06-01", "2022-12-01"), in("subscriptions/providers", "2021-04-01", "2024-11-01"),
			in("tags", "2021-04-01", "2024-11-01"), operations,
		},
		"Microsoft.Authorization": {operations},
		"Microsoft.Features": {
			in("features", "2015-12-01", "2021-07-01"), in("providers", "2015-12-01", "2021-07-01"),
			in("featureProviders", "2021-07-01"), in("subscriptionFeatureRegistrations", "2021-07-01"), operations,
		},
		"Microsoft.Insights":         {in("eventTypes", "2015-04-01"), operations},
		"Microsoft.ContainerService": {operations},
	}
}

// namespaces groups the hub's resource types by their providers, with those that are named only; a type that the
// hub has counts before one of the same name.
func (d *Directory) namespaces() map[string][]resourceType {
	offered := map[string][]resourceType{}
	for _, kind := range d.Types {
		name, rest, _ := strings.Cut(kind.Name, "/")
		capabilities := "None"
		if len(kind.Locations) > 0 {
			capabilities = "SupportsTags, SupportsLocation"
		}
		offered[name] = append(offered[name], resourceType{rest, d.placesOf(kind.Locations), orEmpty(kind.APIVersions), capabilities})
	}
	for name, types := range named(d.Locations) {
		for _, one := range types {
			if !slices.ContainsFunc(offered[name], func(known resourceType) bool { return strings.EqualFold(known.ResourceType, one.ResourceType) }) {
				offered[name] = append(offered[name], one)
			}
		}
	}
	return offered
}

// placesOf returns the hub's locations for types that have none of their own: az asks for a location of
// every type that it uses.
func (d *Directory) placesOf(locations []string) []string {
	if len(locations) == 0 {
		return d.Locations
	}
	return locations
}
