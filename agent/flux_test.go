package agent_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	helmkube "helm.sh/helm/v4/pkg/kube"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig"
	"github.com/fairlead/fairlead/chart"
)

const (
	shops          = "/api/v1/namespaces/shops"
	gitPath        = "/apis/source.toolkit.fluxcd.io/v1/namespaces/shops/gitrepositories/web"
	appsPath       = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/shops/kustomizations/web-apps"
	fluxConfigPath = "/apis/clusterconfig.azure.com/v1beta1/namespaces/azure-arc/fluxconfigs/web"
)

// installFlux installs the chart of extension microsoft.flux: the definitions are Flux' own, its controllers do not run here, where
// there is no node.
func (c *cluster) installFlux() {
	c.t.Helper()
	packed, err := chart.Flux()
	if errors.Is(err, chart.ErrNoFlux) {
		c.t.Fatal("not built yet: make definitions")
	}
	if err != nil {
		c.t.Fatal(err)
	}
	loaded, err := loader.LoadArchive(bytes.NewReader(packed))
	if err != nil {
		c.t.Fatal(err)
	}
	config := helm(c.t, c.kubeconfig)
	install := action.NewInstall(config)
	install.ReleaseName, install.Namespace, install.CreateNamespace = fairlead.FluxExtension, fairlead.FluxNamespace, true
	install.WaitStrategy, install.TakeOwnership = helmkube.HookOnlyStrategy, true
	c.t.Cleanup(func() {
		uninstall := action.NewUninstall(config)
		uninstall.IgnoreNotFound, uninstall.WaitStrategy = true, helmkube.HookOnlyStrategy
		if _, err := uninstall.Run(fairlead.FluxExtension); err != nil {
			c.t.Error(err)
		}
	})
	values := map[string]any{
		"systemDefaultValues":        map[string]any{"image": map[string]any{"repository": "registry.example.org"}},
		"image-reflector-controller": map[string]any{"enabled": true},
	}
	if _, err := install.RunWithContext(c.t.Context(), loaded, values); err != nil {
		c.t.Fatal(err)
	}
}

// offerFlux makes the hub want a configuration.
func (h *hub) offerFlux(name string, spec fairlead.FluxSpec, change func(*fairlead.Configuration)) {
	h.t.Helper()
	text, err := json.Marshal(spec)
	if err != nil {
		h.t.Fatal(err)
	}
	one := fairlead.Configuration{APIVersion: fairlead.FluxConfigVersion, Kind: fairlead.FluxConfigKind, Name: name, Spec: text}
	change(&one)
	h.set(func(h *hub) {
		h.more = append(slices.DeleteFunc(slices.Clone(h.more), func(c fairlead.Configuration) bool { return c.Name == name }), one)
	})
}

func fluxReported(name string, holds func(fairlead.FluxState) bool) func(*hub) bool {
	return func(h *hub) bool {
		return slices.ContainsFunc(h.fluxes, func(r fairlead.FluxReport) bool { return r.Name == name && !r.Unknown && holds(r.State) })
	}
}

// play says something in the status of an object in the name of Flux' controllers.
func (c *cluster) play(path string, status map[string]any) {
	c.t.Helper()
	text, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.api.Patch(types.MergePatchType).AbsPath(path + "/status").Body(text).Do(c.t.Context()).Error(); err != nil {
		c.t.Fatal(err)
	}
}

// becomes plays the Ready condition of an object, with more of its status.
func (c *cluster) becomes(path, status, reason, message string, more map[string]any) {
	c.t.Helper()
	metadata := c.get(path)["metadata"].(map[string]any)
	generation := metadata["generation"]
	all := map[string]any{"observedGeneration": generation, "conditions": []map[string]any{{
		"type": "Ready", "status": status, "reason": reason, "message": message, "lastTransitionTime": time.Now().UTC().Format(time.RFC3339),
		"observedGeneration": generation,
	}}}
	if marks, _ := metadata["annotations"].(map[string]any); marks[fluxconfig.AnnotationRequested] != nil {
		all["lastHandledReconcileAt"] = marks[fluxconfig.AnnotationRequested]
	}
	maps.Copy(all, more)
	c.play(path, all)
}

