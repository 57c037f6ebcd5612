package extension_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/hub/gitops"
)

// shop is what az sends.
const shop = `{"properties":{"scope":"cluster","namespace":"shop","sourceKind":"GitRepository","suspend":false,
	"gitRepository":{"url":"https://git.example.org/shop.git","repositoryRef":{"branch":"main"},"httpsUser":"reader","timeoutInSeconds":null},
	"kustomizations":{"infra":{"path":"./infra","prune":true},"apps":{"path":"./apps","dependsOn":["infra"],"syncIntervalInSeconds":120}},
	"configurationProtectedSettings":{"httpsKey":"aHVudGVyMi1hbmQtbW9yZQ=="}}}`

func TestFluxConfigurationIsFollowedAndShown(t *testing.T) {
	b, a := fluxBench(start(t))
	accepted := b.do(http.MethodPut, fluxOf(a, "shop")+fluxForm, shop).want(http.StatusCreated)
	accepted.has("properties.provisioningState", "Creating", "properties.complianceState", "Pending", "properties.kustomizations.apps.name", "apps",
		"properties.configurationProtectedSettings", `{"httpsKey":null}`, "fairlead", "null", "properties.gitRepository.syncIntervalInSeconds", "600")
	flux := a.wantedFlux()
	if flux.ExtensionType != fairlead.FluxExtensionType || flux.ReleaseNamespace != fairlead.FluxNamespace || flux.Version != "1.0.0" || !flux.AutoUpgradeMinorVersion {
		t.Errorf("%+v is what the hub made to run Flux", flux)
	}
	b.do(http.MethodGet, one(a, "flux"), "").want(http.StatusOK).has("systemData.createdBy", "fairlead-hub")
	wanted, spec := a.wanted("shop", nil)
	apps := spec.Kustomizations["apps"]
	if wanted.APIVersion != fairlead.FluxConfigVersion || spec.Namespace != "shop" || spec.GitRepository.RepositoryRef.Branch != "main" ||
		apps.DependsOn[0] != "infra" || apps.SyncIntervalInSeconds != 120 || !spec.Kustomizations["infra"].Prune || spec.ProtectedSettings.SecretName != "flux-settings-shop" {
		t.Errorf("%s", wanted.Spec)
	}
	if got := decrypt(t, a, wanted.Protected); len(got) != 1 || got["httpsKey"] != "hunter2-and-more" {
		t.Errorf("protected settings arrive as %v", got)
	}
	a.runsFlux()
	a.reportFlux("shop", compliant(spec.Generation))
	b.ended(accepted).has("status", "Succeeded")
	b.do(http.MethodGet, fluxOf(a, "shop")+fluxForm, "").want(http.StatusOK).has("properties.provisioningState", "Succeeded", "properties.complianceState", "Compliant",
		"properties.sourceSyncedCommitId", "main@sha1:0123456789abcdef0123456789abcdef01234567", "properties.sourceUpdatedAt", "2026-11-26T12:00:00Z",
		"properties.errorMessage", "", "properties.kustomizations.infra.wait", "true", "properties.kustomizations.infra.retryIntervalInSeconds", "null", "properties.bucket", "null")
	if got := b.do(http.MethodGet, a.id.String()+fluxes+fluxForm, "").want(http.StatusOK); !strings.Contains(got.text, `"ReconciliationSucceeded"`) {
		t.Errorf("%s", got.text)
	}
}

