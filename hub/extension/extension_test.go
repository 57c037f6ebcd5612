package extension_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
)

const demo = `{"identity":{"type":"SystemAssigned"},"properties":{"extensionType":"Contoso.Demo","autoUpgradeMinorVersion":true,"releaseTrain":"stable",
	"scope":{"cluster":{"releaseNamespace":"shop"}},"configurationSettings":{"replicas":"2"},"configurationProtectedSettings":{"db.password":"hunter2-and-more"}}}`

// demoBench has a cluster and an extension type with four versions.
func demoBench(t *testing.T) (*bench, *agent) {
	t.Helper()
	b := start(t)
	b.push("1.0.0", "1.1.0", "2.0.0-rc.1", "0.9.0", "not-a-version")
	b.register(`{"stable":">=1.0.0 <2","preview":"*"}`)
	return b, b.connect("edge-1")
}

func TestExtensionIsInstalledAndShown(t *testing.T) {
	b, a := demoBench(t)
	accepted := b.do(http.MethodPut, one(a, "demo"), demo).want(http.StatusCreated)
	accepted.has("properties.provisioningState", "Creating", "properties.extensionType", "contoso.demo", "properties.currentVersion", "null",
		"properties.configurationProtectedSettings", `{"db.password":null}`, "identity.type", "SystemAssigned", "fairlead", "null")
	wanted, spec := a.spec(nil)
	if spec.Version != "1.1.0" || spec.ReleaseNamespace != "shop" || spec.Scope != fairlead.ScopeCluster || spec.Settings["replicas"] != "2" ||
		spec.Settings["log.level"] != "info" || !strings.HasPrefix(spec.Chart.Digest, "sha256:") || wanted.APIVersion != fairlead.ExtensionConfigVersion {
		t.Errorf("%s", wanted.Spec)
	}
	if got := decrypt(t, a, wanted.Protected); got["db.password"] != "hunter2-and-more" || len(got) != 1 {
		t.Errorf("protected settings arrive as %v", got)
	}
	a.report(fairlead.ExtensionState{ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionCreating})
	if got := b.do(http.MethodGet, one(a, "demo"), "").want(http.StatusOK); got.document.Text("properties.provisioningState") != "Creating" {
		t.Errorf("%s", got.text)
	}
	a.report(fairlead.ExtensionState{
		ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionSucceeded, CurrentVersion: "1.1.0", ReleaseRevision: 1,
		Statuses: []fairlead.ExtensionStatus{{Code: "InstallationSucceeded", DisplayStatus: "Ready", Level: "Information", Message: "all there", Time: time.Now()}},
	})
	b.ended(accepted).has("status", "Succeeded")
	b.do(http.MethodGet, one(a, "demo"), "").want(http.StatusOK).has("properties.provisioningState", "Succeeded", "properties.currentVersion", "1.1.0",
		"properties.installedVersion", "1.1.0", "properties.errorInfo", "null", "properties.isSystemExtension", "false")
}

func TestFailureIsToldInTheOriginalsEnvelope(t *testing.T) {
	b, a := demoBench(t)
	accepted := b.do(http.MethodPut, one(a, "demo"), demo).want(http.StatusCreated)
	_, spec := a.spec(nil)
	a.report(fairlead.ExtensionState{ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionFailed, ErrorInfo: &fairlead.ExtensionError{
		Code: fairlead.CauseReadinessTimeout, Message: "Timed out waiting for the resource to come to a ready/completed state", Target: "Deployment/shop/demo",
		Remedies: []string{"kubectl describe pod -n shop"},
	}})
	got := b.ended(accepted).has("status", "Failed", "error.code", "ResourceOperationFailure",
		"error.message", "The resource operation completed with terminal provisioning state 'Failed'.")
	var shown struct {
		Error struct {
			Details []fairlead.ErrorDetail `json:"details"`
		} `json:"error"`
	}
	if err := got.document.Decode(&shown); err != nil {
		t.Fatal(err)
	}
	if len(shown.Error.Details) != 1 || shown.Error.Details[0].Code != "ExtensionCreationFailed" ||
		shown.Error.Details[0].Message != " error: Timed out waiting for the resource to come to a ready/completed state" {
		t.Errorf("%s", got.text)
	}
	b.do(http.MethodGet, one(a, "demo"), "").has("properties.provisioningState", "Failed", "properties.errorInfo.code", "ReadinessTimeout",
		"properties.errorInfo.target", "Deployment/shop/demo")
	// The cluster goes on by itself, and what it says then counts.
	a.report(fairlead.ExtensionState{ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionSucceeded, CurrentVersion: "1.1.0"})
	b.do(http.MethodGet, one(a, "demo"), "").has("properties.provisioningState", "Succeeded", "properties.errorInfo", "null")
}