func fetchedArtifact() map[string]any {
	return map[string]any{"artifact": map[string]any{
		"revision": "main@sha1:0123456789abcdef0123456789abcdef01234567", "lastUpdateTime": "2026-11-26T10:00:00Z", "url": "http://source-controller.flux-system/x.tar.gz",
		"path": "gitrepository/shops/web/x.tar.gz", "digest": "sha256:" + strings.Repeat("a", 64), "size": 1,
	}}
}

func webConfiguration(generation int64) fairlead.FluxSpec {
	return fairlead.FluxSpec{
		Generation: generation, Scope: fairlead.ScopeCluster, Namespace: "shops", SourceKind: fairlead.SourceGit,
		GitRepository:     &fairlead.FluxGit{URL: "https://git.example.org/shops.git", HTTPSUser: "reader", RepositoryRef: &fairlead.FluxGitRef{Branch: "main"}},
		Kustomizations:    map[string]fairlead.FluxKustomization{"infra": {Path: "./infra", Prune: true}, "apps": {Path: "./apps", Prune: true, DependsOn: []string{"infra"}}},
		ProtectedSettings: &fairlead.ProtectedSettings{SecretName: "flux-settings-web", Hash: "h1"},
	}
}

// startForFlux starts what Flux needs, each with the rights that the charts give it.
func (c *cluster) startForFlux() []*safeBuffer {
	var logs []*safeBuffer
	for _, name := range []string{fairlead.ClusterIdentityOperator, fairlead.ConfigAgent} {
		log, _ := c.start(name, name)
		logs = append(logs, log)
	}
	for _, name := range []string{fairlead.FluxConfigController, fairlead.FluxConfigAgent} {
		log, _ := c.startAs(fairlead.FluxNamespace, name, name)
		logs = append(logs, log)
	}
	return logs
}

// From the hub's wish to the objects of Flux, what becomes of them to the hub's report, and back.
func TestAFluxConfigurationGoesFromTheHubToTheClusterAndBack(t *testing.T) {
	h := newHub(t, "flux")
	c := newCluster(t, h, "standard")
	c.installFlux()
	logs := c.startForFlux()
	eventually(t, "an identity", 30*time.Second, func() bool { return c.get(identitySecret) != nil })

	asked := time.Now()
	h.offerFlux("web", webConfiguration(1), func(one *fairlead.Configuration) {
		one.Protected = c.seal(map[string]string{fairlead.FluxHTTPSKey: "swordfish-17"})
	})
	h.eventually("made", 30*time.Second, fluxReported("web", func(s fairlead.FluxState) bool {
		return s.ProvisioningState == fairlead.ExtensionSucceeded && s.ObservedGeneration == 1 && s.ComplianceState == fairlead.FluxPending && len(s.Statuses) == 3
	}))
	t.Logf("from the hub's wish to its report: %s", time.Since(asked).Round(time.Millisecond))
	fluxIsMade(c)
	fluxIsFollowed(h, c)
	imageIsFollowed(h, c)
	fluxIsMended(c)
	fluxIsChanged(h, c)
	fluxIsTakenBack(h, c)
	for _, log := range logs {
		if strings.Contains(log.String(), "swordfish") {
			t.Error("a log holds a protected setting")
		}
	}
}

func fluxIsMade(c *cluster) {
	c.t.Helper()
	if got := c.field(shops+"/secrets/web-auth", "data.password"); got != "c3dvcmRmaXNoLTE3" {
		c.t.Errorf("the repository's password arrived as %q", got)
	}
	if got := c.field("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/flux-applier-shops", "roleRef.name"); got != "cluster-admin" {
		c.t.Errorf("Flux applies as %q", got)
	}
	if got := c.field(appsPath, "spec.dependsOn.name"); got != "web-infra" {
		c.t.Errorf("apps depends on %q", got)
	}
}

