package cause_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension/cause"
)

const (
	noTaint  = "0/2 nodes are available: 2 node(s) had untolerated taint {CriticalAddonsOnly: true}. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
	noRoom   = "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
	noFit    = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
	noVolume = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
	noPull   = `failed to pull and unpack image "registry.example.test/web:1": failed to resolve reference "registry.example.test/web:1": registry.example.test/web:1: not found`
	timeout  = "Timed out waiting for the resource to come to a ready/completed state."
)

// one is what an explanation has to say. Words are looked for in the cause, seen in the evidence, typed in the remedies.
type one struct {
	failure cause.Failure
	objects []runtime.Object

	code, message, target, doctor string
	words, seen, typed            []string
}

func (o *one) check(t *testing.T) {
	t.Helper()
	got := explainer(t, o.objects...).Explain(t.Context(), o.failure)
	if got.Code != o.code || got.Target != o.target || got.DoctorID != o.doctor {
		t.Errorf("code, target, doctor: %s, %q, %s; want %s, %q, %s", got.Code, got.Target, got.DoctorID, o.code, o.target, o.doctor)
	}
	for place, want := range map[string][]string{got.Message: {o.message}, got.Cause: o.words, strings.Join(got.Evidence, "\n"): o.seen, strings.Join(got.Remedies, "\n"): o.typed} {
		for _, word := range want {
			if !strings.Contains(place, word) {
				t.Errorf("%q lacks %q", place, word)
			}
		}
	}
	if t.Failed() {
		t.Logf("%+v", got)
	}
}

func TestReadiness(t *testing.T) {
	timedOut := func(doctor string, o one) one {
		o.failure, o.code, o.doctor = failure(waited), fairlead.CauseReadinessTimeout, doctor
		if o.message == "" {
			o.message = timeout
		}
		if o.target == "" {
			o.target = "Deployment/shop/web"
		}
		return o
	}
	starved := withoutPods()
	starved[0].(*appsv1.Deployment).Status = appsv1.DeploymentStatus{}
	quota := append(starved, &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "e1"}, Type: "Warning", Reason: "FailedCreate", LastTimestamp: ago(time.Minute),
		InvolvedObject: corev1.ObjectReference{Kind: "ReplicaSet", Namespace: "shop", Name: "web-7d4"},
		Message:        `Error creating: pods "web-7d4-abc" is forbidden: exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0`,
	})
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "data"}}
	cases := map[string]one{
		"Taint": timedOut("EXT-09", one{
			objects: append(web(unscheduled(noTaint)), node(corev1.Taint{Key: "CriticalAddonsOnly", Value: "true", Effect: "NoSchedule"})),
			message: "Extension pod error: " + noTaint, words: []string{"{CriticalAddonsOnly: true}"}, typed: []string{"kubectl taint nodes n1 CriticalAddonsOnly:NoSchedule-"},
		}),
		"Room": timedOut("HLM-03", one{
			objects: append(web(func(p *corev1.Pod) {
				unscheduled(noRoom)(p)
				p.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: *quantity("64")}
			}), node()),
			words: []string{"requests cpu 64", "the largest node offers cpu 2"}, seen: []string{"Insufficient cpu", "status InProgress"}, typed: []string{"kubectl describe pod web-7d4-x1 -n shop"},
		}),
		"Selector": timedOut("HLM-04", one{
			objects: append(web(func(p *corev1.Pod) {
				unscheduled(noFit)(p)
				p.Spec.NodeSelector = map[string]string{"kubernetes.io/os": "windows"}
			}), node()),
			words: []string{"kubernetes.io/os=windows", "the nodes are linux/amd64"},
		}),
		"Volume": timedOut("HLM-01", one{
			objects: append(web(func(p *corev1.Pod) {
				unscheduled(noVolume)(p)
				p.Spec.Volumes = []corev1.Volume{{VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}}}
			}), node(), claim),
			target: "PersistentVolumeClaim/shop/data", words: []string{"names no storage class", "this cluster has no storage class"}, typed: []string{"kubectl describe pvc data -n shop"},
		}),
		"Image": timedOut("HLM-05", one{
			objects: web(waiting("ErrImagePull", noPull)), words: []string{"registry.example.test/web:1", "no such image"}, seen: []string{"not found"},
		}),
		"Secret": timedOut("HLM-05", one{
			objects: web(waiting("CreateContainerConfigError", `secret "nope" not found`)), words: []string{`secret "nope" not found`},
		}),
		"Crash": timedOut("HLM-05", one{
			objects: web(crashed), words: []string{"Container main of Pod web-7d4-x1", "ended with code 3"}, seen: []string{"log of Pod/shop/web-7d4-x1[main]: fake logs"},
			typed: []string{"kubectl logs web-7d4-x1 -n shop -c main --previous"},
		}),
		"Relapse": timedOut("HLM-05", one{
			objects: web(relapsed), words: []string{"Container main of Pod web-7d4-x1", "ended with code 3"}, seen: []string{"log of Pod/shop/web-7d4-x1[main]: fake logs"},
			typed: []string{"kubectl logs web-7d4-x1 -n shop -c main --previous"},
		}),
		"Quota": timedOut("HLM-03", one{objects: quota, words: []string{"quota of namespace shop"}, seen: []string{"exceeded quota: small"}, typed: []string{"kubectl describe resourcequotas -n shop"}}),
		"Nothing": timedOut("HLM-01", one{
			objects: nil, words: []string{"Deployment web in namespace shop did not become ready in time: Available: 0/1"}, typed: []string{"kubectl describe deployment web -n shop"},
		}),
	}
	for name, o := range cases {
		t.Run(name, func(t *testing.T) { o.check(t) })
	}
}

