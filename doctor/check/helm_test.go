package check

import (
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func helmRelease(namespace, name, status, description string, ago time.Duration) snapshot.Release {
	return snapshot.Release{
		Namespace: namespace, Name: name, Status: status, Description: description, Storage: "Secret", Object: "sh.helm.release.v1." + name + ".v1",
		Revision: 1, Updated: extNow().Add(-ago), Read: true, Objects: []snapshot.ReleaseObject{{Kind: "Deployment", Name: name}},
	}
}

func helmBrokenJob(namespace, name string, ago time.Duration) batchv1.Job {
	return batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Annotations: map[string]string{"helm.sh/hook": "pre-install"}},
		Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{{
			Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: batchv1.JobReasonBackoffLimitExceeded,
			Message: "Job has reached the specified backoff limit", LastTransitionTime: metav1.NewTime(extNow().Add(-ago)),
		}}},
	}
}

// helmCrashedPod is what a Job leaves behind.
func helmCrashedPod(namespace, job string) corev1.Pod {
	p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: job + "-x", OwnerReferences: []metav1.OwnerReference{{Kind: "Job", Name: job, Controller: new(true)}}}}
	p.Spec.NodeName, p.Spec.RestartPolicy = "n1", corev1.RestartPolicyNever
	p.Spec.Containers = []corev1.Container{{Name: "main"}}
	p.Status = corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{{
		Name: "main", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error"}},
	}}}
	return p
}

func helmLog(text string) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) { s.Client.Log = text }
}

const (
	helmTimeout   = `Release "web" failed: context deadline exceeded`
	helmExisting  = `Error: INSTALLATION FAILED: Unable to continue with install: ConfigMap "azure-clusterconfig" in namespace "default" exists and cannot be imported into the current release: invalid ownership metadata; label validation error: missing key "app.kubernetes.io/managed-by": must be set to "Helm"; annotation validation error: missing key "meta.helm.sh/release-name": must be set to "two"; annotation validation error: missing key "meta.helm.sh/release-namespace": must be set to "shop"`
	helmNoSecret  = `secret "nope" not found`
	helmNoRoomFor = "0/1 nodes are available: 1 Insufficient memory. preemption: 0/1"
)

