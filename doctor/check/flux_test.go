package check

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func fluxRoom() corev1.Namespace {
	return corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: extFlux}}
}

// fluxThing is an object of Flux whose condition Ready has a status, a reason and a message.
func fluxThing(r snapshot.Resource, name, ready, reason, message string, spec map[string]any, more ...map[string]any) func(*snapshot.Snapshot) {
	if spec == nil {
		spec = map[string]any{}
	}
	spec["interval"] = "1m0s"
	fields := map[string]any{"spec": spec, "status": map[string]any{"observedGeneration": int64(1), "conditions": []any{map[string]any{
		"type": "Ready", "status": ready, "reason": reason, "message": message, "lastTransitionTime": extNow().Add(-30 * time.Minute).Format(time.RFC3339),
	}}}}
	for _, m := range more {
		maps.Copy(fields, m)
	}
	return extCustom(r, fluxKindName(r), extFlux, name, fields)
}

func fluxControllers(change ...func(*appsv1.Deployment, *corev1.Pod)) func(*snapshot.Snapshot) {
	return extPair(extFlux, "source-controller", change...)
}

func fluxBad(name string, effects admissionv1.SideEffectClass) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) {
		good := admissionv1.SideEffectClassNone
		s.ValidatingWebhooks = append(s.ValidatingWebhooks, admissionv1.ValidatingWebhookConfiguration{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Webhooks:   []admissionv1.ValidatingWebhook{{Name: "good.example.com", SideEffects: &good}, {Name: "demo.example.com", SideEffects: &effects}},
		})
	}
}

func fluxSmall(name, cpu string) corev1.Node {
	return extNode(name, func(n *corev1.Node) { n.Status.Allocatable[corev1.ResourceCPU] = resource.MustParse(cpu) })
}

const (
	fluxDryRun   = `Namespace/x dry-run failed (BadRequest): admission webhook "demo.example.com" does not support dry run`
	fluxTooLarge = `pods "helm-controller-x" is forbidden: [maximum cpu usage per Container is 500m, but limit is 1, maximum memory usage per Container is 512Mi, but limit is 1Gi]`
)

