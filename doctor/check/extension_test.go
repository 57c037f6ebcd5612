package check

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/catalogue"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// extNow is when the snapshots of these tests were taken.
func extNow() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// extSnapshot holds objects of which everything could be read.
func extSnapshot(objects ...any) *snapshot.Snapshot {
	s := &snapshot.Snapshot{Taken: extNow(), Coverage: map[snapshot.Resource]*snapshot.Coverage{}, Custom: map[snapshot.Resource][]unstructured.Unstructured{}}
	needs, _ := doctor.Needs(slices.Concat(extension(), helm(), flux(), monitor()))
	for _, need := range append(needs, snapshot.Everywhere(snapshot.Logs)) {
		if need.Resource != snapshot.ProbeFromNode && need.Resource != snapshot.ProbeFromPod {
			s.Coverage[need.Resource] = &snapshot.Coverage{Served: true, All: true}
		}
	}
	for _, resource := range snapshot.CustomResources() {
		s.Coverage[resource] = &snapshot.Coverage{All: true}
	}
	for _, object := range objects {
		extPut(s, object)
	}
	return s
}

func extPut(s *snapshot.Snapshot, object any) {
	switch o := object.(type) {
	case corev1.Pod:
		s.Pods = append(s.Pods, o)
	case corev1.Node:
		s.Nodes = append(s.Nodes, o)
	case corev1.Namespace:
		s.Namespaces = append(s.Namespaces, o)
	case corev1.Event:
		s.Events = append(s.Events, o)
	case corev1.LimitRange:
		s.LimitRanges = append(s.LimitRanges, o)
	case corev1.ResourceQuota:
		s.ResourceQuotas = append(s.ResourceQuotas, o)
	case corev1.ConfigMap:
		s.ConfigMaps = append(s.ConfigMaps, o)
	case appsv1.Deployment:
		s.Deployments = append(s.Deployments, o)
	case appsv1.DaemonSet:
		s.DaemonSets = append(s.DaemonSets, o)
	case batchv1.Job:
		s.Jobs = append(s.Jobs, o)
	case snapshot.Log:
		s.Logs = append(s.Logs, o)
	case snapshot.Release:
		s.Releases = append(s.Releases, o)
	case snapshot.Trial:
		s.Trials = append(s.Trials, o)
	case func(*snapshot.Snapshot):
		o(s)
	}
}

// extPair is a Deployment and its pod, both healthy until an option says otherwise.
func extPair(namespace, name string, change ...func(*appsv1.Deployment, *corev1.Pod)) func(*snapshot.Snapshot) {
	labels := map[string]string{"app": name, "pod-template-hash": "abc"}
	d := appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name, CreationTimestamp: metav1.NewTime(extNow().Add(-time.Hour)),
		Labels: map[string]string{}, Annotations: map[string]string{},
	}}
	d.Spec.Template.Labels = labels
	d.Status = appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1, ReadyReplicas: 1}
	p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name + "-abc-x1", Labels: labels, CreationTimestamp: metav1.NewTime(extNow().Add(-time.Hour)),
		OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: name + "-abc"}},
	}}
	p.Spec.NodeName = "n1"
	p.Spec.Containers = []corev1.Container{{Name: "main", Image: "example.test/" + name + ":1"}}
	p.Status = corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
		Name: "main", Image: "example.test/" + name + ":1", Ready: true,
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(extNow().Add(-time.Hour))}},
	}}}
	for _, c := range change {
		c(&d, &p)
	}
	return func(s *snapshot.Snapshot) {
		s.Deployments = append(s.Deployments, d)
		if p.Name != "" {
			s.Pods = append(s.Pods, p)
		}
	}
}

func extPending(message string) func(*appsv1.Deployment, *corev1.Pod) {
	return func(d *appsv1.Deployment, p *corev1.Pod) {
		d.Status.AvailableReplicas, d.Status.ReadyReplicas = 0, 0
		p.Spec.NodeName = ""
		p.Status = corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: message,
			LastTransitionTime: metav1.NewTime(extNow().Add(-time.Minute)),
		}}}
	}
}

func extWaiting(reason, message string) func(*appsv1.Deployment, *corev1.Pod) {
	return func(d *appsv1.Deployment, p *corev1.Pod) {
		d.Status.AvailableReplicas, d.Status.ReadyReplicas = 0, 0
		p.Status.Phase = corev1.PodPending
		p.Status.ContainerStatuses[0].Ready = false
		p.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
		if reason == "CrashLoopBackOff" {
			p.Status.Phase = corev1.PodRunning
			p.Status.ContainerStatuses[0].RestartCount = 3
			p.Status.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error"}
		}
	}
}