// Without an object that Helm names, its own words are all there is.
func TestTimeRanOutOverNothingThatIsNamed(t *testing.T) {
	for text, words := range map[string]string{
		"uninstall the release: context deadline exceeded":                                            "while what there was of the release was removed",
		"install the release: timed out waiting":                                                      "nothing is wrong with its pods by now",
		"resource ConfigMap/shop/held not ready. status: Unknown, message: context deadline exceeded": "did not become ready in time: its status is Unknown.",
	} {
		got := explainer(t).Explain(t.Context(), failure(text))
		if got.Code != fairlead.CauseReadinessTimeout || !strings.Contains(got.Cause, words) || !strings.Contains(text, "ConfigMap") && !slices.Contains(got.Evidence, text) {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func TestJobs(t *testing.T) {
	const gone = "failed pre-install: resource Job/shop/pre not ready. status: Failed, message: Job Failed. failed: 1/1"
	cases := map[string]one{
		"GaveUp": {
			failure: failure(gone), objects: []runtime.Object{failedJob(ago(time.Minute), "BackoffLimitExceeded"), jobPod("")},
			code: fairlead.CauseBackoffLimit, message: "job failed: BackoffLimitExceeded", words: []string{"Its pod said: fake logs"}, seen: []string{"ended with code 1 (Error)"},
		},
		"Deleted": {failure: failure(gone), code: fairlead.CauseBackoffLimit, message: "job failed: BackoffLimitExceeded", seen: []string{"helm.sh/hook-delete-policy"}},
		"DeadlineDeleted": {
			failure: failure("failed pre-install: resource Job/shop/pre not ready. status: Failed, message: Job failed. DeadlineExceeded: Job was active longer than specified deadline"),
			code:    fairlead.CauseReadinessTimeout, message: "job failed: DeadlineExceeded", words: []string{"failed: Job was active longer than specified deadline."}, seen: []string{"ttlSecondsAfterFinished"},
		},
		"Earlier":  {failure: failure("failed pre-install: job pre failed: BackoffLimitExceeded"), code: fairlead.CauseBackoffLimit, message: "job failed: BackoffLimitExceeded"},
		"Before":   {failure: failure(gone), objects: []runtime.Object{failedJob(ago(time.Hour), "BackoffLimitExceeded")}, code: fairlead.CauseBackoffLimit, message: "job failed: BackoffLimitExceeded", seen: []string{"before this operation"}},
		"TookLong": {failure: failure(gone), objects: []runtime.Object{failedJob(ago(time.Minute), "DeadlineExceeded")}, code: fairlead.CauseReadinessTimeout, message: "job failed: DeadlineExceeded"},
	}
	for name, o := range cases {
		o.target, o.doctor, o.typed = "Job/shop/pre", "HLM-02", []string{"kubectl logs job/pre -n shop"}
		t.Run(name, func(t *testing.T) { o.check(t) })
	}
}

func TestOldJobIsHistory(t *testing.T) {
	got := explainer(t, failedJob(ago(time.Hour), "BackoffLimitExceeded")).Explain(t.Context(), failure(waited))
	if got.Code != fairlead.CauseReadinessTimeout || got.Target != "Deployment/shop/web" {
		t.Errorf("%+v", got)
	}
}

func TestDownloads(t *testing.T) {
	const registry = `failed to perform "FetchReference" on source: Get "https://charts.example.test/v2/team/web/manifests/1.0.0": `
	cases := map[string]struct{ text, word, doctor string }{
		"Name":    {registry + "dial tcp: lookup charts.example.test on 10.0.0.10:53: no such host", "charts.example.test cannot be resolved", "HLM-06"},
		"TLS":     {registry + "tls: failed to verify certificate: x509: certificate signed by unknown authority", "certificate that the agent does not trust", "HLM-06"},
		"Blocked": {registry + "dial tcp 192.0.2.1:443: i/o timeout", "cannot be reached", "HLM-06"},
		"Proxy":   {registry + "proxyconnect tcp: dial tcp 192.0.2.7:3128: connect: connection refused", "proxy on the way", "NET-03"},
		"NoProxy": {registry + "proxyconnect tcp: dial tcp: lookup proxy.example.test on 10.0.0.10:53: no such host", "proxy on the way to charts.example.test", "NET-03"},
		"Refused": {registry + "proxyconnect: the proxy 192.0.2.7:3128 does not connect to charts.example.test:443: 403 Forbidden", "proxy on the way", "NET-03"},
		"Denied":  {`failed to perform "FetchReference" on source: GET "https://charts.example.test/v2/team/web/manifests/1.0.0": response status code 401: Unauthorized`, "asks for credentials", "HLM-06"},
		"Missing": {`failed to perform "FetchReference" on source: charts.example.test/team/web:1.0.0: not found`, "has no chart of that name and version (1.0.0)", "HLM-06"},
		"Classic": {`looks like "https://charts.example.test" is not a valid chart repository or cannot be reached: failed to fetch https://charts.example.test/index.yaml : 404 Not Found`, "has no chart", "HLM-06"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := one{
				failure: failure(c.text), code: fairlead.CauseChartDownload, message: "Unable to download the Helm chart from the repo URL", doctor: c.doctor,
				target: "oci://charts.example.test/team/web", words: []string{c.word},
			}
			o.failure.Step = cause.StepPull
			o.check(t)
			o.failure.Step = ""
			o.check(t)
		})
	}
}

func TestRendering(t *testing.T) {
	cases := map[string]struct{ text, target, word string }{
		"Required": {"execution error at (web/templates/all.yaml:18:40): tenantId is required", "web/templates/all.yaml:18", "refuses the settings in web/templates/all.yaml, line 18: tenantId is required"},
		"Lookup": {
			"web/templates/x.yaml:3:5\n  executing \"web/templates/x.yaml\" at <index (lookup \"v1\" \"ConfigMap\" \"kube-system\" \"extension-manager-config\").data \"AZURE_TENANT_ID\">:\n    error calling index: index of untyped nil",
			"web/templates/x.yaml:3", "looks up ConfigMap extension-manager-config in namespace kube-system",
		},
		"Missing": {`template: web/templates/all.yaml:4:12: executing "web/templates/all.yaml" at <.Values.a.b>: nil pointer evaluating interface {}.b`, "web/templates/all.yaml:4", ".Values.a.b in web/templates/all.yaml, line 4, which is not set"},
		"Schema":  {"values don't meet the specifications of the schema(s) in the following chart(s):\nweb:\n- at '/replicas': got string, want integer", "", "chart's schema"},
		"Version": {"chart requires kubeVersion: >=1.99.0 which is incompatible with Kubernetes v1.34.1", "", "another version of Kubernetes"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := one{failure: failure(c.text), code: fairlead.CauseRendering, message: "Helm chart rendering failed with given values", doctor: "HLM-07", target: c.target, words: []string{c.word}}
			o.check(t)
		})
	}
}

func TestRecords(t *testing.T) {
	const running = "another operation (install/upgrade/rollback) is in progress"
	cases := map[string]one{
		"Held": {
			failure: failure(running), objects: []runtime.Object{release("1", "deployed", ago(time.Hour)), release("2", "pending-upgrade", ago(12*time.Minute))},
			code: fairlead.CauseOperationRunning, message: running, target: "Secret/shop/sh.helm.release.v1.web.v2", doctor: "HLM-08",
			words: []string{"pending-upgrade (revision 2) since 2026-11-26T11:48:00Z", "12m0s", "helm"}, typed: []string{"helm rollback web 1 -n shop"},
		},
		"FirstInstall": {
			failure: failure("release name check failed: cannot reuse a name that is still in use"), objects: []runtime.Object{release("1", "pending-install", ago(time.Minute))},
			code: fairlead.CauseOperationRunning, message: running, target: "Secret/shop/sh.helm.release.v1.web.v1", doctor: "HLM-08", typed: []string{"helm uninstall web -n shop"},
		},
		"Taken": {
			failure: failure("release name check failed: cannot reuse a name that is still in use"), objects: []runtime.Object{release("3", "deployed", ago(time.Minute))},
			code: fairlead.CauseReleaseNameInUse, message: "cannot re-use a name that is still in use", target: "Secret/shop/sh.helm.release.v1.web.v3", doctor: "HLM-10",
			typed: []string{"helm uninstall web -n shop"},
		},
	}
	for name, o := range cases {
		t.Run(name, func(t *testing.T) { o.check(t) })
	}
}

func TestConflicts(t *testing.T) {
	const existing = `unable to continue with install: ConfigMap "settings" in namespace "shop" exists and cannot be imported into the current release: invalid ownership metadata; label validation error: missing key "app.kubernetes.io/managed-by": must be set to "Helm"`
	written := ago(time.Hour)
	object := func(annotations map[string]string) runtime.Object {
		return &metav1.PartialObjectMetadata{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "settings", Annotations: annotations, CreationTimestamp: written, ManagedFields: []metav1.ManagedFieldsEntry{
				{Manager: "kubectl-create", Time: &written},
			}},
		}
	}
	cases := map[string]one{
		"Nobodys": {failure: failure(existing), objects: []runtime.Object{object(nil)}, words: []string{"belongs to no Helm release; kubectl-create wrote it at 2026-11-26T11:00:00Z"}, typed: []string{"kubectl delete configmap settings -n shop"}},
		"Others": {
			failure: failure(existing), objects: []runtime.Object{object(map[string]string{"meta.helm.sh/release-name": "two", "meta.helm.sh/release-namespace": "other"})},
			words: []string{"belongs to Helm release two in namespace other"},
		},
		"Unread": {failure: failure(existing), words: []string{"does not belong to this release"}},
	}
	for name, o := range cases {
		o.code, o.message, o.target, o.doctor = fairlead.CauseResourceExists, "Resource already exists in your cluster", "ConfigMap/shop/settings", "HLM-09"
		t.Run(name, func(t *testing.T) { o.check(t) })
	}
}