func TestDeletionWaitsForTheCluster(t *testing.T) {
	b, a := demoBench(t)
	b.install(a)
	accepted := b.do(http.MethodDelete, one(a, "demo"), "").want(http.StatusAccepted)
	b.do(http.MethodGet, one(a, "demo"), "").has("properties.provisioningState", "Deleting")
	_, spec := a.spec(func(one fairlead.Configuration, _ fairlead.ExtensionSpec) bool { return one.Deleted && !one.Orphan })
	a.report(fairlead.ExtensionState{ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionGone})
	b.ended(accepted).has("status", "Succeeded")
	b.do(http.MethodGet, one(a, "demo"), "").want(http.StatusNotFound)
	if left := a.all(); len(left) != 0 {
		t.Errorf("the cluster is still told of %v", left)
	}
}

func TestForcedDeletionLeavesATombstone(t *testing.T) {
	b, a := demoBench(t)
	b.install(a)
	b.ended(b.do(http.MethodDelete, path(a, "demo")+version+"&forceDelete=true", "").want(http.StatusAccepted)).has("status", "Succeeded")
	_, spec := a.spec(func(one fairlead.Configuration, _ fairlead.ExtensionSpec) bool { return one.Deleted && one.Orphan })
	b.do(http.MethodGet, one(a, "demo"), "").want(http.StatusNotFound)
	a.report(fairlead.ExtensionState{ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionGone})
	if left := a.all(); len(left) != 0 {
		t.Errorf("the cluster is still told of %v", left)
	}
}

func TestProtectedSettingsAreNowhereInClear(t *testing.T) {
	b, a := demoBench(t)
	b.install(a)
	all := b.do(http.MethodGet, one(a, "demo"), "").text + b.do(http.MethodGet, path(a, "")[:len(path(a, ""))-1]+version, "").text + b.log.String()
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
	if strings.Contains(all, "hunter2") {
		t.Error("a protected setting is somewhere in clear")
	}
	if !strings.Contains(all, "db.password") {
		t.Error("the names of protected settings should be shown")
	}
}

func TestOperationsEndByThemselves(t *testing.T) {
	for name, run := range map[string]struct {
		patience   configuration.Patience
		says, code string
	}{
		"without a sign of life": {configuration.Patience{Silence: 300 * time.Millisecond, Unreported: time.Hour, Refused: time.Hour, Grace: time.Hour}, "Unable to get a response from the agent in time", "AgentUnresponsive"},
		"without a status":       {configuration.Patience{Silence: time.Hour, Unreported: 300 * time.Millisecond, Refused: time.Hour, Grace: time.Hour}, "status not populated", "StatusNotPopulated"},
	} {
		t.Run(name, func(t *testing.T) {
			b, a := demoBench(t)
			b.stop()
			b.open(run.patience)
			got := b.ended(b.do(http.MethodPut, one(a, "demo"), demo).want(http.StatusCreated)).has("status", "Failed", "error.code", "ResourceOperationFailure")
			if !strings.Contains(got.text, run.says) || !strings.Contains(got.text, "ExtensionCreationFailed") {
				t.Errorf("%s", got.text)
			}
			shown := b.do(http.MethodGet, one(a, "demo"), "").has("properties.provisioningState", "Failed", "properties.errorInfo.code", run.code)
			if text := shown.document.Text("properties.errorInfo.message"); !strings.HasPrefix(text, "Unable to get ") || !strings.Contains(text, run.says) {
				t.Errorf("who looks later sees %s", shown.text)
			}
			// The cluster comes late, and does the work.
			_, spec := a.spec(nil)
			a.report(fairlead.ExtensionState{ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionSucceeded, CurrentVersion: "1.1.0"})
			b.do(http.MethodGet, one(a, "demo"), "").has("properties.provisioningState", "Succeeded", "properties.errorInfo", "null")
		})
	}
}