// fluxIsFollowed plays Flux, and measures how long each of its words takes to the hub.
func fluxIsFollowed(h *hub, c *cluster) {
	h.t.Helper()
	infraPath := strings.Replace(appsPath, "apps", "infra", 1)
	c.becomes(gitPath, "True", "Succeeded", "stored artifact for revision 'main@sha1:0123'", fetchedArtifact())
	c.becomes(infraPath, "True", "ReconciliationSucceeded", "Applied revision", nil)
	c.becomes(appsPath, "True", "ReconciliationSucceeded", "Applied revision", nil)
	h.eventually("compliant", 30*time.Second, fluxReported("web", func(s fairlead.FluxState) bool {
		return s.ComplianceState == fairlead.FluxCompliant && s.ErrorMessage == "" && strings.HasPrefix(s.SourceSyncedCommitID, "main@sha1:0123") && s.SourceUpdatedAt != nil
	}))
	c.becomes(gitPath, "False", "GitOperationFailed", "failed to checkout and determine revision: unable to list remote for 'https://git.example.org/shops.git': authentication required: Unauthorized", nil)
	h.eventually("not compliant", 30*time.Second, fluxReported("web", func(s fairlead.FluxState) bool {
		return s.ComplianceState == fairlead.FluxNonCompliant && strings.HasPrefix(s.ErrorMessage, "GitRepository shops/web: failed to checkout") && strings.Contains(s.ErrorMessage, "--https-key")
	}))
	c.becomes(gitPath, "True", "Succeeded", "stored artifact for revision 'main@sha1:0123'", fetchedArtifact())
}

// imageIsFollowed plays what apps has applied: an image that cannot be looked at.
func imageIsFollowed(h *hub, c *cluster) {
	h.t.Helper()
	const path = "/apis/image.toolkit.fluxcd.io/v1/namespaces/shops/imagerepositories/till"
	c.apply(path, map[string]any{
		"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImageRepository", "metadata": map[string]any{"name": "till", "namespace": "shops"},
		"spec": map[string]any{"image": "registry.example.org/till", "interval": "5m"},
	})
	c.becomes(appsPath, "True", "ReconciliationSucceeded", "Applied revision", map[string]any{
		"inventory": map[string]any{"entries": []map[string]any{{"id": "shops_till_image.toolkit.fluxcd.io_ImageRepository", "v": "v1"}}},
	})
	c.becomes(path, "False", "ReadOperationFailed", "scan failed: GET https://registry.example.org/v2/till/tags/list: UNAUTHORIZED: authentication required", nil)
	h.eventually("an image that cannot be looked at", 30*time.Second, fluxReported("web", func(s fairlead.FluxState) bool {
		return s.ComplianceState == fairlead.FluxNonCompliant && len(s.Statuses) == 4 && strings.HasPrefix(s.ErrorMessage, "ImageRepository shops/till: scan failed")
	}))
	c.becomes(appsPath, "True", "ReconciliationSucceeded", "Applied revision", map[string]any{"inventory": map[string]any{"entries": []map[string]any{}}})
	c.delete(path)
}

// fluxIsMended deletes and changes what was made: it comes back, but what a person suspends stays so.
func fluxIsMended(c *cluster) {
	c.t.Helper()
	c.delete(shops + "/serviceaccounts/flux-applier")
	c.delete(gitPath)
	eventually(c.t, "what was deleted is made again", 20*time.Second, func() bool {
		return c.get(gitPath) != nil && c.get(shops+"/serviceaccounts/flux-applier") != nil
	})
	c.apply(appsPath, map[string]any{
		"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": map[string]any{"name": "web-apps", "namespace": "shops"},
		"spec": map[string]any{"path": "./elsewhere", "suspend": true},
	})
	eventually(c.t, "what was changed is put right", 20*time.Second, func() bool { return c.field(appsPath, "spec.path") == "./apps" })
	if got := c.field(appsPath, "spec.suspend"); got != "true" {
		c.t.Errorf("what a person has suspended is %q", got)
	}
}