// extDenied is a Deployment whose pods the API server refuses.
func extDenied(message string) func(*appsv1.Deployment, *corev1.Pod) {
	return func(d *appsv1.Deployment, p *corev1.Pod) {
		*p = corev1.Pod{}
		d.Status = appsv1.DeploymentStatus{Conditions: []appsv1.DeploymentCondition{{
			Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: message,
		}}}
	}
}

func extByHelm(release string) func(*appsv1.Deployment, *corev1.Pod) {
	return func(d *appsv1.Deployment, _ *corev1.Pod) {
		d.Labels["app.kubernetes.io/managed-by"] = "Helm"
		d.Annotations["meta.helm.sh/release-name"], d.Annotations["meta.helm.sh/release-namespace"] = release, d.Namespace
	}
}

func extNode(name string, change ...func(*corev1.Node)) corev1.Node {
	n := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64"}}}
	n.Status.Allocatable = corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("2"), corev1.ResourceMemory: resource.MustParse("4Gi"), corev1.ResourcePods: resource.MustParse("110"),
	}
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	for _, c := range change {
		c(&n)
	}
	return n
}

func extCritical(n *corev1.Node) {
	n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: extCriticalTaint, Value: "true", Effect: corev1.TaintEffectNoSchedule})
}

func extPool(pool string) func(*corev1.Node) {
	return func(n *corev1.Node) {
		n.Labels["kubernetes.azure.com/agentpool"], n.Labels["kubernetes.azure.com/cluster"] = pool, "c"
	}
}

func extLog(namespace, pod, container string, lines ...string) snapshot.Log {
	return snapshot.Log{Namespace: namespace, Pod: pod, Container: container, Text: strings.Join(lines, "\n")}
}

// extSays is an agent's line so long before the snapshot was taken.
func extSays(ago time.Duration, message string) string {
	return `{"Message":"` + message + `","LogType":"ConfigAgentTrace","LogLevel":"Information","AgentName":"ConfigAgent","AgentTimestamp":"` +
		extNow().Add(-ago).Format("2006/01/02 15:04:05.000") + `"}`
}

func extCustom(r snapshot.Resource, kind, namespace, name string, fields map[string]any) func(*snapshot.Snapshot) {
	object := map[string]any{"kind": kind, "metadata": map[string]any{
		"namespace": namespace, "name": name, "creationTimestamp": extNow().Add(-time.Hour).Format(time.RFC3339), "generation": int64(1),
	}}
	for key, value := range fields {
		if meta, ok := value.(map[string]any); ok && key == "metadata" {
			maps.Copy(object["metadata"].(map[string]any), meta)
			continue
		}
		object[key] = value
	}
	return func(s *snapshot.Snapshot) {
		s.Coverage[r] = &snapshot.Coverage{Served: true, All: true}
		s.Custom[r] = append(s.Custom[r], unstructured.Unstructured{Object: object})
	}
}

// extRoots evaluates all checks and returns the ids of the root causes with their keys, sorted, each once.
func extRoots(t *testing.T, s *snapshot.Snapshot) []string {
	t.Helper()
	checks := slices.DeleteFunc(All(), func(c doctor.Check) bool { return c.ID == "ARC-01" })
	words, err := catalogue.Open(catalogue.English)
	if err != nil {
		t.Fatal(err)
	}
	var roots []string
	for _, f := range doctor.Evaluate(checks, s, nil) {
		extComplete(t, words, f)
		if f.Root() {
			if text := f.ID + " " + f.Key; !slices.Contains(roots, text) {
				roots = append(roots, text)
			}
		}
	}
	slices.Sort(roots)
	return roots
}

// extComplete fails when a finding of these areas would be shown with a hole in it.
func extComplete(t *testing.T, words *catalogue.Catalogue, f doctor.Finding) {
	t.Helper()
	if !slices.Contains([]string{"EXT", "HLM", "FLX", "MON"}, doctor.Area(f.ID)) || f.ID == "EXT-07" || f.ID == "EXT-08" || f.Key == "" || strings.HasPrefix(f.Key, "skip") || strings.HasPrefix(f.Key, "unknown") {
		return
	}
	text := words.Reason(f.ID, f.Key, f.Args)
	for _, r := range f.Remedies {
		text += " " + words.Remedy(f.ID, r.Key, r.Args)
	}
	if strings.Contains(text, "[") || strings.Contains(text, "{") {
		t.Errorf("%s %s: %s", f.ID, f.Key, text)
	}
	if f.Problem() && len(f.Evidence) == 0 {
		t.Errorf("%s %s has no evidence", f.ID, f.Key)
	}
}

