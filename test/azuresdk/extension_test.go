package azuresdk_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/kubernetesconfiguration/armkubernetesconfiguration/v2"
	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client/oci"
)

const (
	clusterRP   = "Microsoft.Kubernetes"
	clusterKind = "connectedClusters"
	typesPath   = "/providers/Microsoft.KubernetesConfiguration/extensionTypes/"
)

func (a *azure) extensions(t *testing.T) *armkubernetesconfiguration.ExtensionsClient {
	t.Helper()
	return must(armkubernetesconfiguration.NewExtensionsClient(a.subscription, a.credential, a.options()))(t)
}

// signed adds the administrator's token to requests.
type signed struct {
	credential azcore.TokenCredential
	audience   string
	next       http.RoundTripper
}

func (s signed) RoundTrip(request *http.Request) (*http.Response, error) {
	token, err := s.credential.GetToken(request.Context(), policy.TokenRequestOptions{Scopes: []string{s.audience + "/.default"}})
	if err != nil {
		return nil, fmt.Errorf("get a token: %w", err)
	}
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", "Bearer "+token.Token)
	return s.next.RoundTrip(request)
}

func (a *azure) signed() signed {
	client, _ := a.client.Transport.(*http.Client)
	return signed{a.credential, a.URL, client.Transport}
}

// offer pushes versions of a chart into the hub's registry and registers them as an extension type.
func (a *azure) offer(t *testing.T, name string, versions ...string) {
	t.Helper()
	registry := &oci.Registry{URL: a.URL, Transport: a.signed()}
	for _, version := range versions {
		file := filepath.Join(t.TempDir(), "web-"+version+".tgz")
		if err := os.WriteFile(file, chart(t, version), 0o600); err != nil {
			t.Fatal(err)
		}
		must(registry.Push(t.Context(), file, "charts"))(t)
	}
	body := `{"properties":{"chart":"oci://` + strings.TrimPrefix(a.URL, "https://") + `/charts/web","releaseTrains":{"stable":">=1.0"}}}`
	a.put(t, typesPath+name+"?api-version=2023-05-01-preview", body)
}

func (a *azure) put(t *testing.T, path, body string) {
	t.Helper()
	request := must(http.NewRequestWithContext(t.Context(), http.MethodPut, a.URL+path, strings.NewReader(body)))(t)
	request.Header.Set("Content-Type", "application/json")
	answer, err := (&http.Client{Transport: a.signed(), Timeout: patience}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }() // all of it is read below
	if text, _ := io.ReadAll(answer.Body); answer.StatusCode/100 != 2 {
		t.Fatalf("%s: %s", answer.Status, text)
	}
}