// fluxIsChanged makes the wish smaller: another scope, one kustomization less.
func fluxIsChanged(h *hub, c *cluster) {
	h.t.Helper()
	spec := webConfiguration(2)
	spec.Scope, spec.ProtectedSettings, spec.GitRepository.HTTPSUser = fairlead.ScopeNamespace, nil, ""
	spec.Kustomizations = map[string]fairlead.FluxKustomization{"apps": {Path: "./apps", Prune: true}}
	h.offerFlux("web", spec, func(*fairlead.Configuration) {})
	h.eventually("changed", 20*time.Second, fluxReported("web", func(s fairlead.FluxState) bool {
		return s.ProvisioningState == fairlead.ExtensionSucceeded && s.ObservedGeneration == 2 && len(s.Statuses) == 2
	}))
	for _, path := range []string{shops + "/secrets/web-auth", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/flux-applier-shops", namespacePath + "/secrets/flux-settings-web"} {
		if c.get(path) != nil {
			h.t.Errorf("%s is left", path)
		}
	}
	if got := c.field("/apis/rbac.authorization.k8s.io/v1/namespaces/shops/rolebindings/flux-applier", "roleRef.name"); got != "admin" {
		h.t.Errorf("Flux applies as %q", got)
	}
}

// fluxIsTakenBack plays kustomize-controller, which prunes before it lets a kustomization go: until then source and account stay.
func fluxIsTakenBack(h *hub, c *cluster) {
	h.t.Helper()
	finalizers := func(all ...string) {
		text, err := json.Marshal(map[string]any{"metadata": map[string]any{"finalizers": all}})
		if err != nil {
			h.t.Fatal(err)
		}
		if err := c.api.Patch(types.MergePatchType).AbsPath(appsPath).Body(text).Do(h.t.Context()).Error(); err != nil {
			h.t.Fatal(err)
		}
	}
	finalizers("finalizers.fluxcd.io")
	uninstalled := releaseIsPruned(h, c)
	h.offerFlux("web", webConfiguration(3), func(one *fairlead.Configuration) { one.Deleted = true })
	h.eventually("being deleted", 20*time.Second, fluxReported("web", func(s fairlead.FluxState) bool {
		return s.ProvisioningState == fairlead.ExtensionDeleting && s.ObservedGeneration == 3
	}))
	eventually(h.t, "the kustomization is deleted", 10*time.Second, func() bool { return c.field(appsPath, "metadata.deletionTimestamp") != "<nil>" })
	if c.get(gitPath) == nil || c.get(shops+"/serviceaccounts/flux-applier") == nil {
		h.t.Error("Flux has nothing any more by which it could prune")
	}
	finalizers()
	eventually(h.t, "the source is deleted", 10*time.Second, func() bool { return c.get(gitPath) == nil })
	uninstalled()
	h.eventually("gone", 60*time.Second, fluxReported("web", func(s fairlead.FluxState) bool {
		return s.ProvisioningState == fairlead.ExtensionGone && s.ObservedGeneration == 3
	}))
	for _, path := range []string{gitPath, appsPath, fluxConfigPath, shops, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/flux-applier-shops"} {
		if c.get(path) != nil {
			h.t.Errorf("%s is left", path)
		}
	}
}

