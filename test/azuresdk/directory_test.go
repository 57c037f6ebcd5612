package azuresdk_test

import (
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armsubscriptions"
)

func TestWrongSecretIsToldAsSuch(t *testing.T) {
	a := start(t)
	_, err := a.signIn(t, a.Administrator.AppID, "wrong").GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{a.URL + "/.default"}})
	failed, ok := err.(*azidentity.AuthenticationFailedError) //nolint:errorlint // azidentity does not wrap it
	if !ok || failed.RawResponse.StatusCode != http.StatusUnauthorized {
		t.Fatalf("got %v", err)
	}
}

func TestSubscriptionsTenantsLocations(t *testing.T) {
	a := start(t)
	client := must(armsubscriptions.NewClient(a.credential, a.options()))(t)
	one := must(client.Get(t.Context(), a.subscription, nil))(t)
	if *one.SubscriptionID != a.subscription || *one.State != armsubscriptions.SubscriptionStateEnabled || *one.TenantID != a.TenantID {
		t.Errorf("subscription %+v", one.Subscription)
	}
	places := everything(t, client.NewListLocationsPager(a.subscription, nil),
		func(page armsubscriptions.ClientListLocationsResponse) []*armsubscriptions.Location {
			return page.Value
		})
	if len(places) != 1 || *places[0].Name != location {
		t.Errorf("locations %v", places)
	}
	tenants := must(armsubscriptions.NewTenantsClient(a.credential, a.options()))(t)
	all := everything(t, tenants.NewListPager(nil), func(page armsubscriptions.TenantsClientListResponse) []*armsubscriptions.TenantIDDescription {
		return page.Value
	})
	if len(all) != 1 || *all[0].TenantID != a.TenantID {
		t.Errorf("tenants %v", all)
	}
	_, err := client.Get(t.Context(), "00000000-0000-4000-8000-000000000000", nil)
	refused(t, err, http.StatusNotFound, "SubscriptionNotFound")
}