func TestHelmRoots(t *testing.T) {
	web := func(change ...func(*appsv1.Deployment, *corev1.Pod)) func(*snapshot.Snapshot) {
		return extPair("apps", "web", append([]func(*appsv1.Deployment, *corev1.Pod){extByHelm("web")}, change...)...)
	}
	failed := helmRelease("apps", "web", "failed", helmTimeout, 5*time.Minute)
	cases := map[string]struct {
		reason  string
		objects []any
		want    []string
	}{
		"Healthy":       {"a release that runs", []any{extNode("n1"), web(), helmRelease("apps", "web", "deployed", "Install complete", time.Hour)}, nil},
		"MissingSecret": {"the release failed because of its pod", []any{extNode("n1"), web(extWaiting("CreateContainerConfigError", helmNoSecret)), failed}, []string{"HLM-05 configError"}},
		"Crash":         {"a crash is the cause of a wait in vain", []any{extNode("n1"), web(extWaiting("CrashLoopBackOff", "")), failed}, []string{"HLM-05 crash"}},
		"NoRoom":        {"no node has as much free", []any{extNode("n1"), web(extPending(helmNoRoomFor)), failed}, []string{"HLM-03 full"}},
		"Quota":         {"a quota of the namespace", []any{extNode("n1"), web(extDenied("exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0")), failed}, []string{"HLM-03 quota"}},
		"WrongLabel":    {"a label that no node has", []any{extNode("n1"), web(extPending("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. preemption: 0/1")), failed}, []string{"HLM-04 label"}},
		"WrongImage":    {"an image of another processor", []any{extNode("n1"), web(extWaiting("RunContainerError", "exec /a: exec format error")), failed}, []string{"HLM-04 image"}},
		"WrongProgram":  {"the runtime starts it, and the kernel does not", []any{extNode("n1"), web(extWaiting("CrashLoopBackOff", "")), extLog("apps", "web-abc-x1", "main", "exec /a: exec format error"), failed}, []string{"HLM-04 image"}},
		"PolicyRefusal": {"a webhook refuses the pods of any release", []any{extNode("n1"), web(extDenied(`admission webhook "a.b.c" denied the request: no`)), failed}, []string{"EXT-03 policy"}},
		"Unready": {"no entry is about an application that is only not ready", []any{extNode("n1"), web(func(d *appsv1.Deployment, p *corev1.Pod) {
			d.Status.AvailableReplicas, p.Status.ContainerStatuses[0].Ready = 0, false
		}), failed}, []string{"HLM-01 timedOut"}},
		"UnreadyAlone": {"an application that is not ready without a failed release is its owner's", []any{extNode("n1"), web(func(d *appsv1.Deployment, p *corev1.Pod) {
			d.Status.AvailableReplicas, p.Status.ContainerStatuses[0].Ready = 0, false
		})}, nil},
		"Late": {"everything became ready after Helm had given up", []any{extNode("n1"), web(), failed}, []string{"HLM-01 lateButReady"}},
		"HookJob": {"the Job is the cause, not its pod and not the release", []any{
			extNode("n1"), helmBrokenJob("apps", "pre", time.Minute), helmCrashedPod("apps", "pre"),
			helmRelease("apps", "web", "failed", "failed pre-install: 1 error occurred:\n\t* job pre failed: BackoffLimitExceeded", time.Minute),
		}, []string{"HLM-02 job"}},
		"HookJobGone": {"its chart deletes the Job", []any{extNode("n1"), helmRelease("apps", "web", "failed", "failed pre-install: job pre failed: BackoffLimitExceeded", time.Minute)}, []string{"HLM-02 said"}},
		"OldJob":      {"the release was deployed afterwards", []any{extNode("n1"), helmBrokenJob("apps", "pre", time.Hour), helmCrashedPod("apps", "pre"), helmRelease("apps", "web", "deployed", "", time.Minute)}, nil},
		"Stuck":       {"nobody works on it any more", []any{extNode("n1"), web(), helmRelease("apps", "web", "pending-upgrade", "", 11*time.Minute)}, []string{"HLM-08 stuck"}},
		"Underway":    {"somebody may be at work", []any{extNode("n1"), web(), helmRelease("apps", "web", "pending-upgrade", "", 9*time.Minute)}, nil},
		"Download":    {"a host that cannot be reached", []any{helmLog(`Error: looks like "https://k8connecthelm.azureedge.net" is not a valid chart repository or cannot be reached: Get "https://k8connecthelm.azureedge.net/index.yaml": dial tcp 1.2.3.4:443: i/o timeout`)}, []string{"HLM-06 download"}},
		"Values":      {"a value that the chart requires", []any{helmLog("Error: INSTALLATION FAILED: execution error at (azure-arc-k8sagents/templates/all.yaml:18:40): tenantId is required")}, []string{"HLM-07 required"}},
		"Lookup": {"an object of another type of cluster", []any{helmLog(
			`template: a/templates/x.yaml:3:5: executing "a/templates/x.yaml" at <index (lookup "v1" "ConfigMap" "kube-system" "extension-manager-config").data "AZURE_TENANT_ID">: error calling index: index of untyped nil`,
		)}, []string{"HLM-07 lookup"}},
		"Exists":    {"an object of nobody", []any{helmLog(helmExisting)}, []string{"HLM-09 exists"}},
		"Extension": {"an extension passes on what Helm said", []any{extAgents(), extCustom(snapshot.ExtensionConfigs, "ExtensionConfig", extSystem, "x", map[string]any{"status": map[string]any{"state": "Failed", "message": helmExisting}})}, []string{"HLM-09 exists"}},
		"TakenByFailed": {"what made the first install fail comes first", []any{
			extNode("n1"), web(extWaiting("CreateContainerConfigError", helmNoSecret)), failed, helmLog("Error: INSTALLATION FAILED: cannot re-use a name that is still in use"),
		}, []string{"HLM-05 configError"}},
		"Taken": {"a release that is there and runs", []any{extNode("n1"), web(), helmRelease("apps", "web", "deployed", "", time.Hour), helmLog("Error: INSTALLATION FAILED: cannot re-use a name that is still in use")}, []string{"HLM-10 taken"}},
		"TwoCauses": {"two causes are two findings", []any{
			extNode("n1"), web(extWaiting("CreateContainerConfigError", helmNoSecret)), failed, extPair("other", "api", extByHelm("api"), extWaiting("CrashLoopBackOff", "")), helmRelease("other", "api", "failed", helmTimeout, time.Minute),
		}, []string{"HLM-05 configError", "HLM-05 crash"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := extRoots(t, extSnapshot(c.objects...)); !slices.Equal(got, c.want) {
				t.Errorf("%s: roots %q, want %q", c.reason, got, c.want)
			}
		})
	}
}