func TestFluxRoots(t *testing.T) {
	space := fluxRoom()
	aks := extNode("n1", extPool("a"))
	noToken := extLog(extSystem, "extension-agent-abc-x1", "main", extSays(time.Minute, `Error: in getting auth header : error {adal: Refresh request failed. Status Code = '404'. Response body: no azure identity found for request clientID <REDACTED>\n}`))
	nmi := appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "nmi"}}
	going := fluxRoom()
	going.DeletionTimestamp = &metav1.Time{Time: extNow().Add(-5 * time.Minute)}
	going.Status.Conditions = []corev1.NamespaceCondition{{Type: corev1.NamespaceFinalizersRemaining, Status: corev1.ConditionTrue, Message: "x has finalizer"}}
	source := map[string]any{"sourceRef": map[string]any{"kind": "GitRepository", "name": "repo"}}
	cases := map[string]struct {
		reason  string
		objects []any
		want    []string
	}{
		"Healthy": {"controllers and objects in order", []any{
			space, extNode("n1"), fluxControllers(), fluxThing(snapshot.GitRepositories, "repo", "True", "Succeeded", "", nil), fluxThing(snapshot.Kustomizations, "apps", "True", "Succeeded", "", source),
		}, nil},
		"HelmRepositoryOCI": {"Flux writes no status into such an object", []any{space, extNode("n1"), fluxControllers(), extCustom(snapshot.HelmRepositories, "HelmRepository", extFlux, "oci", map[string]any{"spec": map[string]any{"type": "oci", "url": "oci://x"}})}, nil},
		"DryRun": {"the webhook is the cause, the Kustomization shows it", []any{
			space, extNode("n1"), fluxControllers(), fluxBad("hooks", admissionv1.SideEffectClassSome), fluxThing(snapshot.Kustomizations, "apps", "False", "ReconciliationFailed", fluxDryRun, nil),
		}, []string{"FLX-01 refused"}},
		"SideEffectsAlone": {"it keeps every dry run from working", []any{fluxBad("hooks", admissionv1.SideEffectClassUnknown)}, []string{"FLX-01 sideEffects"}},
		"Crash":            {"a controller crashes and the release failed", []any{space, extNode("n1"), fluxControllers(extWaiting("CrashLoopBackOff", "")), helmRelease(extFlux, "flux", "failed", "context deadline exceeded", 5*time.Minute)}, []string{"FLX-02 crash"}},
		"ReleaseOnly": {"the release failed and the controllers run", []any{space, extNode("n1"), fluxControllers(), helmRelease(extFlux, "flux", "failed", "context deadline exceeded", 5*time.Minute)}, []string{
			"FLX-02 failedButRuns",
		}},
		"NamespaceForbidden": {"the extension cannot even make its namespace", []any{
			extNode("n1"), extAgents(),
			extCustom(snapshot.ExtensionConfigs, "ExtensionConfig", extSystem, "flux", map[string]any{"spec": map[string]any{"extensionType": "microsoft.flux"}, "status": map[string]any{"status": "Failed", "message": "Error: failed to create namespace"}}),
			snapshot.Trial{Name: snapshot.TrialFluxNamespace, Object: extFlux, Message: `namespaces "flux-system" is forbidden: ValidatingAdmissionPolicy 'no-flux' with binding 'b' denied request: no`},
		}, []string{"FLX-03 namespace"}},
		"PodsForbidden": {"a policy refuses the pods", []any{space, extNode("n1"), fluxControllers(extDenied(`pods "x" is forbidden: violates PodSecurity "restricted:latest": no`)), helmRelease(extFlux, "flux", "failed", "context deadline exceeded", 5*time.Minute)}, []string{
			"FLX-03 pods",
		}},
		"LimitRange": {"the guide's message", []any{space, extNode("n1"), fluxControllers(extDenied(fluxTooLarge)), helmRelease(extFlux, "flux", "failed", "context deadline exceeded", 5*time.Minute)}, []string{"FLX-08 limitRange"}},
		"Gatekeeper": {"a policy about cpu and memory is not a policy about the namespace", []any{space, extNode("n1"), fluxControllers(extDenied(`admission webhook "validation.gatekeeper.sh" denied the request: [azurepolicy] container <helm-controller> cpu limit <1> is higher than the maximum allowed of <500m>`))}, []string{
			"FLX-08 policy",
		}},
		"NoRoom":         {"the scheduler says so", []any{space, extNode("n1"), fluxControllers(extPending("0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1"))}, []string{"FLX-08 insufficient"}},
		"SmallNodes":     {"nothing is installed yet, and the nodes are too small", []any{space, fluxSmall("n1", "90m"), fluxSmall("n2", "90m")}, []string{"FLX-08 noRoom"}},
		"SmallNodesRuns": {"a Flux that runs has room", []any{space, fluxSmall("n1", "90m"), fluxControllers()}, nil},
		"TightLimitRange": {"no pod was refused yet, and each would be", []any{space, extNode("n1"), corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Namespace: extFlux, Name: "tight"}, Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
			Type: corev1.LimitTypeContainer, Max: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m"), corev1.ResourceMemory: resource.MustParse("512Mi")},
		}}}}}, []string{"FLX-08 limitRangeTable"}},
		"Terminating":   {"a namespace that does not go", []any{going, extNode("n1"), fluxThing(snapshot.Kustomizations, "apps", "False", "x", "y", nil, map[string]any{"metadata": map[string]any{"finalizers": []any{"finalizers.fluxcd.io"}}, "status": map[string]any{}})}, []string{"FLX-04 terminating"}},
		"LeftRelease":   {"a release Secret and nothing else", []any{space, extNode("n1"), helmRelease(extFlux, "flux", "failed", "", time.Hour)}, []string{"FLX-04 release"}},
		"Orphans":       {"objects that nobody can let go of", []any{extNode("n1"), fluxThing(snapshot.Kustomizations, "apps", "True", "x", "", nil, map[string]any{"metadata": map[string]any{"finalizers": []any{"finalizers.fluxcd.io"}}})}, []string{"FLX-04 orphans"}},
		"PodIdentity":   {"the log and the DaemonSet", []any{aks, extAgents(), nmi, noToken}, []string{"FLX-06 intercepted"}},
		"PodIdentityOK": {"pod identity alone is no trouble", []any{aks, extAgents(), nmi}, nil},
		"Kubelet": {"sources in Azure's registry", []any{
			space, aks, fluxControllers(), helmRelease(extFlux, "flux", "deployed", "", time.Hour),
			fluxThing(snapshot.OCIRepositories, "manifests", "False", "AuthenticationFailed", "failed to login to registry 'x.azurecr.io': 401 Unauthorized", map[string]any{"provider": "azure", "url": "oci://x.azurecr.io/m"}),
		}, []string{"FLX-07 absent"}},
		"OldFlux": {"objects of the first version", []any{extCustom(snapshot.GitConfigs, "GitConfig", "default", "old", nil)}, []string{"FLX-09 inUse"}},
		"Dependants": {"the first that fails is the finding", []any{
			space, extNode("n1"), fluxControllers(),
			fluxThing(snapshot.GitRepositories, "repo", "False", "GitOperationFailed", "authentication required", nil),
			fluxThing(snapshot.Kustomizations, "apps", "False", "ArtifactFailed", "Source artifact not found, retrying in 30s", source),
			fluxThing(snapshot.Kustomizations, "more", "False", "DependencyNotReady", "dependency 'flux-system/apps' is not ready", map[string]any{"dependsOn": []any{map[string]any{"name": "apps"}}}),
		}, []string{"FLX-10 notReadyOthersWait"}},
		"Waits":     {"a dependency that is on its way", []any{space, extNode("n1"), fluxControllers(), fluxThing(snapshot.Kustomizations, "apps", "True", "", "", nil), fluxThing(snapshot.Kustomizations, "more", "False", "DependencyNotReady", "dependency 'flux-system/apps' is not ready", map[string]any{"dependsOn": []any{map[string]any{"name": "apps"}}})}, nil},
		"Suspended": {"somebody stopped it", []any{space, extNode("n1"), fluxControllers(), fluxThing(snapshot.Kustomizations, "apps", "False", "x", "y", map[string]any{"suspend": true})}, []string{"FLX-10 suspended"}},
		"Circle": {"two that wait for each other are one finding", []any{
			space, extNode("n1"), fluxControllers(),
			fluxThing(snapshot.Kustomizations, "a", "False", "DependencyNotReady", "dependency 'flux-system/b' is not ready", map[string]any{"dependsOn": []any{map[string]any{"name": "b"}}}),
			fluxThing(snapshot.Kustomizations, "b", "False", "DependencyNotReady", "dependency 'flux-system/a' is not ready", map[string]any{"dependsOn": []any{map[string]any{"name": "a"}}}),
		}, []string{"FLX-10 notReadyOthersWait"}},
		"ControllersDown": {"objects that nobody looks at show the controllers' trouble", []any{
			space, extNode("n1"), fluxControllers(extWaiting("CrashLoopBackOff", "")), extCustom(snapshot.GitRepositories, "GitRepository", extFlux, "repo", map[string]any{"spec": map[string]any{"interval": "1m"}}),
		}, []string{"FLX-02 crash"}},
		"HelmReleaseExists": {"Helm's words are Helm's entry", []any{
			space, extNode("n1"), fluxControllers(), fluxThing(snapshot.HelmReleases, "web", "False", "InstallFailed", "Helm install failed for release apps/web with chart web@1: "+helmExisting, map[string]any{"targetNamespace": "apps"}),
		}, []string{"HLM-09 exists"}},
		"HelmReleasePods": {"its pod is the cause", []any{
			space, extNode("n1"), fluxControllers(), fluxThing(snapshot.HelmReleases, "web", "False", "InstallFailed", "Helm install failed for release apps/web with chart web@1: context deadline exceeded", map[string]any{"targetNamespace": "apps"}),
			extPair("apps", "web", extByHelm("web"), extWaiting("CreateContainerConfigError", helmNoSecret)), helmRelease("apps", "web", "failed", helmTimeout, time.Minute),
		}, []string{"HLM-05 configError"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := extRoots(t, extSnapshot(c.objects...)); !slices.Equal(got, c.want) {
				t.Errorf("%s: roots %q, want %q", c.reason, got, c.want)
			}
		})
	}
}

