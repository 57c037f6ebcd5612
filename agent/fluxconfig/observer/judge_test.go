package observer

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig"
)

// configured is a configuration with two kustomizations, of which apps depends on infra, that has been made.
func configured(change func(*fluxconfig.Object)) *fluxconfig.Object {
	object := &fluxconfig.Object{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: fairlead.FluxSpec{
			Generation: 4, Namespace: "shops", SourceKind: fairlead.SourceGit,
			Kustomizations: map[string]fairlead.FluxKustomization{"apps": {DependsOn: []string{"infra"}}, "infra": {}},
		},
		Status: fluxconfig.Status{Applied: &fluxconfig.Applied{Generation: 4}},
	}
	change(object)
	return object
}

// flux is an object of Flux that says something of itself.
func flux(kind, name, status, reason, message string) *Object {
	o := &Object{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shops", Generation: 1}}
	o.Kind, o.Status.ObservedGeneration = kind, 1
	if status != "" {
		o.Status.Conditions = []metav1.Condition{{Type: ready, Status: metav1.ConditionStatus(status), Reason: reason, Message: message}}
	}
	return o
}

func seen(objects ...*Object) view {
	all := view{}
	for _, o := range objects {
		all[key(o.Kind, o.Namespace, o.Name)] = o
	}
	return all
}

func fetched() *Object {
	o := flux("GitRepository", "web", "True", "Succeeded", "stored artifact")
	o.Status.Artifact = &Artifact{Revision: "main@sha1:cafe", LastUpdateTime: metav1.NewTime(time.Unix(1800000000, 0))}
	return o
}

func nothing(*fluxconfig.Object) {}

// More objects than are reported count all the same.
func TestWhatIsNotReportedCounts(t *testing.T) {
	infra, apps := flux("Kustomization", "web-infra", "True", "ReconciliationSucceeded", ""), flux("Kustomization", "web-apps", "True", "ReconciliationSucceeded", "")
	infra.Status.Inventory = &Inventory{}
	all := []*Object{fetched(), infra, apps}
	for i := range mostObjects + 10 {
		release := flux("HelmRelease", fmt.Sprintf("r%d", i), "True", "InstallSucceeded", "")
		infra.Status.Inventory.Entries = append(infra.Status.Inventory.Entries, Entry{ID: "shops_" + release.Name + "_helm.toolkit.fluxcd.io_HelmRelease"})
		all = append(all, release)
	}
	if got := seen(all...).judge(configured(nothing)); got.ComplianceState != fairlead.FluxCompliant || len(got.Statuses) != mostObjects {
		t.Errorf("%s with %d statuses", got.ComplianceState, len(got.Statuses))
	}
	last := all[len(all)-1]
	last.Status.Conditions = nil
	if got := seen(all...).judge(configured(nothing)); got.ComplianceState != fairlead.FluxPending {
		t.Errorf("with one that has said nothing: %s", got.ComplianceState)
	}
}

func TestComplianceIsThatOfTheWorstObject(t *testing.T) {
	infra, apps := flux("Kustomization", "web-infra", "True", "ReconciliationSucceeded", ""), flux("Kustomization", "web-apps", "True", "ReconciliationSucceeded", "")
	waiting := flux("Kustomization", "web-apps", "False", "DependencyNotReady", "dependency 'shops/web-infra' is not ready")
	broken := flux("Kustomization", "web-infra", "False", "BuildFailed", "kustomize build failed: yaml: line 3")
	noSource := flux("Kustomization", "web-infra", "False", "ArtifactFailed", "Source artifact not found, retrying in 30s")
	refused := flux("GitRepository", "web", "False", "GitOperationFailed", "failed to checkout and determine revision: unable to list remote for 'https://x': authentication required")
	stale := flux("Kustomization", "web-infra", "True", "ReconciliationSucceeded", "")
	stale.Generation = 2
	failsAnew := flux("GitRepository", "web", "False", "GitOperationFailed", "couldn't find remote ref")
	failsAnew.Generation, failsAnew.Status.Conditions[0].ObservedGeneration = 2, 2
	askedAgain := flux("GitRepository", "web", "False", "GitOperationFailed", "authentication required")
	askedAgain.Annotations, askedAgain.Status.LastHandled = map[string]string{fluxconfig.AnnotationRequested: "4"}, "3"
	answered := flux("GitRepository", "web", "False", "GitOperationFailed", "authentication required")
	answered.Annotations, answered.Status.LastHandled = askedAgain.Annotations, "4"
	behind := flux("Kustomization", "web-infra", "True", "ReconciliationSucceeded", "")
	behind.Status.LastAppliedRevision = "main@sha1:beef"
	paused := flux("Kustomization", "web-infra", "True", "ReconciliationSucceeded", "")
	paused.Spec.Suspend = true
	unhealthy := flux("Kustomization", "web-apps", "False", "HealthCheckFailed", "health check failed after 10s: timeout waiting for: [HelmRelease/shops/redis status: 'InProgress']")
	unhealthy.Status.Inventory = &Inventory{Entries: []Entry{{"shops_redis_helm.toolkit.fluxcd.io_HelmRelease"}}}
	cases := map[string]struct {
		reason     string
		change     func(*fluxconfig.Object)
		view       view
		compliance string
		state      string
		words      string
	}{
		"AllReady":         {"", nothing, seen(fetched(), infra, apps), fairlead.FluxCompliant, fairlead.ExtensionSucceeded, ""},
		"NothingYet":       {"the watch has not seen the objects", nothing, seen(), fairlead.FluxPending, fairlead.ExtensionSucceeded, ""},
		"OneMissing":       {"a kustomization that is not there is not compliant", nothing, seen(fetched(), infra), fairlead.FluxPending, fairlead.ExtensionSucceeded, ""},
		"NotSeenByFlux":    {"Flux has not looked at the new wish", nothing, seen(fetched(), stale, apps), fairlead.FluxPending, fairlead.ExtensionSucceeded, ""},
		"NotAppliedYet":    {"the newest revision is fetched and not applied", nothing, seen(fetched(), behind, apps), fairlead.FluxPending, fairlead.ExtensionSucceeded, ""},
		"NewWishFails":     {"Flux counts what has failed in the condition alone", nothing, seen(failsAnew, infra, apps), fairlead.FluxNonCompliant, fairlead.ExtensionSucceeded, "GitRepository shops/web: couldn't find remote ref"},
		"AskedAgain":       {"Flux has not looked with the new password", nothing, seen(askedAgain, infra, apps), fairlead.FluxPending, fairlead.ExtensionSucceeded, ""},
		"AnsweredAgain":    {"and that is refused, too", nothing, seen(answered, infra, apps), fairlead.FluxNonCompliant, fairlead.ExtensionSucceeded, "GitRepository shops/web: authentication required. The source refuses"},
		"NoCondition":      {"Flux has said nothing", nothing, seen(flux("GitRepository", "web", "", "", ""), infra, apps), fairlead.FluxPending, fairlead.ExtensionSucceeded, ""},
		"BrokenAndWaiting": {"who waits for a dependency is not at fault", nothing, seen(fetched(), broken, waiting), fairlead.FluxNonCompliant, fairlead.ExtensionSucceeded, "Kustomization shops/web-infra: kustomize build failed: yaml: line 3. Correct the files"},
		"SourceRefused":    {"who waits for the source is not at fault", nothing, seen(refused, noSource, waiting), fairlead.FluxNonCompliant, fairlead.ExtensionSucceeded, "GitRepository shops/web: failed to checkout"},
		"SourceNotYet":     {"a source that is being fetched makes nobody fail", nothing, seen(flux("GitRepository", "web", "Unknown", "Progressing", ""), noSource, waiting), fairlead.FluxPending, fairlead.ExtensionSucceeded, ""},
		"Suspended":        {"", func(o *fluxconfig.Object) { o.Spec.Suspend = true }, seen(fetched(), infra, apps), fairlead.FluxSuspended, fairlead.ExtensionSucceeded, ""},
		"SuspendedByHand":  {"", nothing, seen(fetched(), paused, apps), fairlead.FluxSuspended, fairlead.ExtensionSucceeded, ""},
		"NotMade":          {"", func(o *fluxconfig.Object) { o.Status.Applied = nil }, seen(), fairlead.FluxPending, fairlead.ExtensionCreating, ""},
		"MadeOfAnOlderWish": {
			"", func(o *fluxconfig.Object) {
				o.Status.Applied.Generation = 3
				o.Status.ProvisioningState = fairlead.ExtensionSucceeded
			}, seen(fetched(), infra, apps),
			fairlead.FluxPending, fairlead.ExtensionUpdating, "",
		},
		"CannotBeMade": {"", func(o *fluxconfig.Object) { o.Status.Applied.Error = "the namespace is going" }, seen(), fairlead.FluxNonCompliant, fairlead.ExtensionFailed, "the namespace is going"},
		"WaitPending":  {"", func(o *fluxconfig.Object) { o.Spec.WaitForReconciliation = true }, seen(fetched(), infra, waiting), fairlead.FluxPending, fairlead.ExtensionCreating, ""},
		"WaitReady":    {"", func(o *fluxconfig.Object) { o.Spec.WaitForReconciliation = true }, seen(fetched(), infra, apps), fairlead.FluxCompliant, fairlead.ExtensionSucceeded, ""},
		"WaitBroken":   {"", func(o *fluxconfig.Object) { o.Spec.WaitForReconciliation = true }, seen(fetched(), broken, waiting), fairlead.FluxNonCompliant, fairlead.ExtensionFailed, "Kustomization shops/web-infra"},
		"WaitedOnce": {"what breaks later does not undo that", func(o *fluxconfig.Object) {
			o.Spec.WaitForReconciliation, o.Status.ProvisioningState, o.Status.ObservedGeneration = true, fairlead.ExtensionSucceeded, 4
		}, seen(fetched(), broken, waiting), fairlead.FluxNonCompliant, fairlead.ExtensionSucceeded, "Kustomization shops/web-infra"},
		"HealthCheck": {
			"the release says why", nothing, seen(fetched(), unhealthy, infra, flux("HelmRelease", "redis", "False", "InstallFailed", "Helm install failed")),
			fairlead.FluxNonCompliant, fairlead.ExtensionSucceeded, "HelmRelease shops/redis: Helm install failed",
		},
		"HealthCheckAlone": {"nothing else says more", nothing, seen(fetched(), unhealthy, infra), fairlead.FluxNonCompliant, fairlead.ExtensionSucceeded, "Kustomization shops/web-apps: health check failed"},
		"Going":            {"", func(o *fluxconfig.Object) { o.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }, seen(), fairlead.FluxPending, fairlead.ExtensionDeleting, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := c.view.judge(configured(c.change))
			if got.ComplianceState != c.compliance || got.ProvisioningState != c.state || got.ObservedGeneration != 4 {
				t.Errorf("%s: %s, %s of %d, want %s, %s", c.reason, got.ComplianceState, got.ProvisioningState, got.ObservedGeneration, c.compliance, c.state)
			}
			if !strings.HasPrefix(got.ErrorMessage, c.words) || c.words == "" && got.ErrorMessage != "" {
				t.Errorf("%s: words %q, want %q", c.reason, got.ErrorMessage, c.words)
			}
		})
	}
}