func TestRefusals(t *testing.T) {
	cases := map[string]one{
		"Webhook": {failure: failure(`failed to create resource: admission webhook "deny.example.test" denied the request: no`), doctor: "EXT-03", words: []string{"Policy deny.example.test"}, typed: []string{"kubectl get validatingwebhookconfigurations"}},
		"Policy": {
			failure: failure(`configmaps "settings" is forbidden: ValidatingAdmissionPolicy 'no-settings' with binding 'all' denied request: not here`), doctor: "EXT-03", target: "ConfigMap/shop/settings",
			words: []string{"Policy no-settings"}, typed: []string{"kubectl describe validatingadmissionpolicy no-settings"},
		},
		"Quota":   {failure: failure(`configmaps "settings" is forbidden: exceeded quota: small, requested: count/configmaps=1`), doctor: "HLM-03", target: "ConfigMap/shop/settings", words: []string{"quota of namespace shop"}},
		"Invalid": {failure: failure(`Deployment.apps "web" is invalid: spec.template.spec.containers[0].image: Required value`), doctor: "HLM-07", target: "Deployment/shop/web", words: []string{"not valid"}},
		"Kind":    {failure: failure(`unable to build kubernetes objects from release manifest: resource mapping not found for name: "x" namespace: "" from "": no matches for kind "Gadget" in version "example.test/v1" ensure CRDs are installed first`), doctor: "HLM-07", words: []string{"no kind Gadget of example.test/v1"}},
	}
	for name, o := range cases {
		o.code = fairlead.CauseRejected
		t.Run(name, func(t *testing.T) { o.check(t) })
	}
}

