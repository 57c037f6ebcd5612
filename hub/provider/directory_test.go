package provider_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestDirectory(t *testing.T) {
	b := start(t)
	name := strings.TrimPrefix(subscription, "/subscriptions/")
	b.do("GET", subscription, "").want(http.StatusOK).has("id", subscription, "subscriptionId", name, "tenantId", tenant,
		"displayName", "First", "state", "Enabled")
	b.do("GET", "/Subscriptions/absent?api-version=2022-12-01", "").refused(http.StatusNotFound, "SubscriptionNotFound")
	all, _ := b.do("GET", "/subscriptions", "").want(http.StatusOK).document["value"].([]any)
	if len(all) != 1 {
		t.Errorf("subscriptions: %v", all)
	}
	tenants, _ := b.do("GET", "/tenants", "").want(http.StatusOK).document["value"].([]any)
	if len(tenants) != 1 {
		t.Errorf("tenants: %v", tenants)
	}
	if got := b.do("GET", subscription+"/locations", "").names(); !slices.Equal(got, []string{"local", "taipei"}) {
		t.Errorf("locations: %v", got)
	}
}

func TestResourceGroupLifeCycle(t *testing.T) {
	b := start(t)
	b.do("HEAD", subscription+"/resourcegroups/shops", "").want(http.StatusNoContent)
	b.do("HEAD", subscription+"/resourcegroups/absent", "").want(http.StatusNotFound)
	b.do("GET", subscription+"/resourcegroups/absent", "").refused(http.StatusNotFound, "ResourceGroupNotFound")
	b.do("GET", strings.ToUpper(group), "").want(http.StatusOK).has("name", "shops", "id", group, "location", "local",
		"type", "Microsoft.Resources/resourceGroups", "properties.provisioningState", "Succeeded")
	b.do("PUT", group, `{"location":"taipei"}`).refused(http.StatusConflict, "InvalidResourceGroupLocation")
	b.do("PUT", subscription+"/resourceGroups/new", `{"location":"moon"}`).refused(http.StatusBadRequest, "LocationNotAvailableForResourceGroup")
	b.do("PUT", group, `{"location":"local","tags":{"a":"b"}}`).want(http.StatusOK).has("tags.a", "b")
	b.do("PUT", subscription+"/resourceGroups/ends.", `{"location":"local"}`).refused(http.StatusBadRequest, "InvalidResourceName")
	b.do("PUT", subscription+"/resourceGroups/new", `{}`).refused(http.StatusBadRequest, "LocationRequired")
}

func TestDeletingAGroupDeletesItsMembers(t *testing.T) {
	b := twoGroups(t)
	b.do("PUT", edge+roles+first+v2022, assignment("8e3af657-a8ff-443c-a75c-2fe8c4bcb635")).want(http.StatusCreated)
	accepted := b.do("DELETE", group, "", "Prefer", "respond-async").want(http.StatusAccepted)
	if accepted.header.Get("Retry-After") != "1" || accepted.header.Get("Location") == "" {
		t.Errorf("headers: %v", accepted.header)
	}
	b.await(accepted).has("status", "Succeeded")
	b.do("GET", group, "").refused(http.StatusNotFound, "ResourceGroupNotFound")
	b.do("GET", edge+version, "").refused(http.StatusNotFound, "ResourceGroupNotFound")
	b.do("GET", strings.TrimPrefix(accepted.header.Get("Location"), b.url), "").want(http.StatusNoContent)
	principals, err := b.db.ListPrincipals(t.Context())
	if err != nil || len(principals) != 2 { // the person and the cluster of the other group
		t.Errorf("principals: %+v, %v", principals, err)
	}
	if left, err := b.access.Assignments(t.Context(), person); err != nil || len(left) > 0 {
		t.Errorf("role assignments: %+v, %v", left, err)
	}
	b.do("GET", other, "").want(http.StatusOK)
	b.do("DELETE", group, "").refused(http.StatusNotFound, "ResourceGroupNotFound")
}