// releaseIsPruned plays a release that goes with a kustomization, and whose uninstallation needs the account for as long as it takes.
func releaseIsPruned(h *hub, c *cluster) (uninstalled func()) {
	h.t.Helper()
	const path = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/shops/helmreleases/redis"
	c.apply(path, map[string]any{
		"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": map[string]any{"name": "redis", "namespace": "shops", "finalizers": []string{"finalizers.fluxcd.io"}},
		"spec": map[string]any{"interval": "5m", "chart": map[string]any{"spec": map[string]any{"chart": "./redis", "sourceRef": map[string]any{"kind": "GitRepository", "name": "web"}}}},
	})
	c.delete(path)
	return func() {
		h.t.Helper()
		h.eventually("waiting for the release", 40*time.Second, fluxReported("web", func(s fairlead.FluxState) bool {
			return strings.HasPrefix(s.ErrorMessage, "helmreleases shops/redis is still there")
		}))
		if c.get(shops+"/serviceaccounts/flux-applier") == nil {
			h.t.Error("the release has no account any more by which it could be uninstalled")
		}
		if err := c.api.Patch(types.MergePatchType).AbsPath(path).Body([]byte(`{"metadata":{"finalizers":null}}`)).Do(h.t.Context()).Error(); err != nil {
			h.t.Fatal(err)
		}
	}
}

// Configurations of one namespace share an account; the namespace of somebody else is never taken away.
func TestFluxConfigurationsOfOneNamespace(t *testing.T) {
	h := newHub(t, "flux-neighbours")
	c := newCluster(t, h, "standard")
	c.installFlux()
	c.startForFlux()
	const space = "/api/v1/namespaces/harbour"
	c.apply(space, map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "harbour"}})
	spec := func(generation int64, scope string) fairlead.FluxSpec {
		return fairlead.FluxSpec{
			Generation: generation, Scope: scope, Namespace: "harbour", SourceKind: fairlead.SourceGit,
			GitRepository:  &fairlead.FluxGit{URL: "ssh://git@github.com/example/harbour"},
			Kustomizations: map[string]fairlead.FluxKustomization{"all": {}},
		}
	}
	h.offerFlux("first", spec(1, fairlead.ScopeCluster), func(*fairlead.Configuration) {})
	var key string
	h.eventually("a key of its own", 30*time.Second, fluxReported("first", func(s fairlead.FluxState) bool {
		key = s.RepositoryPublicKey
		return s.ProvisioningState == fairlead.ExtensionSucceeded && strings.HasPrefix(key, "ssh-rsa ")
	}))
	h.offerFlux("second", spec(2, fairlead.ScopeNamespace), func(*fairlead.Configuration) {})
	h.eventually("refused", 20*time.Second, fluxReported("second", func(s fairlead.FluxState) bool {
		return s.ProvisioningState == fairlead.ExtensionFailed && strings.Contains(s.ErrorMessage, "configuration first of scope cluster")
	}))
	h.offerFlux("second", spec(3, fairlead.ScopeCluster), func(*fairlead.Configuration) {})
	h.eventually("taken", 20*time.Second, fluxReported("second", func(s fairlead.FluxState) bool {
		return s.ProvisioningState == fairlead.ExtensionSucceeded && s.ObservedGeneration == 3 && s.RepositoryPublicKey != "" && s.RepositoryPublicKey != key
	}))
	everySourceIsTaken(h)
	leftByForce(h)
	h.offerFlux("first", spec(4, fairlead.ScopeCluster), func(one *fairlead.Configuration) { one.Deleted = true })
	h.eventually("the first is gone", 30*time.Second, fluxReported("first", func(s fairlead.FluxState) bool { return s.ProvisioningState == fairlead.ExtensionGone }))
	if c.get(space+"/serviceaccounts/flux-applier") == nil {
		t.Error("the account of the second has gone with the first")
	}
	h.offerFlux("second", spec(5, fairlead.ScopeCluster), func(one *fairlead.Configuration) { one.Deleted = true })
	h.eventually("the second is gone", 30*time.Second, fluxReported("second", func(s fairlead.FluxState) bool { return s.ProvisioningState == fairlead.ExtensionGone }))
	if c.get(space+"/serviceaccounts/flux-applier") != nil || c.field(space, "metadata.deletionTimestamp") != "<nil>" {
		t.Error("the account is left, or the namespace of somebody else is going")
	}
	const quay = "/api/v1/namespaces/quay"
	if c.get(quay+"/serviceaccounts/flux-applier") == nil || c.get("/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/quay/kustomizations/left-all") == nil {
		t.Error("what somebody left behind by force has gone with others")
	}
	c.delete("/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/quay/kustomizations/left-all")
	for _, one := range []string{space, quay} {
		c.delete(one)
		c.eventuallyGone(one)
	}
}