func TestFluxTableSums(t *testing.T) {
	requests, limits := fluxTotals()
	for want, list := range map[string]corev1.ResourceList{"565m 474Mi": requests, "6170m 6594Mi": limits} {
		cpu, memory := list[corev1.ResourceCPU], list[corev1.ResourceMemory]
		if got := fmt.Sprintf("%dm %dMi", cpu.MilliValue(), memory.Value()>>20); got != want {
			t.Errorf("sum %s, want %s", got, want)
		}
	}
	if len(fluxContainers()) != 9 || len(fluxPods()) != 8 {
		t.Errorf("%d containers in %d pods", len(fluxContainers()), len(fluxPods()))
	}
}

func TestFluxPlacing(t *testing.T) {
	cases := map[string]struct {
		reason string
		nodes  []string
		want   bool
	}{
		"OneLarge":      {"all on one node", []string{"565m"}, true},
		"OneShort":      {"one milli less", []string{"564m"}, false},
		"SumIsNotRoom":  {"600m together, and no pod of 100m fits anywhere", []string{"99m", "99m", "99m", "99m", "99m", "105m"}, false},
		"ManyJustRight": {"one node for each large pod, and the small ones beside", []string{"100m", "100m", "100m", "100m", "110m", "60m"}, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := extSnapshot()
			for i, cpu := range c.nodes {
				s.Nodes = append(s.Nodes, fluxSmall(fmt.Sprintf("n%d", i), cpu))
			}
			if got := fluxPlace(fluxPods(), fluxFree(s)); got != c.want {
				t.Errorf("%s: %v", c.reason, got)
			}
		})
	}
}

