package azuresdk_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/hybridkubernetes/armhybridkubernetes"
)

func (a *azure) clusters(t *testing.T) *armhybridkubernetes.ConnectedClusterClient {
	t.Helper()
	return must(armhybridkubernetes.NewConnectedClusterClient(a.subscription, a.credential, a.options()))(t)
}

// publicKey is what a cluster is connected with; making one takes long enough to share it.
var publicKey = sync.OnceValues(func() (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	return base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&key.PublicKey)), nil
})

func (a *azure) connect(t *testing.T, name string) armhybridkubernetes.ConnectedCluster {
	t.Helper()
	poller, err := a.clusters(t).BeginCreate(t.Context(), shops, name, cluster(t), nil)
	return done(t, poller, err).ConnectedCluster
}

func cluster(t *testing.T) armhybridkubernetes.ConnectedCluster {
	t.Helper()
	return armhybridkubernetes.ConnectedCluster{
		Location: new(location),
		Identity: &armhybridkubernetes.ConnectedClusterIdentity{Type: new(armhybridkubernetes.ResourceIdentityTypeSystemAssigned)},
		Properties: &armhybridkubernetes.ConnectedClusterProperties{
			AgentPublicKeyCertificate: new(must(publicKey())(t)), Distribution: new("k3s"), Infrastructure: new("None"),
		},
	}
}

func TestClusterLifeCycle(t *testing.T) {
	a := start(t)
	a.group(t)
	clusters := a.clusters(t)
	made := a.connect(t, "edge-1")
	if *made.Identity.PrincipalID == "" || *made.Identity.TenantID != a.TenantID || *made.Properties.ProvisioningState != armhybridkubernetes.ProvisioningStateSucceeded {
		t.Errorf("made %+v %+v", made.Identity, made.Properties)
	}
	if *made.Properties.ConnectivityStatus != armhybridkubernetes.ConnectivityStatusConnecting || made.SystemData == nil || made.SystemData.CreatedAt.IsZero() {
		t.Errorf("made %+v %+v", made.Properties, made.SystemData)
	}
	patched := must(clusters.Update(t.Context(), "SHOPS", "EDGE-1", armhybridkubernetes.ConnectedClusterPatch{Tags: map[string]*string{"env": new("test")}}, nil))(t)
	if *patched.Tags["env"] != "test" || *patched.Properties.Distribution != "k3s" || *patched.Name != "edge-1" {
		t.Errorf("patched %+v", patched.ConnectedCluster)
	}
	got := must(clusters.Get(t.Context(), shops, "edge-1", nil))(t)
	if *got.ID != *made.ID || *got.Identity.PrincipalID != *made.Identity.PrincipalID {
		t.Errorf("got %+v", got.ConnectedCluster)
	}
	poller, err := clusters.BeginDelete(t.Context(), shops, "edge-1", nil)
	done(t, poller, err)
	_, err = clusters.Get(t.Context(), shops, "edge-1", nil)
	refused(t, err, http.StatusNotFound, "ResourceNotFound")
	poller, err = clusters.BeginDelete(t.Context(), shops, "edge-1", nil)
	done(t, poller, err) // what is gone can be deleted again
}

// A poller that is put down is taken up again from its token, as after a client's crash.
func TestOperationOutlivesItsClient(t *testing.T) {
	a := start(t)
	a.group(t)
	ctx := policy.WithHTTPHeader(t.Context(), http.Header{"Prefer": {"respond-async"}})
	begun, err := a.clusters(t).BeginCreate(ctx, shops, "edge-1", cluster(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if begun.Done() {
		t.Fatal("the operation did not run on its own")
	}
	resumed, err := a.clusters(t).BeginCreate(t.Context(), "", "", armhybridkubernetes.ConnectedCluster{},
		&armhybridkubernetes.ConnectedClusterClientBeginCreateOptions{ResumeToken: must(begun.ResumeToken())(t)})
	if made := done(t, resumed, err); *made.Name != "edge-1" || *made.Identity.PrincipalID == "" {
		t.Errorf("made %+v", made.ConnectedCluster)
	}
}

func TestMoreClustersThanFitOnAPage(t *testing.T) {
	const many = 502 // a page has 500
	a := start(t)
	a.group(t)
	var wait sync.WaitGroup
	for worker := range 4 {
		wait.Go(func() {
			for i := worker; i < many; i += 4 {
				a.connect(t, fmt.Sprintf("edge-%04d", i))
			}
		})
	}
	wait.Wait()
	if t.Failed() {
		t.FailNow()
	}
	pager := a.clusters(t).NewListByResourceGroupPager(shops, nil)
	seen, pages := map[string]bool{}, 0
	for ; pager.More(); pages++ {
		page := must(pager.NextPage(t.Context()))(t)
		for _, one := range page.Value {
			seen[*one.Name] = true
		}
	}
	if len(seen) != many || pages != 2 {
		t.Errorf("%d clusters on %d pages", len(seen), pages)
	}
	all := everything(t, a.clusters(t).NewListBySubscriptionPager(nil),
		func(page armhybridkubernetes.ConnectedClusterClientListBySubscriptionResponse) []*armhybridkubernetes.ConnectedCluster {
			return page.Value
		})
	if len(all) != many {
		t.Errorf("%d clusters in the subscription", len(all))
	}
}

func TestClusterErrors(t *testing.T) {
	a := start(t)
	a.group(t)
	a.connect(t, "edge-1")
	clusters := a.clusters(t)
	update := func(ctx context.Context, group, name string) error {
		_, err := clusters.Update(ctx, group, name, armhybridkubernetes.ConnectedClusterPatch{Tags: map[string]*string{}}, nil)
		return err
	}
	refused(t, update(t.Context(), shops, "none"), http.StatusNotFound, "ResourceNotFound")
	refused(t, update(t.Context(), "none", "none"), http.StatusNotFound, "ResourceGroupNotFound")
	stale := policy.WithHTTPHeader(t.Context(), http.Header{"If-Match": {`"stale"`}})
	refused(t, update(stale, shops, "edge-1"), http.StatusPreconditionFailed, "PreconditionFailed")
	var answer *http.Response
	if _, err := clusters.Get(policy.WithCaptureResponse(t.Context(), &answer), shops, "edge-1", nil); err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close() // the SDK has read it
	current := policy.WithHTTPHeader(t.Context(), http.Header{"If-Match": {answer.Header.Get("ETag")}})
	if err := update(current, shops, "edge-1"); err != nil {
		t.Error(err)
	}
	_, err := clusters.BeginCreate(t.Context(), shops, "edge-2", armhybridkubernetes.ConnectedCluster{Location: new("mars")}, nil)
	refused(t, err, http.StatusBadRequest, "LocationNotAvailableForResourceType")
}
