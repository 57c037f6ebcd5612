package provider_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/hub/access"
)

func TestProviderRegistration(t *testing.T) {
	b := twoGroups(t)
	path := subscription + "/providers/microsoft.kubernetes"
	b.do("POST", path+"/unregister?api-version=2024-11-01", "").refused(http.StatusConflict, "Conflict")
	b.do("DELETE", edge+version, "").want(http.StatusOK)
	b.do("DELETE", other+"/providers/Microsoft.Kubernetes/connectedClusters/far"+version, "").want(http.StatusOK)
	b.do("POST", path+"/unregister", "").want(http.StatusOK).has("registrationState", "Unregistered", "registrationPolicy", "RegistrationRequired")
	b.do("GET", path, "").want(http.StatusOK).has("registrationState", "Unregistered")
	body := clusterBody(onboardingKey(t, 2048))
	b.do("PUT", edge+version, body).refused(http.StatusConflict, "MissingSubscriptionRegistration")
	b.do("GET", edge+version, "").refused(http.StatusNotFound, "ResourceNotFound")
	b.do("POST", strings.ToUpper(path)+"/register", "").want(http.StatusOK).has("registrationState", "Registered")
	b.do("PUT", edge+version, body).want(http.StatusCreated)

	b.do("PUT", subscription+definitions+captain+v2022, roleBody("Captain", readCluster, subscription)).want(http.StatusCreated)
	b.do("DELETE", subscription+definitions+captain+v2022, "").want(http.StatusOK)
	for _, action := range []string{"Microsoft.Kubernetes/register/action", "Microsoft.Kubernetes/unregister/action", "Microsoft.Authorization/roleDefinitions/delete"} {
		if got := strings.Join(b.logged("eventTimestamp ge '2020-01-01T00:00:00Z'"), "\n"); !strings.Contains(got, "Succeeded "+action) {
			t.Errorf("no %s in the activity log:\n%s", action, got)
		}
	}
	b.do("POST", subscription+"/providers/Microsoft.Resources/unregister", "").refused(http.StatusConflict, "Conflict")
	b.do("POST", subscription+"/providers/Contoso.Ships/register", "").refused(http.StatusNotFound, "InvalidResourceNamespace")
	b.do("PUT", subscription+roles+first+v2022, assignment(access.Reader)).want(http.StatusCreated)
	b.doAs(person, "POST", subscription+"/providers/Microsoft.Insights/unregister", "").refused(http.StatusForbidden, "AuthorizationFailed")
}

func TestProvidersThatClientsLookFor(t *testing.T) {
	b := start(t)
	wanted := map[string]string{
		"Microsoft.Kubernetes": "connectedClusters", "Microsoft.KubernetesConfiguration": "extensions", "Microsoft.ExtendedLocation": "customLocations",
		"Microsoft.HybridCompute": "settings", "Microsoft.Resources": "resourceGroups", "Microsoft.Authorization": "roleAssignments",
		"Microsoft.Features": "features", "Microsoft.Insights": "eventTypes", "Microsoft.ContainerService": "managedClusters",
	}
	for name, resourceType := range wanted {
		got := b.do("GET", subscription+"/providers/"+name+"?api-version=2025-04-01&$expand=metadata", "").want(http.StatusOK).
			has("namespace", name, "registrationState", "Registered", "id", subscription+"/providers/"+name)
		types, _ := got.document["resourceTypes"].([]any)
		if !slices.ContainsFunc(types, func(one any) bool {
			kind, _ := one.(map[string]any)
			places, _ := kind["locations"].([]any)
			return kind["resourceType"] == resourceType && len(places) == 2 && places[0] == "local"
		}) {
			t.Errorf("%s: %v", name, types)
		}
	}
	for _, path := range []string{"/providers", subscription + "/providers"} {
		if all, _ := b.do("GET", path, "").want(http.StatusOK).document["value"].([]any); len(all) != len(wanted) {
			t.Errorf("%s: %v", path, all)
		}
	}
	b.doAs(person, "GET", "/providers/microsoft.kubernetes", "").want(http.StatusOK).has("id", "/providers/Microsoft.Kubernetes")
	b.doAs("", "GET", "/providers", "").refused(http.StatusUnauthorized, "AuthenticationFailed")
}

func TestFeatures(t *testing.T) {
	b := twoGroups(t)
	features := subscription + "/providers/Microsoft.Features"
	one := features + "/providers/microsoft.kubernetes/features/Preview-1"
	b.do("GET", one, "").want(http.StatusOK).has("properties.state", "NotRegistered")
	b.do("POST", one+"/register?api-version=2021-07-01", "").want(http.StatusOK).has("properties.state", "Registered", "name", "Microsoft.Kubernetes/Preview-1",
		"id", features+"/providers/Microsoft.Kubernetes/features/Preview-1", "type", "Microsoft.Features/providers/features")
	b.do("GET", strings.ToUpper(one), "").want(http.StatusOK).has("properties.state", "Registered", "name", "Microsoft.Kubernetes/Preview-1")
	for path, want := range map[string]int{"/features": 1, "/providers/Microsoft.Kubernetes/features": 1, "/providers/Microsoft.KubernetesConfiguration/features": 0} {
		if got := b.do("GET", features+path, "").names(); len(got) != want {
			t.Errorf("%s: %v", path, got)
		}
	}
	b.do("POST", one+"/unregister", "").want(http.StatusOK).has("properties.state", "NotRegistered")
	b.do("GET", subscription+"/providers/microsoft.kubernetes", "").want(http.StatusOK).has("registrationState", "Registered")
	b.do("GET", features+"/providers/Contoso.Ships/features/x", "").refused(http.StatusNotFound, "InvalidResourceNamespace")
	b.do("POST", features+"/providers/Microsoft.Kubernetes/features/a%20b/register", "").refused(http.StatusNotFound, "FeatureNotFound")
	b.do("GET", strings.Replace(one, "Microsoft.Features", "Contoso.Ships", 1), "").refused(http.StatusNotFound, "InvalidResourceType")
	b.doAs(person, "GET", one, "").refused(http.StatusForbidden, "AuthorizationFailed")
	b.do("PUT", subscription+roles+first+v2022, assignment(access.Reader)).want(http.StatusCreated)
	b.doAs(person, "GET", one, "").want(http.StatusOK)
	b.doAs(person, "POST", one+"/register", "").refused(http.StatusForbidden, "AuthorizationFailed")
}