// extResult returns what one check found.
func extResult(s *snapshot.Snapshot, id string, asked ...string) doctor.Finding {
	for _, f := range doctor.Evaluate(All(), s, asked) {
		if f.ID == id {
			return f
		}
	}
	return doctor.Finding{}
}

const (
	extOnlyTaint = "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint {CriticalAddonsOnly: true}. no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
	extAnswered  = "GET configurations returned response code {200}"
	extRefusal   = `2024/02/07 06:04:43 \"Errorcode: 403, Message This traffic is not authorized., Target /subscriptions/s/getPendingConfigs\"`
	extBlocked   = `Failed to GET configurations with err : {Get \"https://westeurope.dp.kubernetesconfiguration.azure.com/x\": dial tcp 20.1.2.3:443: i/o timeout}`
)

func extAgents(change ...func(*appsv1.Deployment, *corev1.Pod)) func(*snapshot.Snapshot) {
	return extPair(extSystem, "extension-agent", change...)
}

func TestExtensionRoots(t *testing.T) {
	agentLog := func(lines ...string) snapshot.Log {
		return extLog(extSystem, "extension-agent-abc-x1", "main", lines...)
	}
	cases := map[string]struct {
		reason  string
		objects []any
		want    []string
	}{
		"Healthy": {"agents that run and are answered", []any{extNode("n1", extPool("a")), extAgents(), agentLog(extSays(time.Minute, extAnswered))}, nil},
		"NoRoom":  {"the scheduler says so", []any{extNode("n1"), extAgents(extPending("0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1"))}, []string{"EXT-02 insufficient"}},
		"Quota": {"a quota of no pods", []any{extNode("n1"), extAgents(extDenied(`pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0`))}, []string{
			"EXT-02 quota",
		}},
		"Crash": {"agents of AKS have no entry of their own for that", []any{extNode("n1"), extAgents(extWaiting("CrashLoopBackOff", ""))}, []string{"EXT-02 crash"}},
		"Policy": {"the policy is named", []any{extNode("n1"), extAgents(extDenied(`pods "x" is forbidden: ValidatingAdmissionPolicy 'no-agents' with binding 'b' denied request: no`))}, []string{
			"EXT-03 policy",
		}},
		"Taint":    {"another taint than that of AKS", []any{extNode("n1"), extAgents(extPending("0/1 nodes are available: 1 node(s) had untolerated taint {team: a}. preemption: 0/1"))}, []string{"EXT-04 taint"}},
		"Critical": {"the taint of AKS, and not one more finding for the only pool", []any{extNode("n1", extPool("a"), extCritical), extAgents(extPending(extOnlyTaint))}, []string{"EXT-09 pending"}},
		"CriticalHelm": {"any pod that Helm manages", []any{extNode("n1", extCritical), extPair("apps", "dapr", extByHelm("dapr"), extPending(extOnlyTaint))}, []string{
			"EXT-09 pending",
		}},
		"Plain":    {"pods that nobody installed with Helm are none of our business", []any{extNode("n1"), extPair("apps", "web", extPending(extOnlyTaint))}, nil},
		"OnlyPool": {"one pool with the taint, and nothing waits", []any{extNode("n1", extPool("a"), extCritical)}, []string{"EXT-10 onlyPool"}},
		"TwoPools": {"the second pool takes applications", []any{extNode("n1", extPool("a"), extCritical), extNode("n2", extPool("b"))}, nil},
		"Refused": {"403 after the last answer", []any{extNode("n1"), extAgents(), agentLog(extSays(9*time.Minute, extAnswered), extSays(2*time.Minute, extRefusal), extSays(time.Minute, `Failed to GET configurations with err : {\u003cnil\u003e}`))}, []string{
			"EXT-06 unauthorized",
		}},
		"RefusedOnce":   {"an old 403 is history", []any{extNode("n1"), extAgents(), agentLog(extSays(9*time.Minute, extRefusal), extSays(time.Minute, extAnswered))}, nil},
		"RefusedByTime": {"the time of the lines counts, not their order", []any{extNode("n1"), extAgents(), agentLog(extSays(time.Minute, extAnswered), extSays(9*time.Minute, extRefusal))}, nil},
		"RefusedBroken": {"the guide's line lacks a quote and is older than the container", []any{extNode("n1"), extAgents(), agentLog(
			`{  "Message": "2024/02/07 06:04:43 \"Errorcode: 403, Message This traffic is not authorized., Target /subscriptions/x\"",  "LogType": "ConfigAgentTrace",  "Location": "<region>,  "AgentTimestamp": "2024/02/07 06:04:43.672"  }`,
		)}, []string{"EXT-06 unauthorized"}},
		"Blocked": {"nothing but time-outs since the last answer", []any{extNode("n1"), extAgents(), agentLog(
			extSays(20*time.Minute, extAnswered), extSays(5*time.Minute, extBlocked), extSays(3*time.Minute, extBlocked), extSays(time.Minute, extBlocked),
		)}, []string{"EXT-05 blocked"}},
		"Never":    {"no answer at all", []any{extNode("n1"), extAgents(), agentLog(extSays(5*time.Minute, extBlocked), extSays(3*time.Minute, extBlocked), extSays(time.Minute, extBlocked))}, []string{"EXT-05 neverAnswered"}},
		"Starting": {"three failures within seconds are a start", []any{extNode("n1"), extAgents(), agentLog(extSays(9*time.Second, extBlocked), extSays(7*time.Second, extBlocked), extSays(3*time.Second, extBlocked))}, nil},
		"Silent":   {"an agent that asks every few minutes and has not for twenty", []any{extNode("n1"), extAgents(), agentLog(extSays(20*time.Minute, extAnswered))}, []string{"EXT-05 silent"}},
		"Replayed": {"lines that are older than the container tell no time", []any{extNode("n1"), extAgents(), agentLog(extSays(20*time.Hour, extAnswered))}, nil},
		"OtherLog": {"an agent that never says such a thing", []any{extNode("n1"), extAgents(), agentLog(extSays(time.Minute, "hello"))}, nil},
		"Umbrella": {"the client's message goes under its cause", []any{
			extNode("n1"), extAgents(extWaiting("CrashLoopBackOff", "")), func(s *snapshot.Snapshot) { s.Client.Log = "Error: Unable to get a response from the agent in time" },
		}, []string{"EXT-02 crash"}},
		"UmbrellaAlone": {"an extension that says so itself", []any{extNode("n1"), extAgents(), extCustom(snapshot.ExtensionConfigs, "ExtensionConfig", extSystem, "x", map[string]any{
			"status": map[string]any{"status": "Failed", "message": "Unable to get a response from the agent in time"},
		})}, []string{"EXT-01 status"}},
		"WrongSystem": {"a selector that no node answers", []any{extNode("n1"), extPair("apps", "win", extByHelm("win"), extPending("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. preemption: 0/1"), func(_ *appsv1.Deployment, p *corev1.Pod) {
			p.Spec.NodeSelector = map[string]string{corev1.LabelOSStable: "windows"}
		})}, []string{"HLM-04 os"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := extRoots(t, extSnapshot(c.objects...)); !slices.Equal(got, c.want) {
				t.Errorf("%s: roots %q, want %q", c.reason, got, c.want)
			}
		})
	}
}