func chart(t *testing.T, version string) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipped)
	for name, text := range map[string]string{"web/Chart.yaml": "apiVersion: v2\nname: web\nversion: " + version + "\n", "web/values.yaml": "a: 1\n"} {
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// works is a cluster in which everything that is asked for runs.
func works(spec fairlead.ExtensionSpec) fairlead.ExtensionState {
	return fairlead.ExtensionState{ProvisioningState: fairlead.ExtensionSucceeded, CurrentVersion: spec.Version, ReleaseRevision: 1, Statuses: []fairlead.ExtensionStatus{
		{Code: "Ready", DisplayStatus: "Ready", Level: "Information", Message: "all of it runs"},
	}}
}

func wantedExtension() armkubernetesconfiguration.Extension {
	return armkubernetesconfiguration.Extension{
		Identity: &armkubernetesconfiguration.Identity{Type: new("SystemAssigned")},
		Properties: &armkubernetesconfiguration.ExtensionProperties{
			ExtensionType: new("Contoso.Web"), ConfigurationSettings: map[string]*string{"a.b": new("c")},
			ConfigurationProtectedSettings: map[string]*string{"password": new("hush")},
		},
	}
}

func TestExtensionLifeCycle(t *testing.T) {
	a := start(t)
	a.group(t)
	a.offer(t, "contoso.web", "1.0.0", "1.1.0")
	cluster := a.inhabit(t, works)
	extensions := a.extensions(t)
	poller, err := extensions.BeginCreate(t.Context(), shops, clusterRP, clusterKind, "edge-1", "web", wantedExtension(), nil)
	made := done(t, poller, err)
	got := made.Properties
	if *got.ProvisioningState != armkubernetesconfiguration.ProvisioningStateSucceeded || *got.CurrentVersion != "1.1.0" || *got.ExtensionType != "contoso.web" ||
		!*got.AutoUpgradeMinorVersion || *got.ReleaseTrain == "" || len(got.Statuses) != 1 || *made.Identity.PrincipalID == "" {
		t.Errorf("made %+v", got)
	}
	if value, there := got.ConfigurationProtectedSettings["password"]; !there || value != nil {
		t.Errorf("protected settings are shown as %v", got.ConfigurationProtectedSettings)
	}
	if spec := cluster.spec(t, "web"); spec.Version != "1.1.0" || spec.Settings["a.b"] != "c" || spec.ProtectedSettings == nil || spec.Scope != fairlead.ScopeCluster {
		t.Errorf("the cluster was told %+v", spec)
	}
	patch, err := extensions.BeginUpdate(t.Context(), shops, clusterRP, clusterKind, "edge-1", "web", armkubernetesconfiguration.PatchExtension{
		Properties: &armkubernetesconfiguration.PatchExtensionProperties{
			AutoUpgradeMinorVersion: new(false), Version: new("1.0.0"), ConfigurationSettings: map[string]*string{"d": new("e")},
			ConfigurationProtectedSettings: map[string]*string{},
		},
	}, nil)
	done(t, patch, err)
	now := must(extensions.Get(t.Context(), shops, clusterRP, clusterKind, "edge-1", "web", nil))(t)
	if *now.Properties.CurrentVersion != "1.0.0" || *now.Properties.ConfigurationSettings["a.b"] != "c" || *now.Properties.ConfigurationSettings["d"] != "e" {
		t.Errorf("patched %+v", now.Properties)
	}
	if spec := cluster.spec(t, "web"); spec.ProtectedSettings == nil {
		t.Error("an empty map of protected settings means no change")
	}
	all := everything(t, extensions.NewListPager(shops, clusterRP, clusterKind, "edge-1", nil),
		func(page armkubernetesconfiguration.ExtensionsClientListResponse) []*armkubernetesconfiguration.Extension {
			return page.Value
		})
	if len(all) != 1 || *all[0].Name != "web" {
		t.Errorf("%d extensions", len(all))
	}
	gone, err := extensions.BeginDelete(t.Context(), shops, clusterRP, clusterKind, "edge-1", "web", nil)
	done(t, gone, err)
	_, err = extensions.Get(t.Context(), shops, clusterRP, clusterKind, "edge-1", "web", nil)
	refused(t, err, http.StatusNotFound, "ResourceNotFound")
}

// The answer to a forced deletion has no body, as the original's has none.
func TestForcedDeletion(t *testing.T) {
	a := start(t)
	a.group(t)
	a.offer(t, "contoso.web", "1.0.0")
	a.inhabit(t, works)
	extensions := a.extensions(t)
	poller, err := extensions.BeginCreate(t.Context(), shops, clusterRP, clusterKind, "edge-1", "web", wantedExtension(), nil)
	done(t, poller, err)
	force := &armkubernetesconfiguration.ExtensionsClientBeginDeleteOptions{ForceDelete: new(true)}
	var answer *http.Response
	seen := policy.WithCaptureResponse(t.Context(), &answer)
	gone, err := extensions.BeginDelete(seen, shops, clusterRP, clusterKind, "edge-1", "web", force)
	if err != nil {
		t.Fatal(err)
	}
	if answer.ContentLength != 0 || answer.StatusCode != http.StatusOK && answer.Header.Get("Azure-AsyncOperation") == "" {
		t.Errorf("%s with %d bytes and %v", answer.Status, answer.ContentLength, answer.Header)
	}
	done(t, gone, err)
	_, err = extensions.Get(t.Context(), shops, clusterRP, clusterKind, "edge-1", "web", nil)
	refused(t, err, http.StatusNotFound, "ResourceNotFound")
	again, err := extensions.BeginDelete(t.Context(), shops, clusterRP, clusterKind, "edge-1", "web", force)
	done(t, again, err)
}

// What failed in the cluster comes out of the SDK's poller in the original's envelope, and is in the document.
func TestExtensionThatFails(t *testing.T) {
	a := start(t)
	a.group(t)
	a.offer(t, "contoso.web", "1.0.0")
	a.inhabit(t, func(fairlead.ExtensionSpec) fairlead.ExtensionState {
		return fairlead.ExtensionState{ProvisioningState: fairlead.ExtensionFailed, ErrorInfo: &fairlead.ExtensionError{
			Code: fairlead.CauseBackoffLimit, Message: "Job failed: BackoffLimitExceeded", Target: "Job/web/migrate", Cause: "it gave up",
			Evidence: []string{"exit code 3"}, Remedies: []string{"kubectl logs -n web job/migrate"}, DoctorID: "HLM-02",
		}}
	})
	extensions := a.extensions(t)
	poller, err := extensions.BeginCreate(t.Context(), shops, clusterRP, clusterKind, "edge-1", "web", wantedExtension(), nil)
	if err == nil {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		_, err = poller.PollUntilDone(ctx, nil)
	}
	failed, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok || failed.ErrorCode != fairlead.CodeResourceOperationFailure ||
		!strings.Contains(err.Error(), fairlead.CodeExtensionCreationFailed) || !strings.Contains(err.Error(), "BackoffLimitExceeded") || strings.Contains(err.Error(), "hush") {
		t.Fatalf("the poller says %v", err)
	}
	got := must(extensions.Get(t.Context(), shops, clusterRP, clusterKind, "edge-1", "web", nil))(t).Properties
	if *got.ProvisioningState != armkubernetesconfiguration.ProvisioningStateFailed || got.ErrorInfo == nil || *got.ErrorInfo.Message != "Job failed: BackoffLimitExceeded" {
		t.Errorf("got %+v with %+v", got, got.ErrorInfo)
	}
}

func TestExtensionErrors(t *testing.T) {
	a := start(t)
	a.group(t)
	a.connect(t, "edge-1")
	extensions := a.extensions(t)
	_, err := extensions.Get(t.Context(), shops, clusterRP, clusterKind, "edge-1", "none", nil)
	refused(t, err, http.StatusNotFound, "ResourceNotFound")
	_, err = extensions.BeginCreate(t.Context(), shops, clusterRP, clusterKind, "none", "web", wantedExtension(), nil)
	refused(t, err, http.StatusNotFound, "ParentResourceNotFound")
	_, err = extensions.BeginCreate(t.Context(), shops, clusterRP, clusterKind, "edge-1", "web", wantedExtension(), nil)
	refused(t, err, http.StatusBadRequest, "ExtensionTypeNotFound")
	both := wantedExtension()
	both.Properties.Version, both.Properties.AutoUpgradeMinorVersion = new("1.0.0"), new(true)
	_, err = extensions.BeginCreate(t.Context(), shops, clusterRP, clusterKind, "edge-1", "web", both, nil)
	refused(t, err, http.StatusBadRequest, "InvalidRequestContent")
}