func TestHelmAdoption(t *testing.T) {
	f := extResult(extSnapshot(helmLog(helmExisting)), "HLM-09")
	if len(f.Objects) != 1 || f.Objects[0] != (doctor.Object{Kind: "ConfigMap", Namespace: "default", Name: "azure-clusterconfig"}) {
		t.Fatalf("objects %v", f.Objects)
	}
	var commands []string
	for _, r := range f.Remedies {
		commands = append(commands, r.Commands...)
	}
	for _, want := range []string{
		"kubectl delete configmap azure-clusterconfig -n default",
		"kubectl annotate --overwrite configmap azure-clusterconfig -n default meta.helm.sh/release-name=two meta.helm.sh/release-namespace=shop",
	} {
		if !slices.Contains(commands, want) {
			t.Errorf("%q is not among %q", want, commands)
		}
	}
}

func TestHelmOwnerOfExisting(t *testing.T) {
	s := extSnapshot(helmLog(helmExisting), corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Namespace: "default", Name: "azure-clusterconfig", Annotations: map[string]string{"meta.helm.sh/release-name": "one", "meta.helm.sh/release-namespace": "default"},
	}})
	if f := extResult(s, "HLM-09"); f.Key != "owned" || f.Args["owner"] != "default/one" {
		t.Errorf("%s %v", f.Key, f.Args)
	}
}

func TestHelmStuckGoesBack(t *testing.T) {
	r := helmRelease("apps", "web", "pending-upgrade", "", time.Hour)
	r.Deployed = 3
	f := extResult(extSnapshot(r), "HLM-08")
	if len(f.Remedies) != 1 || !strings.Contains(strings.Join(f.Remedies[0].Commands, "\n"), "helm rollback web 3 -n apps") || len(f.Remedies[0].Actions) > 0 {
		t.Errorf("remedies %+v", f.Remedies)
	}
}

func TestHelmCronJobRecovered(t *testing.T) {
	owner := []metav1.OwnerReference{{Kind: "CronJob", Name: "clean"}}
	old, later := helmBrokenJob(arcSpace, "clean-1", time.Hour), batchv1.Job{}
	old.OwnerReferences, old.CreationTimestamp = owner, metav1.NewTime(extNow().Add(-2*time.Hour))
	later.Namespace, later.Name, later.OwnerReferences, later.CreationTimestamp = arcSpace, "clean-2", owner, metav1.NewTime(extNow().Add(-time.Hour))
	later.Status.Succeeded = 1
	if f := extResult(extSnapshot(old, later), "HLM-02"); f.Status != doctor.Pass {
		t.Errorf("%s %s", f.Status, f.Key)
	}
	if f := extResult(extSnapshot(old), "HLM-02"); f.Status != doctor.Fail {
		t.Errorf("without the later run it is %s", f.Status)
	}
}