// Before it is taken over, what stands under the names of a configuration may be what one of its name has left behind by force.
func TestWhatAnotherConfigurationHasLeftIsNotReported(t *testing.T) {
	source, infra := fetched(), flux("Kustomization", "web-infra", "False", "BuildFailed", "kustomize build failed")
	apps := flux("Kustomization", "web-apps", "True", "ReconciliationSucceeded", "")
	infra.Status.Inventory = &Inventory{Entries: []Entry{{"shops_redis_helm.toolkit.fluxcd.io_HelmRelease"}}}
	all := seen(source, infra, apps, flux("HelmRelease", "redis", "False", "InstallFailed", "Helm install failed"))
	object := configured(func(o *fluxconfig.Object) { o.UID = "present" })
	for _, one := range []*Object{source, infra} {
		one.Labels = map[string]string{fluxconfig.LabelOwner: "earlier"}
	}
	apps.Labels = map[string]string{fluxconfig.LabelOwner: "present"}
	got := all.judge(object)
	if len(got.Statuses) != 1 || got.Statuses[0].Name != "web-apps" || got.ComplianceState != fairlead.FluxPending || got.SourceSyncedCommitID != "" || got.ErrorMessage != "" {
		t.Errorf("left behind, and told as %+v", got)
	}
	source.Labels, infra.Labels = apps.Labels, nil // of an agent that set no label
	if got := all.judge(object); len(got.Statuses) != 4 || got.ComplianceState != fairlead.FluxNonCompliant || got.SourceSyncedCommitID == "" {
		t.Errorf("taken over, and told as %+v", got)
	}
}