func TestAClusterThatCannotTakeAnExtensionIsQuoted(t *testing.T) {
	b, a := demoBench(t)
	b.stop()
	b.open(configuration.Patience{Silence: time.Hour, Unreported: time.Hour, Refused: 100 * time.Millisecond, Grace: time.Hour})
	accepted := b.do(http.MethodPut, one(a, "demo"), demo).want(http.StatusCreated)
	a.call(fairlead.OpConfigStatus, []fairlead.ConfigurationStatus{{Kind: fairlead.ExtensionConfigKind, Name: "demo", Message: "extensions are off in this cluster"}}, nil)
	if got := b.ended(accepted).has("status", "Failed"); !strings.Contains(got.text, "extensions are off in this cluster") {
		t.Errorf("%s", got.text)
	}
}

func TestADeletionDoesNotWaitForAClusterThatGoes(t *testing.T) {
	b, a := demoBench(t)
	b.install(a)
	b.do(http.MethodDelete, one(a, "demo"), "").want(http.StatusAccepted)
	b.ended(b.do(http.MethodDelete, a.id.String()+"?api-version=2024-01-01", "").want(http.StatusAccepted)).has("status", "Succeeded")
	b.do(http.MethodGet, one(a, "demo"), "").want(http.StatusNotFound)
}

func TestWhatAClusterHasUninstalledLateGoes(t *testing.T) {
	b, a := demoBench(t)
	b.install(a)
	b.stop()
	b.open(configuration.Patience{Silence: 300 * time.Millisecond, Unreported: time.Hour, Refused: time.Hour, Grace: time.Hour})
	b.ended(b.do(http.MethodDelete, one(a, "demo"), "").want(http.StatusAccepted)).has("status", "Failed", "error.code", "ResourceOperationFailure")
	_, spec := a.spec(func(one fairlead.Configuration, _ fairlead.ExtensionSpec) bool { return one.Deleted })
	a.report(fairlead.ExtensionState{ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionGone})
	b.do(http.MethodGet, one(a, "demo"), "").want(http.StatusNotFound)
	if left := a.all(); len(left) != 0 {
		t.Errorf("the cluster is still told of %v", left)
	}
}

func TestOperationOutlivesARestart(t *testing.T) {
	b, a := demoBench(t)
	accepted := b.do(http.MethodPut, one(a, "demo"), demo).want(http.StatusCreated)
	_, spec := a.spec(nil)
	b.stop()
	b.open(configuration.DefaultPatience())
	a.report(fairlead.ExtensionState{ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionSucceeded, CurrentVersion: "1.1.0"})
	b.ended(accepted).has("status", "Succeeded")
}

func TestTwoWritersBothEnd(t *testing.T) {
	b, a := demoBench(t)
	first := b.do(http.MethodPut, one(a, "demo"), demo).want(http.StatusCreated)
	second := b.do(http.MethodPut, one(a, "demo"), strings.Replace(demo, `"replicas":"2"`, `"replicas":"3"`, 1)).want(http.StatusOK)
	_, spec := a.spec(func(_ fairlead.Configuration, spec fairlead.ExtensionSpec) bool {
		return spec.Settings["replicas"] == "3"
	})
	a.report(fairlead.ExtensionState{ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionSucceeded, CurrentVersion: "1.1.0"})
	b.ended(first).has("status", "Succeeded")
	b.ended(second).has("status", "Succeeded")
	b.do(http.MethodGet, one(a, "demo"), "").has("properties.provisioningState", "Succeeded")
}

