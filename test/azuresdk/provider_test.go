package azuresdk_test

import (
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/hybridkubernetes/armhybridkubernetes"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armfeatures"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armresources"
)

func TestProviders(t *testing.T) {
	a := start(t)
	a.group(t)
	providers := must(armresources.NewProvidersClient(a.subscription, a.credential, a.options()))(t)
	all := everything(t, providers.NewListPager(nil), func(page armresources.ProvidersClientListResponse) []*armresources.Provider { return page.Value })
	if len(all) < 9 {
		t.Errorf("%d providers", len(all))
	}
	got := must(providers.Get(t.Context(), "Microsoft.Kubernetes", nil))(t)
	if *got.RegistrationState != "Registered" || len(got.ResourceTypes) == 0 || *got.ResourceTypes[0].ResourceType != "connectedClusters" || *got.ResourceTypes[0].Locations[0] != location {
		t.Errorf("%+v", got.Provider)
	}
	if got := must(providers.Unregister(t.Context(), "Microsoft.Kubernetes", nil))(t); *got.RegistrationState != "Unregistered" {
		t.Errorf("%+v", got.Provider)
	}
	_, err := a.clusters(t).BeginCreate(t.Context(), shops, "edge-1", cluster(t), nil)
	refused(t, err, http.StatusConflict, "MissingSubscriptionRegistration")
	if got := must(providers.Register(t.Context(), "Microsoft.Kubernetes", nil))(t); *got.RegistrationState != "Registered" {
		t.Errorf("%+v", got.Provider)
	}
	a.connect(t, "edge-1")
	_, err = providers.Unregister(t.Context(), "Microsoft.Kubernetes", nil)
	refused(t, err, http.StatusConflict, "Conflict")
}

// The SDKs register a provider by themselves when a write tells them that it is missing.
func TestProviderIsRegisteredByTheClient(t *testing.T) {
	a := start(t)
	a.group(t)
	providers := must(armresources.NewProvidersClient(a.subscription, a.credential, a.options()))(t)
	_ = must(providers.Unregister(t.Context(), "Microsoft.Kubernetes", nil))(t)
	clusters := must(armhybridkubernetes.NewConnectedClusterClient(a.subscription, a.credential, &arm.ClientOptions{ClientOptions: a.client}))(t)
	poller, err := clusters.BeginCreate(t.Context(), shops, "edge-1", cluster(t), nil)
	done(t, poller, err)
	if got := must(providers.Get(t.Context(), "Microsoft.Kubernetes", nil))(t); *got.RegistrationState != "Registered" {
		t.Errorf("%+v", got.Provider)
	}
}

func TestFeatures(t *testing.T) {
	a := start(t)
	features := must(armfeatures.NewClient(a.subscription, a.credential, a.options()))(t)
	const namespace, name = "Microsoft.Kubernetes", "preview"
	for _, step := range []struct {
		state string
		call  func() (*armfeatures.FeatureProperties, error)
	}{
		{"NotRegistered", func() (*armfeatures.FeatureProperties, error) {
			got, err := features.Get(t.Context(), namespace, name, nil)
			return got.Properties, err
		}},
		{"Registered", func() (*armfeatures.FeatureProperties, error) {
			got, err := features.Register(t.Context(), namespace, name, nil)
			return got.Properties, err
		}},
		{"NotRegistered", func() (*armfeatures.FeatureProperties, error) {
			got, err := features.Unregister(t.Context(), namespace, name, nil)
			return got.Properties, err
		}},
	} {
		if got := must(step.call())(t); *got.State != step.state {
			t.Errorf("%s, want %s", *got.State, step.state)
		}
	}
	all := everything(t, features.NewListAllPager(nil), func(page armfeatures.ClientListAllResponse) []*armfeatures.FeatureResult { return page.Value })
	if len(all) != 1 || *all[0].Name != namespace+"/"+name {
		t.Errorf("%+v", all)
	}
}

func TestResourcesAndTags(t *testing.T) {
	a := start(t)
	a.group(t)
	made := a.connect(t, "edge-1")
	resources := must(armresources.NewClient(a.subscription, a.credential, a.options()))(t)
	kind := "resourceType eq 'Microsoft.Kubernetes/connectedClusters'"
	all := everything(t, resources.NewListPager(&armresources.ClientListOptions{Filter: &kind}),
		func(page armresources.ClientListResponse) []*armresources.GenericResourceExpanded { return page.Value })
	if len(all) != 1 || *all[0].ID != *made.ID || *all[0].Type != "Microsoft.Kubernetes/connectedClusters" {
		t.Errorf("%+v", all)
	}
	tags := must(armresources.NewTagsClient(a.subscription, a.credential, a.options()))(t)
	_ = must(tags.UpdateAtScope(t.Context(), *made.ID, armresources.TagsPatchResource{
		Operation: new(armresources.TagsPatchOperationMerge), Properties: &armresources.Tags{Tags: map[string]*string{"env": new("test")}},
	}, nil))(t)
	if got := must(tags.GetAtScope(t.Context(), *made.ID, nil))(t); *got.Properties.Tags["env"] != "test" {
		t.Errorf("%+v", got.Properties)
	}
	one := must(resources.GetByID(t.Context(), *made.ID, "2024-01-01", nil))(t)
	if *one.Name != "edge-1" || *one.Tags["env"] != "test" {
		t.Errorf("%+v", one.GenericResource)
	}
}