func TestWhatKustomizationsHaveAppliedIsReported(t *testing.T) {
	infra, apps := flux("Kustomization", "web-infra", "True", "", ""), flux("Kustomization", "web-apps", "True", "", "")
	apps.Status.Inventory = &Inventory{Entries: []Entry{{"shops_redis_helm.toolkit.fluxcd.io_HelmRelease"}, {"shops_note__ConfigMap"}, {"shops_web-apps_kustomize.toolkit.fluxcd.io_Kustomization"}}}
	release := flux("HelmRelease", "redis", "False", "InstallFailed", "Helm install failed: timeout waiting for: [Deployment/shops/redis]")
	release.Status.Failures, release.Status.InstallFailures, release.Status.HelmChart, release.Status.History = 3, 2, "charts/shops-redis", []Release{{Version: 7}, {Version: 6}}
	got := seen(fetched(), infra, apps, release).judge(configured(nothing))
	if got.SourceSyncedCommitID != "main@sha1:cafe" || got.SourceUpdatedAt == nil || got.SourceUpdatedAt.Unix() != 1800000000 {
		t.Errorf("source %s of %v", got.SourceSyncedCommitID, got.SourceUpdatedAt)
	}
	last := got.Statuses[len(got.Statuses)-1]
	text, err := json.Marshal(last)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Statuses) != 4 || last.Kind != "HelmRelease" || last.AppliedBy == nil || last.AppliedBy.Name != "web-apps" || last.ComplianceState != fairlead.FluxNonCompliant {
		t.Errorf("%d statuses, the last %s", len(got.Statuses), text)
	}
	if h := last.HelmRelease; h == nil || h.LastRevisionApplied != 7 || h.InstallFailureCount != 2 || h.HelmChartRef == nil || h.HelmChartRef.Name != "shops-redis" || h.HelmChartRef.Namespace != "charts" {
		t.Errorf("release %s", text)
	}
	if got.ComplianceState != fairlead.FluxNonCompliant || !strings.HasPrefix(got.ErrorMessage, "HelmRelease shops/redis: Helm install failed") {
		t.Errorf("%s: %q", got.ComplianceState, got.ErrorMessage)
	}
}