func TestAConfigurationNamesTheExtensionThatFails(t *testing.T) {
	b, a := fluxBench(start(t))
	accepted := b.do(http.MethodPut, fluxOf(a, "shop")+fluxForm, shop).want(http.StatusCreated)
	spec := a.wantedFlux()
	a.reportOf("flux", fairlead.ExtensionState{ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionFailed, ErrorInfo: &fairlead.ExtensionError{
		Code: fairlead.CauseReadinessTimeout, Message: "Timed out waiting for source-controller", Target: "Deployment/flux-system/source-controller",
	}})
	got := b.ended(accepted).has("status", "Failed", "error.code", "ResourceOperationFailure")
	for _, want := range []string{"FluxConfigurationCreationFailed", "FluxExtensionNotReady", "'flux'", "Timed out waiting for source-controller", "Deployment/flux-system/source-controller"} {
		if !strings.Contains(got.text, want) {
			t.Errorf("it lacks %q: %s", want, got.text)
		}
	}
	// The extension comes late, and the cluster does what was wished.
	a.runsFlux()
	_, wish := a.wanted("shop", nil)
	a.reportFlux("shop", compliant(wish.Generation))
	b.do(http.MethodGet, fluxOf(a, "shop")+fluxForm, "").has("properties.provisioningState", "Succeeded")
}

func TestWhatDoesNotReconcileIsToldWithItsObjects(t *testing.T) {
	b, a := fluxBench(start(t))
	accepted := b.do(http.MethodPut, fluxOf(a, "shop")+fluxForm, shop).want(http.StatusCreated)
	a.runsFlux()
	_, spec := a.wanted("shop", nil)
	state := compliant(spec.Generation)
	state.ProvisioningState, state.ComplianceState, state.SourceSyncedCommitID, state.ErrorMessage = fairlead.ExtensionFailed, fairlead.FluxNonCompliant, "", "cannot clone"
	state.Statuses[0].ComplianceState = fairlead.FluxNonCompliant
	state.Statuses[0].Conditions[0] = fairlead.FluxCondition{Type: "Ready", Status: "False", Reason: "BuildFailed", Message: "no such folder ./infra"}
	a.reportFlux("shop", state)
	got := b.ended(accepted).has("status", "Failed")
	for _, want := range []string{"FluxConfigurationCreationFailed", "cannot clone", "Kustomization/shop/shop-infra", "BuildFailed: no such folder ./infra"} {
		if !strings.Contains(got.text, want) {
			t.Errorf("it lacks %q: %s", want, got.text)
		}
	}
	b.do(http.MethodGet, fluxOf(a, "shop")+fluxForm, "").has("properties.provisioningState", "Failed", "properties.complianceState", "Non-Compliant", "properties.errorMessage", "cannot clone")
}

func TestAPatchOfAConfigurationIsAMergePatch(t *testing.T) {
	b, a := fluxBench(start(t))
	before := b.follow(a, "shop", shop)
	patch := `{"properties":{"kustomizations":{"apps":null},"gitRepository":{"repositoryRef":{"tag":"v2"}},"bucket":{},"configurationProtectedSettings":{}}}`
	accepted := b.do(http.MethodPatch, fluxOf(a, "shop")+fluxForm, patch).want(http.StatusAccepted)
	accepted.has("properties.kustomizations.apps", "null", "properties.gitRepository.url", "https://git.example.org/shop.git", "properties.provisioningState", "Updating")
	_, spec := a.wanted("shop", func(_ fairlead.Configuration, spec fairlead.FluxSpec) bool {
		return spec.Generation > before.Generation
	})
	if len(spec.Kustomizations) != 1 || spec.GitRepository.RepositoryRef.Tag != "v2" || spec.GitRepository.RepositoryRef.Branch != "" ||
		spec.ProtectedSettings == nil || spec.ProtectedSettings.Hash != before.ProtectedSettings.Hash {
		t.Errorf("%+v %+v", spec, spec.GitRepository)
	}
	a.reportFlux("shop", compliant(spec.Generation))
	b.ended(accepted).has("status", "Succeeded")
	// From Git to a bucket, as az does it.
	patch = `{"properties":{"sourceKind":"Bucket","bucket":{"url":"https://s3.example.org","bucketName":"shop","accessKey":"reader"},"gitRepository":{},
		"configurationProtectedSettings":{"bucketSecretKey":"aHVzaA=="}}}`
	b.do(http.MethodPatch, fluxOf(a, "shop")+fluxForm, patch).want(http.StatusAccepted).has("properties.gitRepository", "null",
		"properties.configurationProtectedSettings", `{"bucketSecretKey":null}`)
	wanted, _ := a.wanted("shop", func(_ fairlead.Configuration, spec fairlead.FluxSpec) bool { return spec.Bucket != nil })
	if got := decrypt(t, a, wanted.Protected); len(got) != 1 || got["bucketSecretKey"] != "hush" {
		t.Errorf("%v", got)
	}
}