func TestFluxFreeCountsWhatRuns(t *testing.T) {
	asks := func(cpu string, phase corev1.PodPhase) corev1.Pod {
		p := corev1.Pod{Status: corev1.PodStatus{Phase: phase}}
		p.Spec.NodeName = "n1"
		p.Spec.Containers = []corev1.Container{{Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}}}}
		return p
	}
	free := fluxFree(extSnapshot(fluxSmall("n1", "1"), extNode("n2", extCritical), asks("300m", corev1.PodRunning), asks("500m", corev1.PodSucceeded)))
	if len(free) != 1 {
		t.Fatalf("%d nodes take pods", len(free))
	}
	if left := free[0].room[corev1.ResourceCPU]; left.String() != "700m" {
		t.Errorf("%s left", left.String())
	}
}

func TestFluxWebhookPatch(t *testing.T) {
	f := extResult(extSnapshot(fluxBad("hooks", admissionv1.SideEffectClassSome)), "FLX-01")
	if len(f.Remedies) != 1 || len(f.Remedies[0].Actions) != 1 || f.Remedies[0].Risk != doctor.Ask {
		t.Fatalf("remedies %+v", f.Remedies)
	}
	action := f.Remedies[0].Actions[0]
	if action.Verb != doctor.JSONPatch || action.Resource != "validatingwebhookconfigurations" || action.Name != "hooks" || !action.Backup {
		t.Errorf("action %+v", action)
	}
	var steps []map[string]string
	if err := json.Unmarshal(action.Body, &steps); err != nil {
		t.Fatal(err)
	}
	if len(steps) != 2 || steps[0]["op"] != "test" || steps[0]["value"] != "demo.example.com" || steps[1]["path"] != "/webhooks/1/sideEffects" || steps[1]["value"] != "None" {
		t.Errorf("patch %v", steps)
	}
}

