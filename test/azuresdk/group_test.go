package azuresdk_test

import (
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armresources"
)

func (a *azure) groups(t *testing.T) *armresources.ResourceGroupsClient {
	t.Helper()
	return must(armresources.NewResourceGroupsClient(a.subscription, a.credential, a.options()))(t)
}

func (a *azure) group(t *testing.T) *armresources.ResourceGroup {
	t.Helper()
	made := must(a.groups(t).CreateOrUpdate(t.Context(), shops, armresources.ResourceGroup{
		Location: new(location), Tags: map[string]*string{"site": new("quay")},
	}, nil))(t)
	return &made.ResourceGroup
}

func TestGroupLifeCycle(t *testing.T) {
	a := start(t)
	groups := a.groups(t)
	made := a.group(t)
	if *made.Properties.ProvisioningState != "Succeeded" || *made.Location != location || *made.Tags["site"] != "quay" {
		t.Errorf("made %+v", made)
	}
	if there := must(groups.CheckExistence(t.Context(), "SHOPS", nil))(t); !there.Success {
		t.Error("the group is not there")
	}
	if there := must(groups.CheckExistence(t.Context(), "none", nil))(t); there.Success {
		t.Error("a group is there that nobody made")
	}
	patched := must(groups.Update(t.Context(), shops, armresources.ResourceGroupPatchable{Tags: map[string]*string{"env": new("test")}}, nil))(t)
	if len(patched.Tags) != 1 || *patched.Tags["env"] != "test" {
		t.Errorf("patched %v", patched.Tags)
	}
	all := everything(t, groups.NewListPager(nil), func(page armresources.ResourceGroupsClientListResponse) []*armresources.ResourceGroup {
		return page.Value
	})
	if len(all) != 2 { // with the one of the first start
		t.Errorf("%d groups", len(all))
	}
	a.connect(t, "edge-1")
	poller, err := groups.BeginDelete(t.Context(), shops, nil)
	done(t, poller, err)
	_, err = groups.Get(t.Context(), shops, nil)
	refused(t, err, http.StatusNotFound, "ResourceGroupNotFound")
	_, err = a.clusters(t).Get(t.Context(), shops, "edge-1", nil)
	refused(t, err, http.StatusNotFound, "ResourceGroupNotFound")
}