func TestSecretsOfAConfigurationAreNowhereInClear(t *testing.T) {
	b, a := fluxBench(start(t))
	blob := `{"properties":{"namespace":"shop","sourceKind":"azureblob","azureBlob":{"url":"https://shop.blob.core.windows.net","containerName":"shop","accountKey":"hunter2"},
		"kustomizations":{}}}`
	first := b.follow(a, "blob", blob)
	b.do(http.MethodPut, fluxOf(a, "shop")+fluxForm, shop).want(http.StatusCreated)
	shown := b.do(http.MethodGet, a.id.String()+fluxes+fluxForm, "").text
	// What was shown can be sent back: the secrets stay.
	back := `{"properties":{"namespace":"shop","sourceKind":"AzureBlob","azureBlob":{"url":"https://shop.blob.core.windows.net","containerName":"shop"},
		"configurationProtectedSettings":{"accountKey":null}}}`
	b.do(http.MethodPut, fluxOf(a, "blob")+fluxForm, back).want(http.StatusOK)
	wanted, _ := a.wanted("blob", func(_ fairlead.Configuration, spec fairlead.FluxSpec) bool { return spec.Generation > first.Generation })
	if got := decrypt(t, a, wanted.Protected); got["accountKey"] != "hunter2" {
		t.Errorf("%v", got)
	}
	all := shown + string(wanted.Spec) + b.log.String()
	b.stop()
	files, err := filepath.Glob(filepath.Join(b.folder, "hub.db*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all += string(content)
	}
	if strings.Contains(all, "hunter2") || strings.Contains(all, "aHVudGVyMi1hbmQtbW9yZQ") {
		t.Error("a secret is somewhere in clear")
	}
	if !strings.Contains(shown, "accountKey") || !strings.Contains(shown, "httpsKey") {
		t.Errorf("the names of protected settings should be shown: %s", shown)
	}
}

func TestDeletionOfAConfiguration(t *testing.T) {
	b, a := fluxBench(start(t))
	b.follow(a, "shop", shop)
	if got := b.do(http.MethodDelete, one(a, "flux"), "").want(http.StatusConflict); !strings.Contains(got.text, "shop") || !strings.Contains(got.text, "FluxConfigurationsExist") {
		t.Errorf("%s", got.text)
	}
	accepted := b.do(http.MethodDelete, fluxOf(a, "shop")+fluxForm, "").want(http.StatusAccepted)
	_, spec := a.wanted("shop", func(one fairlead.Configuration, _ fairlead.FluxSpec) bool { return one.Deleted && !one.Orphan })
	a.reportFlux("shop", fairlead.FluxState{ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionDeleting})
	b.do(http.MethodGet, fluxOf(a, "shop")+fluxForm, "").has("properties.provisioningState", "Deleting")
	a.reportFlux("shop", fairlead.FluxState{ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionGone})
	b.ended(accepted).has("status", "Succeeded")
	b.do(http.MethodGet, fluxOf(a, "shop")+fluxForm, "").want(http.StatusNotFound)
	b.do(http.MethodDelete, one(a, "flux"), "").want(http.StatusAccepted)
}

func TestForcedDeletionOfAConfigurationLeavesATombstone(t *testing.T) {
	b, a := fluxBench(start(t))
	b.follow(a, "shop", shop)
	b.ended(b.do(http.MethodDelete, fluxOf(a, "shop")+fluxForm+"&forceDelete=true", "").want(http.StatusAccepted)).has("status", "Succeeded")
	_, spec := a.wanted("shop", func(one fairlead.Configuration, _ fairlead.FluxSpec) bool { return one.Deleted && one.Orphan })
	a.reportFlux("shop", fairlead.FluxState{ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionGone})
	a.etag = ""
	if left := a.pendingOf(fairlead.FluxConfigKind); len(left) != 0 {
		t.Errorf("the cluster is still told of %v", left)
	}
}

func TestOperationsOnConfigurationsEndByThemselves(t *testing.T) {
	for name, run := range map[string]struct {
		patience configuration.Patience
		says     string
	}{
		"without a sign of life": {configuration.Patience{Silence: 300 * time.Millisecond, Unreported: time.Hour, Refused: time.Hour, Grace: time.Hour}, "Unable to get a response from the agent in time"},
		"without a status":       {configuration.Patience{Silence: time.Hour, Unreported: 300 * time.Millisecond, Refused: time.Hour, Grace: time.Hour}, "status not populated"},
	} {
		t.Run(name, func(t *testing.T) {
			b, a := fluxBench(start(t))
			b.follow(a, "first", shop)
			b.stop()
			b.open(run.patience)
			got := b.ended(b.do(http.MethodPut, fluxOf(a, "shop")+fluxForm, shop).want(http.StatusCreated)).has("status", "Failed")
			if !strings.Contains(got.text, run.says) || !strings.Contains(got.text, "FluxConfigurationCreationFailed") {
				t.Errorf("%s", got.text)
			}
			if shown := b.do(http.MethodGet, fluxOf(a, "shop")+fluxForm, ""); !strings.Contains(shown.document.Text("properties.errorMessage"), run.says) {
				t.Errorf("who looks later sees %s", shown.text)
			}
		})
	}
}

func TestAnAdministratorsOwnTypeRunsFlux(t *testing.T) {
	b, a := fluxBench(start(t))
	b.push("7.0.0")
	ca := b.builtIn()[0]
	body := `{"properties":{"chart":"` + ca.Chart + `","caBundle":"` + strings.ReplaceAll(ca.CABundle, "\n", `\n`) + `","releaseTrains":{"stable":">=7"}}}`
	b.do(http.MethodPut, kinds+"/microsoft.flux"+previews, body).want(http.StatusCreated)
	b.do(http.MethodPut, fluxOf(a, "shop")+fluxForm, shop).want(http.StatusCreated)
	if flux := a.wantedFlux(); flux.Version != "7.0.0" {
		t.Errorf("%+v", flux)
	}
	if got := b.do(http.MethodGet, a.id.String()+kinds+previews, "").want(http.StatusOK); strings.Count(got.text, `"name":"microsoft.flux"`) != 1 {
		t.Errorf("%s", got.text)
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	b, a := fluxBench(start(t))
	const git = `"namespace":"shop","sourceKind":"GitRepository","gitRepository":{"url":"https://git.example.org/shop.git"}`
	for name, c := range map[string]struct{ properties, says string }{
		"no kind":            {`"gitRepository":{"url":"https://git.example.org/x"}`, "sourceKind"},
		"no source":          {`"sourceKind":"GitRepository"`, "'gitRepository' is required"},
		"another source":     {git + `,"bucket":{"url":"https://s3.example.org"}`, "'bucket' is not for sourceKind 'GitRepository'"},
		"a wrong scheme":     {`"sourceKind":"GitRepository","gitRepository":{"url":"ftp://git.example.org/x"}`, "https://, http://, ssh://"},
		"a local path":       {`"sourceKind":"GitRepository","gitRepository":{"url":"/srv/git/x"}`, "git@"},
		"a password in it":   {`"sourceKind":"GitRepository","gitRepository":{"url":"https://me:4711@git.example.org/x"}`, "holds credentials"},
		"a namespace":        {`"namespace":"Shop",` + git[len(`"namespace":"shop",`):], "no name of a namespace"},
		"a scope":            {git + `,"scope":"planet"`, "'scope' is 'cluster' or 'namespace'"},
		"an unknown name":    {git + `,"kustomizations":{"apps":{"path":"","dependsOn":["infra"]}}`, "depends on 'infra'"},
		"a cycle":            {git + `,"kustomizations":{"a":{"dependsOn":["b"]},"b":{"dependsOn":["c"]},"c":{"dependsOn":["a"]}}`, "a → b → c → a"},
		"a way out":          {git + `,"kustomizations":{"a":{"path":"../etc"}}`, "leads out of the source"},
		"a long name":        {git + `,"kustomizations":{"` + strings.Repeat("a", 62) + `":{}}`, "too long together"},
		"a bad name":         {git + `,"kustomizations":{"A":{}}`, "no name of a kustomization"},
		"two dots":           {git + `,"kustomizations":{"a..b":{}}`, "no name of a kustomization"},
		"a dash at a dot":    {git + `,"kustomizations":{"a-.b":{}}`, "no name of a kustomization"},
		"no time":            {git + `,"kustomizations":{"a":{"timeoutInSeconds":0}}`, "kustomizations.a.timeoutInSeconds"},
		"negative time":      {`"sourceKind":"GitRepository","gitRepository":{"url":"https://git.example.org/x","syncIntervalInSeconds":-1}`, "gitRepository.syncIntervalInSeconds"},
		"no base64":          {git + `,"configurationProtectedSettings":{"httpsKey":"4711!"}`, "must be base64"},
		"an unknown secret":  {git + `,"configurationProtectedSettings":{"password":"NDcxMQ=="}`, "There are: httpsKey, sshPrivateKey"},
		"a foreign secret":   {git + `,"configurationProtectedSettings":{"bucketSecretKey":"NDcxMQ=="}`, "is not for sourceKind"},
		"a key without user": {git + `,"configurationProtectedSettings":{"httpsKey":"NDcxMQ=="}`, "are given together"},
		"no private key":     {`"sourceKind":"GitRepository","gitRepository":{"url":"git@git.example.org:x"},"configurationProtectedSettings":{"sshPrivateKey":"NDcxMQ=="}`, "private key in PEM"},
		"a short commit":     {`"sourceKind":"GitRepository","gitRepository":{"url":"https://git.example.org/x","repositoryRef":{"commit":"abc"}}`, "whole hash"},
		"a range":            {`"sourceKind":"GitRepository","gitRepository":{"url":"https://git.example.org/x","repositoryRef":{"semver":"new"}}`, "range of versions"},
		"a plain bucket":     {`"sourceKind":"Bucket","bucket":{"url":"http://s3.example.org","bucketName":"shop"}`, "'bucket.insecure'"},
		"two ways":           {`"sourceKind":"AzureBlob","azureBlob":{"url":"https://x.blob.core.windows.net","containerName":"shop","accountKey":"4711","sasToken":"4711"}`, "in one way"},
		"half a principal":   {`"sourceKind":"AzureBlob","azureBlob":{"url":"https://x.blob.core.windows.net","containerName":"shop","servicePrincipal":{"clientId":"x"}}`, "'tenantId'"},
		"a tag in a URL":     {`"sourceKind":"OCIRepository","ociRepository":{"url":"oci://ghcr.io/shop/manifests:1"}`, "'repositoryRef'"},
		"a signature":        {`"sourceKind":"OCIRepository","ociRepository":{"url":"oci://ghcr.io/shop/manifests","verify":{"provider":"cosign"}}`, "not supported"},
		"a misspelled one":   {git + `,"ConfigurationProtectedSettings":{"httpsKey":"NDcxMQ=="}`, "its case matters"},
		"one further in":     {`"sourceKind":"AzureBlob","azureBlob":{"url":"https://x.blob.core.windows.net","containerName":"shop","AccountKey":"4711"}`, "its case matters"},
		"a variable":         {git + `,"kustomizations":{"a":{"postBuild":{"substitute":{"a-b":"c"}}}}`, "no name of a variable"},
		"a number of a text": {git + `,"kustomizations":{"a":"b"}`, "must be an object"},
	} {
		t.Run(name, func(t *testing.T) {
			got := b.do(http.MethodPut, fluxOf(a, "shop")+fluxForm, `{"properties":{`+c.properties+`}}`).want(http.StatusBadRequest)
			if !strings.Contains(got.text, c.says) || strings.Contains(got.text, "4711") || strings.Contains(got.text, "NDcxMQ") {
				t.Errorf("%s, want it to say %q", got.text, c.says)
			}
		})
	}
	for _, name := range []string{"Shop_1", "shop..web", "shop-.web"} {
		b.do(http.MethodPut, fluxOf(a, name)+fluxForm, shop).want(http.StatusBadRequest).has("error.code", "InvalidResourceName")
	}
	if got := b.do(http.MethodPut, fluxOf(a, strings.Repeat("a", 64))+fluxForm, `{"properties":{`+git+`}}`).want(http.StatusBadRequest); !strings.Contains(got.text, "at most 63") {
		t.Errorf("%s", got.text)
	}
	b.do(http.MethodPut, group+fluxes+"/shop"+fluxForm, shop).want(http.StatusNotFound)
	b.do(http.MethodPut, fluxOf(a, "shop")+fluxForm, shop).want(http.StatusCreated)
	b.do(http.MethodPut, fluxOf(a, "shop")+fluxForm, strings.Replace(shop, `"namespace":"shop"`, `"namespace":"other"`, 1)).want(http.StatusConflict).
		has("error.code", "FluxConfigurationCannotBeMoved")
}

func TestShortSSHURLsAreWrittenOut(t *testing.T) {
	b, a := fluxBench(start(t))
	b.do(http.MethodPut, fluxOf(a, "shop")+fluxForm, `{"properties":{"sourceKind":"GitRepository","gitRepository":{"url":"git@git.example.org:team/shop.git"}}}`).
		want(http.StatusCreated).has("properties.gitRepository.url", "git@git.example.org:team/shop.git", "properties.namespace", "default")
	if _, spec := a.wanted("shop", nil); spec.GitRepository.URL != "ssh://git@git.example.org/team/shop.git" {
		t.Errorf("%s", spec.GitRepository.URL)
	}
}

func TestWhatAClusterSaysOfConfigurationsIsBounded(t *testing.T) {
	b, a := fluxBench(start(t))
	spec := b.follow(a, "shop", shop)
	state := compliant(spec.Generation)
	for range 5000 {
		state.Statuses = append(state.Statuses, state.Statuses[0])
	}
	state.ErrorMessage = strings.Repeat("x", 20_000)
	a.reportFlux("shop", state)
	got := b.do(http.MethodGet, fluxOf(a, "shop")+fluxForm, "").want(http.StatusOK)
	if count := strings.Count(got.text, "ReconciliationSucceeded"); count < 100 || count > 2000 || len(got.text) > 256<<10 {
		t.Errorf("%d objects in %d bytes", count, len(got.text))
	}
	if said := got.document.Text("properties.errorMessage"); said != strings.Repeat("x", 8<<10)+"…" {
		t.Errorf("an error of %d bytes is shown with %d, ending in %q", len(state.ErrorMessage), len(said), said[max(0, len(said)-8):])
	}
	status, text := a.try(fairlead.OpFluxStatus, make([]fairlead.FluxReport, 300), a.key, a.chain...)
	if status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", status, text)
	}
	if status, text := a.try(fairlead.OpFluxStatus, []fairlead.FluxReport{{Name: "../x"}}, a.key, a.chain...); status != http.StatusBadRequest {
		t.Errorf("%d %s", status, text)
	}
}

// A hub that has no chart for Flux says so, instead of waiting for what nobody will install.
func TestAHubWithoutFluxSaysSo(t *testing.T) {
	b, a := fluxBench(start(t))
	b.catalogue.BuiltIn = nil
	got := b.ended(b.do(http.MethodPut, fluxOf(a, "shop")+fluxForm, shop).want(http.StatusCreated)).has("status", "Failed")
	if !strings.Contains(got.text, "FluxExtensionNotReady") || !strings.Contains(got.text, "'microsoft.flux' is not registered") {
		t.Errorf("%s", got.text)
	}
}

// A deletion ends when nothing is left in the cluster that could do it, and says how to go on.
func TestADeletionWithoutFluxEnds(t *testing.T) {
	b, a := fluxBench(start(t))
	b.follow(a, "shop", shop)
	gone := b.do(http.MethodDelete, path(a, "flux")+version+"&forceDelete=true", "").want(http.StatusAccepted)
	b.ended(gone).has("status", "Succeeded")
	got := b.ended(b.do(http.MethodDelete, fluxOf(a, "shop")+fluxForm, "").want(http.StatusAccepted)).has("status", "Failed")
	if !strings.Contains(got.text, "FluxConfigurationDeletionFailed") || !strings.Contains(got.text, "--extension-type microsoft.flux") {
		t.Errorf("%s", got.text)
	}
	b.ended(b.do(http.MethodDelete, fluxOf(a, "shop")+fluxForm+"&forceDelete=true", "").want(http.StatusAccepted)).has("status", "Succeeded")
	b.do(http.MethodGet, fluxOf(a, "shop")+fluxForm, "").want(http.StatusNotFound)
}

// A cluster that cannot take a configuration yet, since Flux is only being installed there, is waited for.
func TestAConfigurationWaitsWhileFluxIsInstalled(t *testing.T) {
	b, a := fluxBench(start(t))
	accepted := b.do(http.MethodPut, fluxOf(a, "shop")+fluxForm, shop).want(http.StatusCreated)
	a.call(fairlead.OpConfigStatus, []fairlead.ConfigurationStatus{{Kind: fairlead.FluxConfigKind, Name: "shop", Message: "no such kind yet"}}, nil)
	flux := a.wantedFlux()
	a.reportOf("flux", fairlead.ExtensionState{ObservedGeneration: flux.Generation, ProvisioningState: fairlead.ExtensionCreating})
	operation := accepted.header.Get("Azure-AsyncOperation")
	b.do(http.MethodGet, operation[strings.Index(operation, "/subscriptions/"):], "").has("status", "InProgress")
	a.call(fairlead.OpConfigStatus, []fairlead.ConfigurationStatus{{Kind: fairlead.FluxConfigKind, Name: "shop", Applied: true}}, nil)
	a.runsFlux()
	_, spec := a.wanted("shop", nil)
	a.reportFlux("shop", compliant(spec.Generation))
	b.ended(accepted).has("status", "Succeeded")
}

// Configurations of either kind are the same in the cluster, which has room for so many.
func TestAClusterHasRoomForSoManyConfigurations(t *testing.T) {
	b, a := fluxBench(start(t))
	put := func(kind, name, form, body string) answer {
		return b.do(http.MethodPut, a.id.String()+kind+"/"+name+form, body)
	}
	put(sources, "old", sourceForm, earlier).want(http.StatusCreated)
	for i := range gitops.MaxPerCluster - 1 {
		put(fluxes, "shop-"+strconv.Itoa(i), fluxForm, shop).want(http.StatusCreated)
	}
	put(fluxes, "more", fluxForm, shop).want(http.StatusConflict).has("error.code", "QuotaExceeded")
	put(sources, "more", sourceForm, earlier).want(http.StatusConflict).has("error.code", "QuotaExceeded")
	put(fluxes, "shop-0", fluxForm, shop).want(http.StatusOK)
	moved := strings.Replace(shop, `"scope":"cluster"`, `"scope":"namespace"`, 1) // that of the one whose place it takes
	put(fluxes, "old", fluxForm, moved).want(http.StatusCreated)
}