func TestNamespaceGoing(t *testing.T) {
	o := one{
		failure: failure(`create: failed to create: secrets "sh.helm.release.v1.web.v1" is forbidden: unable to create new content in namespace shop because it is being terminated`),
		objects: []runtime.Object{&corev1.Namespace{
			ObjectMeta: metav1.ObjectMeta{Name: "shop", DeletionTimestamp: new(ago(time.Hour)), Finalizers: []string{"example.test/x"}},
			Status: corev1.NamespaceStatus{Conditions: []corev1.NamespaceCondition{{
				Type: corev1.NamespaceFinalizersRemaining, Status: corev1.ConditionTrue, Message: "Some content in the namespace has finalizers remaining: example.test/x in 1 resource instances",
			}}},
		}},
		code: fairlead.CauseNamespaceGoing, message: "because it is being terminated", target: "Namespace/shop", doctor: "FLX-04",
		words: []string{"since 2026-11-26T11:00:00Z", "example.test/x"},
	}
	o.check(t)
}

func TestOthers(t *testing.T) {
	away := failure(`cluster reachability check failed: kubernetes cluster unreachable: Get "https://10.0.0.1:443/version": dial tcp 10.0.0.1:443: connect: connection refused`)
	(&one{failure: away, code: fairlead.CauseUnreachable, message: "Kubernetes cluster unreachable", doctor: "CLI-06", words: []string{"did not answer"}}).check(t)
	settings := failure(`failed parsing key "a[" with value 1`)
	settings.Step = cause.StepSettings
	(&one{failure: settings, code: fairlead.CauseInvalidSettings, message: `key "a["`, doctor: "HLM-07", words: []string{"dotted paths"}}).check(t)
	(&one{failure: failure("something new"), code: fairlead.CauseOther, message: "something new", typed: []string{"helm status web -n shop"}}).check(t)
	(&one{failure: cause.Failure{Release: "web", Namespace: "shop"}, code: fairlead.CauseOther, message: "nothing says why"}).check(t)
}