func TestFluxAsked(t *testing.T) {
	tight := corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: extFlux, Name: "q"}, Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourceLimitsCPU: resource.MustParse("2")}}}
	s := extSnapshot(extNode("n1"), tight)
	if f := extResult(s, "FLX-08"); f.Status != doctor.Skipped || f.Key != doctor.NotInstalled {
		t.Errorf("unasked it is %s %s", f.Status, f.Key)
	}
	if f := extResult(s, "FLX-08", "FLX"); f.Status != doctor.Fail || f.Key != "quotaTable" {
		t.Errorf("asked it is %s %s", f.Status, f.Key)
	}
	if f := extResult(extSnapshot(extNode("n1")), "FLX-08", "FLX"); f.Status != doctor.Pass {
		t.Errorf("with room it is %s %s", f.Status, f.Key)
	}
}

func TestFluxFeatureIsAzures(t *testing.T) {
	failed := extCustom(snapshot.ExtensionConfigs, "ExtensionConfig", extSystem, "flux", map[string]any{"status": map[string]any{"status": "Failed"}})
	cases := map[string]struct {
		objects []any
		status  doctor.Status
		key     string
	}{
		"NotAKS":    {[]any{extNode("n1")}, doctor.Skipped, doctor.OtherPlatform},
		"NoFailure": {[]any{extNode("n1", extPool("a"))}, doctor.Skipped, doctor.NeedsAzure},
		"Failed":    {[]any{extNode("n1", extPool("a")), failed}, doctor.Unknown, "onlyAzure"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if f := extResult(extSnapshot(c.objects...), "FLX-05"); f.Status != c.status || f.Key != c.key {
				t.Errorf("%s %s", f.Status, f.Key)
			}
		})
	}
}

func TestFluxStaleHistory(t *testing.T) {
	for ago, want := range map[time.Duration]doctor.Status{5 * time.Minute: doctor.Pass, 30 * time.Minute: doctor.Warn} {
		object := fluxThing(snapshot.Kustomizations, "apps", "True", "Succeeded", "", nil)
		s := extSnapshot(fluxRoom(), extNode("n1"), fluxControllers(), object)
		status, _ := s.Custom[snapshot.Kustomizations][0].Object["status"].(map[string]any)
		status["history"] = []any{map[string]any{"lastReconciled": extNow().Add(-ago).Format(time.RFC3339)}}
		if f := extResult(s, "FLX-10"); f.Status != want {
			t.Errorf("reconciled %s ago: %s %s", ago, f.Status, f.Key)
		}
	}
}

// A source that is ready does not make a dependant's failure a wait, and a wait behind a wait is none either.
func TestFluxDependants(t *testing.T) {
	source := fluxThing(snapshot.GitRepositories, "fleet", "True", "Succeeded", "", nil)
	thing := func(name, status, reason string, after ...any) any {
		spec := map[string]any{"sourceRef": map[string]any{"kind": "GitRepository", "name": "fleet"}}
		for _, dependency := range after {
			spec["dependsOn"] = []any{map[string]any{"name": dependency}}
		}
		return fluxThing(snapshot.Kustomizations, name, status, reason, "words", spec)
	}
	cases := map[string]struct {
		reason string
		base   []any
		want   int
	}{
		"Fails":    {"all are told, the first as the cause", []any{thing("base", "False", "BuildFailed")}, 3},
		"OnItsWay": {"it was made a moment ago, and the others will be", []any{thing("base", "True", "Succeeded")}, 0},
		"Missing":  {"nobody will ever make it", nil, 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			chain := []any{fluxRoom(), extNode("n1"), fluxControllers(), source, thing("apps", "False", "DependencyNotReady", "base"), thing("more", "False", "DependencyNotReady", "apps")}
			if f := extResult(extSnapshot(append(chain, c.base...)...), "FLX-10"); len(f.Objects) != c.want {
				t.Errorf("%s: %s %s %v", c.reason, f.Status, f.Key, f.Objects)
			}
		})
	}
}