// azureSaid is what Flux says of a key that Azure does not take.
const azureSaid = `failed to confirm existence of 'shop' bucket: the specified bucket name may be incorrect, nonexistent, or the caller might lack sufficient permissions to access it: GET https://quay.blob.example.test/shop
--------------------------------------------------------------------------------
RESPONSE 403: 403 Forbidden
ERROR CODE: AuthenticationFailed
--------------------------------------------------------------------------------
<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthenticationFailed</Code><Message>Server failed to authenticate the request.
Time:2026-11-27T12:00:00.0000000Z</Message></Error>
--------------------------------------------------------------------------------
`

func TestWhatAzureAnswersIsSaidInOneLine(t *testing.T) {
	const want = "GitRepository shops/web: failed to confirm existence of 'shop' bucket: the specified bucket name may be incorrect, nonexistent, or the caller might lack sufficient permissions to access it: " +
		"GET https://quay.blob.example.test/shop: 403 AuthenticationFailed. The source refuses the credentials: "
	source := flux("GitRepository", "web", "False", "BucketOperationFailed", azureSaid)
	if got := seen(source).judge(configured(nothing)).ErrorMessage; !strings.HasPrefix(got, want) || strings.Contains(got, "\n") {
		t.Errorf("it is said as %q", got)
	}
}