// Whatever text a protected setting is in, and however it is written there, nothing of it is returned.
func TestProtectedSettingsAreHidden(t *testing.T) {
	secret := "p\"4$$ w/rd\nof-two-lines"
	spelled := []string{secret, `p\"4$$ w/rd\nof-two-lines`, "cCI0JCQgdy9yZApvZi10d28tbGluZXM=", "of-two-lines", "p%224%24%24+w%2Frd%0Aof-two-lines"}
	f := failure("failed pre-install: resource Job/shop/pre not ready. status: Failed, message: " + strings.Join(spelled, " and "))
	f.Secrets = []string{secret, "42", ""}
	got := explainer(t, failedJob(ago(time.Minute), "BackoffLimitExceeded"), jobPod("it is "+secret+", or 42 of 1420")).Explain(t.Context(), f)
	all := strings.Join(append(slices.Concat(got.Evidence, got.Remedies), got.Message, got.Cause, got.Target), "\n")
	for _, spelling := range spelled {
		if strings.Contains(all, spelling) {
			t.Errorf("holds %q:\n%s", spelling, all)
		}
	}
	if strings.Contains(all, " 42 ") || !strings.Contains(all, "1420") {
		t.Errorf("a short setting counts where it stands alone:\n%s", all)
	}
}

func TestExplanationsAreBounded(t *testing.T) {
	got := explainer(t, web(waiting("CreateContainerConfigError", strings.Repeat("ä", 1<<20)))...).Explain(t.Context(), failure(waited+strings.Repeat("x", 1<<20)))
	size := len(got.Message) + len(got.Cause) + len(strings.Join(got.Evidence, "")) + len(strings.Join(got.Remedies, ""))
	if size > 30<<10 {
		t.Errorf("%d bytes", size)
	}
}

// Charts may have a failed Job deleted before anybody can ask. What a watcher saw of it is told all the same.
func TestWitness(t *testing.T) {
	e := explainer(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f := failure("failed pre-install: resource Job/shop/pre not ready. status: Failed, message: Job Failed. failed: 1/1")
	f.Witness = e.Watch(ctx, "shop")
	pods := e.Kube.CoreV1().Pods("shop")
	deadline := time.After(10 * time.Second)
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		if _, err := pods.Create(ctx, jobPod(""), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := pods.Delete(ctx, "pre-x", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		got := e.Explain(ctx, f)
		if got.Code == fairlead.CauseBackoffLimit && strings.Contains(got.Cause, "said: fake logs") {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%+v", got)
		}
	}
}

// The pods that failed are gone when what ran before runs again, and their names lead nowhere.
func TestAfterARollBackNobodyIsSentToPods(t *testing.T) {
	known := explainer(t, web(crashed)...).Explain(t.Context(), failure(waited))
	all := strings.Join(known.Remedies, "\n")
	if !strings.Contains(all, "kubectl describe pod web-7d4-x1 -n shop") || !strings.Contains(all, "kubectl logs web-7d4-x1 -n shop") {
		t.Fatalf("before it the remedies are\n%s", all)
	}
	known.Remedies = append(known.Remedies, "kubectl logs job/pre -n shop --all-containers --tail=50", "kubectl describe job pre -n shop")
	back := cause.PutBack(known)
	want := []string{
		"kubectl get pods -n shop", "kubectl get events -n shop --field-selector type=Warning",
		"kubectl logs job/pre -n shop --all-containers --tail=50", "kubectl describe job pre -n shop",
	}
	if !slices.Equal(back.Remedies, want) || len(known.Remedies) != len(want)+2 {
		t.Errorf("after it they are\n%s", strings.Join(back.Remedies, "\n"))
	}
}