func TestPatchKeepsWhatItDoesNotName(t *testing.T) {
	b, a := demoBench(t)
	before := b.install(a)
	patch := `{"properties":{"configurationSettings":{},"configurationProtectedSettings":{}}}`
	b.do(http.MethodPatch, one(a, "demo"), patch).want(http.StatusAccepted).has("properties.configurationSettings", `{"replicas":"2"}`,
		"properties.configurationProtectedSettings", `{"db.password":null}`)
	_, spec := a.spec(func(_ fairlead.Configuration, spec fairlead.ExtensionSpec) bool {
		return spec.Generation > before.Generation
	})
	if spec.ProtectedSettings == nil || spec.ProtectedSettings.Hash != before.ProtectedSettings.Hash {
		t.Errorf("%+v, want the same protected settings as before: %+v", spec.ProtectedSettings, before.ProtectedSettings)
	}
	patch = `{"properties":{"configurationSettings":{"replicas":null,"x":"y"},"configurationProtectedSettings":{"db.password":null,"token":"t0psecret"}}}`
	b.do(http.MethodPatch, one(a, "demo"), patch).want(http.StatusAccepted).has("properties.configurationSettings", `{"x":"y"}`,
		"properties.configurationProtectedSettings", `{"token":null}`)
	wanted, _ := a.spec(func(_ fairlead.Configuration, spec fairlead.ExtensionSpec) bool { return spec.Settings["x"] == "y" })
	if got := decrypt(t, a, wanted.Protected); len(got) != 1 || got["token"] != "t0psecret" {
		t.Errorf("%v", got)
	}
}

func TestRefusals(t *testing.T) {
	b, a := demoBench(t)
	for name, c := range map[string]struct{ body, says string }{
		"unknown type":          {`{"properties":{"extensionType":"contoso.none"}}`, "There are: contoso.demo"},
		"unknown train":         {`{"properties":{"extensionType":"contoso.demo","releaseTrain":"nightly"}}`, "It has: preview, stable"},
		"unknown version":       {`{"properties":{"extensionType":"contoso.demo","version":"1.2.3","autoUpgradeMinorVersion":false}}`, "There are: 1.1.0, 1.0.0"},
		"pinned and upgraded":   {`{"properties":{"extensionType":"contoso.demo","version":"1.0.0","autoUpgradeMinorVersion":true}}`, "autoUpgradeMinorVersion"},
		"two scopes":            {`{"properties":{"extensionType":"contoso.demo","scope":{"cluster":{},"namespace":{"targetNamespace":"x"}}}}`, "not both"},
		"a number as a setting": {`{"properties":{"extensionType":"contoso.demo","configurationProtectedSettings":{"pin":4711}}}`, "must be a text"},
		"a misspelled secret":   {`{"properties":{"extensionType":"contoso.demo","configurationprotectedSettings":{"pin":"4711"}}}`, "its case matters"},
		"no type":               {`{"properties":{}}`, "extensionType"},
	} {
		t.Run(name, func(t *testing.T) {
			got := b.do(http.MethodPut, one(a, "demo"), c.body).want(http.StatusBadRequest)
			if !strings.Contains(got.text, c.says) || strings.Contains(got.text, "4711") {
				t.Errorf("%s, want it to say %q", got.text, c.says)
			}
		})
	}
}

func TestDeletedClusterTakesItsExtensionsAlong(t *testing.T) {
	b, a := demoBench(t)
	b.install(a)
	got := b.do(http.MethodDelete, a.id.String()+"?api-version=2024-01-01", "").want(http.StatusOK, http.StatusAccepted)
	if got.status == http.StatusAccepted {
		b.ended(got).has("status", "Succeeded")
	}
	b.do(http.MethodGet, one(a, "demo"), "").want(http.StatusNotFound)
	if left, err := b.db.ListConfigurations(t.Context(), a.id.Key(), fairlead.ExtensionConfigKind); err != nil || len(left) != 0 {
		t.Errorf("%v %v", left, err)
	}
}

// install brings an extension to Succeeded and returns what the cluster was told of it.
func (b *bench) install(a *agent) fairlead.ExtensionSpec {
	b.Helper()
	const name = "demo"
	accepted := b.do(http.MethodPut, one(a, name), demo).want(http.StatusCreated)
	_, spec := a.spec(nil)
	a.report(fairlead.ExtensionState{ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionSucceeded, CurrentVersion: spec.Version, ReleaseRevision: 1})
	b.ended(accepted).has("status", "Succeeded")
	return spec
}

// all returns everything that the cluster is told of, at once.
func (a *agent) all() map[string]fairlead.Configuration {
	a.etag = ""
	return a.pending()
}

func decrypt(t *testing.T, a *agent, text string) map[string]string {
	t.Helper()
	sealed, err := jose.ParseEncryptedCompact(text, []jose.KeyAlgorithm{jose.ECDH_ES_A256KW}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	content, err := sealed.Decrypt(a.key)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	if err := json.Unmarshal(content, &values); err != nil {
		t.Fatal(err)
	}
	return values
}