// What Flux says, from its controllers, and what people are told to do.
func TestAdvice(t *testing.T) {
	for message, want := range map[string]string{
		`dry-run failed, error: admission webhook "w" does not support dry run`:                                                                        "sideEffects",
		`failed to checkout and determine revision: unable to list remote for 'https://x': authentication required: Unauthorized`:                      "--https-key",
		`failed to checkout and determine revision: unable to clone 'https://x': couldn't find remote ref "refs/heads/gone"`:                           "--branch",
		`failed to checkout and determine revision: unable to list remote for 'https://x': repository not found: Repository not found`:                 "--url",
		`failed to checkout and determine revision: Get "https://x": tls: failed to verify certificate: x509: certificate signed by unknown authority`: "trust.caBundle",
		`failed to confirm existence of 'shop' bucket: Access Denied.`:                                                                                 "--bucket-secret-key-file",
		`failed to determine artifact digest: GET https://hub/v2/shop/manifests/9: MANIFEST_UNKNOWN: of shop this hub serves only 1`:                   "--tag",
		`failed to determine artifact digest: GET https://hub/v2/x/manifests/9: NAME_UNKNOWN: this hub does not serve x`:                               "--url",
		azureSaid: "--account-key-file",
		`failed to create Bucket client: decode account key: illegal base64 data at input byte 7`:                                                                                             "--account-key-file",
		`failed to confirm existence of 'shop' bucket: GET https://quay.blob.example.test/shop` + "\n" + `RESPONSE 403: 403 Forbidden` + "\n" + `ERROR CODE: AuthorizationPermissionMismatch`: "--sas-token-file",
		`bucket 'shop' not found`:                                     "--bucket-name",
		`failed to get secret 'shops/mine': secrets "mine" not found`: "--local-auth-ref",
		`failed to checkout and determine revision: Get "http://git.shops": dial tcp: lookup git.shops on 10.96.0.10:53: no such host`:              "doctor NET",
		`kustomization path not found: stat /tmp/kustomization-1/apps: no such file or directory`:                                                   "path of the kustomization",
		`ConfigMap/default/x dry-run failed (Forbidden): configmaps "x" is forbidden: User "system:serviceaccount:shops:flux-applier" cannot patch`: "--scope cluster",
		`health check failed after 10s: timeout waiting for: [Deployment/shops/web status: 'InProgress']`:                                           "kubectl describe",
		`kustomize build failed: accumulating resources: MalformedYAMLError: yaml: line 4`:                                                          "next revision",
		`can't access 'GitRepository/a/b', cross-namespace references have been blocked`:                                                            "multiTenancy",
		`Placement/shops/oracle is Unknown`: "",
		`something nobody knows`:            "",
	} {
		if got := (fault{Object: flux("GitRepository", "web", "False", "", message)}).advice(message); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q, want one with %q", message, got, want)
		}
	}
}

func TestALongConfigurationStaysWhatTheAPIServerTakes(t *testing.T) {
	apps := flux("Kustomization", "web-apps", "True", "", "")
	apps.Status.Inventory = &Inventory{}
	objects := []*Object{fetched(), apps, flux("Kustomization", "web-infra", "True", "", "")}
	for i := range 400 {
		name := strings.Repeat("x", 1+i)
		apps.Status.Inventory.Entries = append(apps.Status.Inventory.Entries, Entry{"shops_" + name + "_helm.toolkit.fluxcd.io_HelmRelease"})
		objects = append(objects, flux("HelmRelease", name, "False", "InstallFailed", strings.Repeat("é", 5000)))
	}
	text, err := json.Marshal(seen(objects...).judge(configured(nothing)))
	if err != nil || len(text) > 1<<20 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

func TestACircleOfDependenciesIsNoEnd(t *testing.T) {
	got := ordered(map[string]fairlead.FluxKustomization{"a": {DependsOn: []string{"b"}}, "b": {DependsOn: []string{"a"}}, "c": {}})
	if len(got) != 3 {
		t.Errorf("order %q", got)
	}
}