// leftByForce makes a configuration in a namespace of its own and has it forgotten.
func leftByForce(h *hub) {
	h.t.Helper()
	spec := fairlead.FluxSpec{
		Generation: 20, Scope: fairlead.ScopeCluster, Namespace: "quay", SourceKind: fairlead.SourceGit, Suspend: true,
		GitRepository: &fairlead.FluxGit{URL: "https://github.com/example/quay"}, Kustomizations: map[string]fairlead.FluxKustomization{"all": {}},
	}
	h.offerFlux("left", spec, func(*fairlead.Configuration) {})
	h.eventually("made", 20*time.Second, fluxReported("left", func(s fairlead.FluxState) bool { return s.ProvisioningState == fairlead.ExtensionSucceeded }))
	h.offerFlux("left", spec, func(one *fairlead.Configuration) { one.Deleted, one.Orphan = true, true })
	h.eventually("forgotten", 20*time.Second, fluxReported("left", func(s fairlead.FluxState) bool { return s.ProvisioningState == fairlead.ExtensionGone }))
}

// everySourceIsTaken makes, beside those that are there, a configuration of each other kind of source: Flux' own definitions have to
// take all that is written.
func everySourceIsTaken(h *hub) {
	h.t.Helper()
	wait := false
	others := map[string]fairlead.FluxSpec{
		"bucket": {SourceKind: fairlead.SourceBucket, Bucket: &fairlead.FluxBucket{URL: "http://minio.example.org:9000", BucketName: "shops", Insecure: true, AccessKey: "a"}},
		"blob": {SourceKind: fairlead.SourceAzureBlob, AzureBlob: &fairlead.FluxBlob{
			URL: "https://shops.blob.core.windows.net", ContainerName: "shops", ServicePrincipal: &fairlead.FluxServicePrincipal{ClientID: "i", TenantID: "t"},
		}},
		"oci": {SourceKind: fairlead.SourceOCI, OCIRepository: &fairlead.FluxOCI{
			URL: "oci://registry.example.org/shops", RepositoryRef: &fairlead.FluxOCIRef{SemVer: ">=1"}, Insecure: true, TLSCACert: "UEVN",
		}},
	}
	for name, spec := range others {
		spec.Generation, spec.Scope, spec.Namespace, spec.Suspend = 10, fairlead.ScopeCluster, "harbour", true
		spec.Kustomizations = map[string]fairlead.FluxKustomization{"all": {
			Path: "./all", Force: true, Wait: &wait, RetryIntervalInSeconds: 30, PostBuild: &fairlead.FluxPostBuild{
				Substitute: map[string]string{"region": "north"}, SubstituteFrom: []fairlead.FluxSubstituteFrom{{Kind: "ConfigMap", Name: "site", Optional: true}},
			},
		}}
		h.offerFlux(name, spec, func(*fairlead.Configuration) {})
		h.eventually(name+" is taken", 20*time.Second, fluxReported(name, func(s fairlead.FluxState) bool {
			return s.ProvisioningState == fairlead.ExtensionSucceeded && s.ComplianceState == fairlead.FluxSuspended && len(s.Statuses) == 2
		}))
		h.offerFlux(name, spec, func(one *fairlead.Configuration) { one.Deleted = true })
		h.eventually(name+" is gone", 30*time.Second, fluxReported(name, func(s fairlead.FluxState) bool { return s.ProvisioningState == fairlead.ExtensionGone }))
	}
}