func TestExtensionOwnAgentIsHealthy(t *testing.T) {
	s := extSnapshot(
		extNode("n1"), extPair(arcSpace, "config-agent"),
		corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: arcSpace, Name: "azure-clusterconfig"}, Data: map[string]string{"CONFIG_DP_ENDPOINT": "https://hub.test"}},
		extLog(arcSpace, "config-agent-abc-x1", "main", extSays(50*time.Minute, extBlocked), extSays(2*time.Minute, extAnswered+", changed {false}")),
	)
	for _, c := range slices.Concat(extension(), helm(), flux(), monitor()) {
		if f := extResult(s, c.ID); f.Problem() || f.Status == doctor.Unknown {
			t.Errorf("%s is %s: %s %v", c.ID, f.Status, f.Key, f.Args)
		}
	}
}

func TestExtensionUnseenIsUnknown(t *testing.T) {
	s := extSnapshot(extNode("n1"), extAgents())
	s.Coverage[snapshot.Pods] = &snapshot.Coverage{Served: true, Gaps: []snapshot.Gap{{Need: snapshot.Everywhere(snapshot.Pods), Reason: snapshot.Forbidden}}}
	s.Pods = nil
	for _, id := range []string{"EXT-02", "EXT-03", "EXT-04", "EXT-05", "EXT-06", "EXT-09", "HLM-03", "HLM-04", "HLM-05"} {
		if f := extResult(s, id); f.Status != doctor.Unknown {
			t.Errorf("%s is %s although no pod could be read", id, f.Status)
		}
	}
}

func TestExtensionEmptySnapshot(t *testing.T) {
	for _, f := range doctor.Evaluate(slices.Concat(extension(), helm(), flux(), monitor()), &snapshot.Snapshot{}, []string{"FLX", "MON", "EXT", "HLM"}) {
		if f.Problem() || f.Status == doctor.Pass {
			t.Errorf("%s is %s of nothing", f.ID, f.Status)
		}
	}
}
