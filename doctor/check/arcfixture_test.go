package check

import (
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// arcNow is when the snapshots of these tests were taken.
func arcNow() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// arcSeen is a cluster of which everything was read and nothing is there.
func arcSeen() *snapshot.Snapshot {
	s := &snapshot.Snapshot{
		Version: snapshot.Version, Taken: arcNow(), Coverage: map[snapshot.Resource]*snapshot.Coverage{}, Custom: map[snapshot.Resource][]unstructured.Unstructured{},
		Server: snapshot.Server{Version: "v1.34.1", Date: arcNow(), Groups: []string{"apps"}},
		Client: snapshot.Client{
			Context: "edge", Server: "https://10.0.0.1:6443", User: "admin",
			Reach:  []snapshot.Stage{{Name: "dns", OK: true}, {Name: "tcp", OK: true}, {Name: "tls", OK: true}, {Name: "version", OK: true}},
			Rights: []snapshot.Right{{Verb: "list", Resource: "secrets", Allowed: true}},
		},
		Namespaces: []corev1.Namespace{{ObjectMeta: metav1.ObjectMeta{Name: "kube-system"}}},
	}
	for _, check := range All() {
		for _, need := range slices.Concat(check.Needs, check.Uses, check.AppliesNeeds) {
			if need.Resource != snapshot.ProbeFromPod && need.Resource != snapshot.ProbeFromNode {
				s.Coverage[need.Resource] = &snapshot.Coverage{Served: true, All: true}
			}
		}
	}
	for _, r := range []snapshot.Resource{snapshot.ClusterVersions, snapshot.SecurityContexts} {
		s.Coverage[r] = &snapshot.Coverage{}
	}
	s.Coverage[snapshot.Logs] = &snapshot.Coverage{Served: true, All: true}
	node := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1", Labels: map[string]string{"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}}}
	node.Status.Allocatable = corev1.ResourceList{"cpu": resource.MustParse("4"), "memory": resource.MustParse("8Gi"), "pods": resource.MustParse("110")}
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	s.Nodes = []corev1.Node{node}
	return s
}

// arcAzure is a healthy cluster of Azure Arc.
func arcAzure() *snapshot.Snapshot {
	s := arcConnected(map[string]string{
		fairlead.KeySubscription: "sub-1", fairlead.KeyResourceGroup: "shops", fairlead.KeyResourceName: "edge-1", "AZURE_ARC_AGENT_VERSION": "1.29.3",
	}, "1.29.3", "cluster-metadata-operator", "clusterconnect-agent", "clusteridentityoperator", "config-agent", "controller-manager", "extension-events-collector",
		"extension-manager", "flux-logs-agent", "kube-aad-proxy", "metrics-agent", "resource-sync-agent")
	proxy, _ := arcDeployment(s, arcProxy)
	proxy.Spec.Template.Spec.Volumes = []corev1.Volume{{Name: "cert", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: arcProxySecret}}}}
	s.Secrets = append(s.Secrets, arcSecretMeta(arcProxySecret, nil))
	return s
}

// arcFairlead is a healthy cluster of a hub of Fairlead.
func arcFairlead(agents ...string) *snapshot.Snapshot {
	return arcConnected(map[string]string{
		fairlead.KeySubscription: "sub-1", fairlead.KeyResourceGroup: "shops", fairlead.KeyResourceName: "edge-1", fairlead.KeyDataPlane: "https://hub.example.com",
		"AZURE_ARC_AGENT_VERSION": fairlead.Version,
	}, fairlead.Version, agents...)
}

func arcFairleadAgents() []string {
	return []string{"clusteridentityoperator", "cluster-metadata-operator", "config-agent", "controller-manager", "metrics-agent"}
}

func arcConnected(config map[string]string, version string, agents ...string) *snapshot.Snapshot {
	s := arcSeen()
	s.Namespaces = append(s.Namespaces, corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: arcSpace}})
	s.ConfigMaps = []corev1.ConfigMap{{ObjectMeta: metav1.ObjectMeta{Namespace: arcSpace, Name: fairlead.ClusterConfigMap}, Data: config}}
	release := snapshot.Release{
		Namespace: "azure-arc-release", Name: "azure-arc", Revision: 1, Deployed: 1, Status: "deployed", Storage: "Secret", Object: "sh.helm.release.v1.azure-arc.v1",
		Updated: arcNow().Add(-24 * time.Hour), Read: true, Chart: "azure-arc-k8sagents", ChartVersion: version,
	}
	for _, name := range agents {
		arcAddAgent(s, name)
		release.Objects = append(release.Objects, snapshot.ReleaseObject{Kind: "Deployment", Namespace: arcSpace, Name: name})
	}
	s.Releases = []snapshot.Release{release}
	s.Secrets = []metav1.PartialObjectMetadata{arcSecretMeta(fairlead.IdentitySecret, nil)}
	s.Certificates = []snapshot.Certificate{
		{
			Namespace: arcSpace, Secret: fairlead.IdentitySecret, Key: "tls.crt", Subject: "CN=edge-1",
			NotBefore: arcNow().Add(-20 * 24 * time.Hour), NotAfter: arcNow().Add(70 * 24 * time.Hour),
		},
	}
	return s
}

func arcSecretMeta(name string, notes map[string]string) metav1.PartialObjectMetadata {
	return metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: arcSpace, Name: name, Annotations: notes}}
}

// arcAddAgent adds a Deployment with its ReplicaSet and a pod that is ready.
func arcAddAgent(s *snapshot.Snapshot, name string) {
	old, one, yes := metav1.NewTime(arcNow().Add(-24*time.Hour)), int32(1), true
	labels := map[string]string{"app.kubernetes.io/component": name, "app.kubernetes.io/managed-by": "Helm"}
	notes := map[string]string{"meta.helm.sh/release-name": "azure-arc", "meta.helm.sh/release-namespace": "azure-arc-release"}
	meta := metav1.ObjectMeta{Namespace: arcSpace, Name: name, Labels: labels, Annotations: notes, CreationTimestamp: old}
	s.Deployments = append(s.Deployments, appsv1.Deployment{
		ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Replicas: &one},
		Status: appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1},
	})
	set := metav1.ObjectMeta{Namespace: arcSpace, Name: name + "-5d8f", CreationTimestamp: old, OwnerReferences: []metav1.OwnerReference{{Kind: "Deployment", Name: name, Controller: &yes}}}
	s.ReplicaSets = append(s.ReplicaSets, appsv1.ReplicaSet{ObjectMeta: set})
	pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: arcSpace, Name: name + "-5d8f-x", Labels: map[string]string{"app.kubernetes.io/component": name}, CreationTimestamp: old,
		OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: set.Name, Controller: &yes}},
	}}
	pod.Spec = corev1.PodSpec{NodeName: "node-1", RestartPolicy: corev1.RestartPolicyAlways, Containers: []corev1.Container{{Name: name, Image: "mcr.microsoft.com/azurearck8s/" + name + ":1.29.3"}}}
	pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
		Name: name, Image: pod.Spec.Containers[0].Image, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: old}},
	}}}
	s.Pods = append(s.Pods, pod)
}

// arcBreak makes an agent's pod, and what its Deployment counts, as a test wants it.
func arcBreak(s *snapshot.Snapshot, name string, change func(*corev1.Pod)) {
	d, _ := arcDeployment(s, name)
	d.Status.AvailableReplicas, d.Status.ReadyReplicas = 0, 0
	for i := range s.Pods {
		if s.Pods[i].Namespace == arcSpace && s.Pods[i].Labels["app.kubernetes.io/component"] == name {
			s.Pods[i].Status.ContainerStatuses[0].Ready = false
			change(&s.Pods[i])
		}
	}
}

func arcWaits(reason, message string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Status.Phase = corev1.PodPending
		pod.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	}
}

func arcCrashes(pod *corev1.Pod) {
	status := &pod.Status.ContainerStatuses[0]
	status.RestartCount = 5
	status.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
	status.LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: 1, Reason: "Error", StartedAt: metav1.NewTime(arcNow().Add(-50 * time.Second)), FinishedAt: metav1.NewTime(arcNow().Add(-40 * time.Second)),
	}}
}

func arcUnschedulable(message string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Spec.NodeName, pod.Status.Phase, pod.Status.ContainerStatuses = "", corev1.PodPending, nil
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: message}}
	}
}

// arcUnmake takes an agent's pods away and says why there are none.
func arcUnmake(s *snapshot.Snapshot, name, message string) {
	d, _ := arcDeployment(s, name)
	d.Status = appsv1.DeploymentStatus{Conditions: []appsv1.DeploymentCondition{{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: message}}}
	s.Pods = slices.DeleteFunc(s.Pods, func(p corev1.Pod) bool { return p.Labels["app.kubernetes.io/component"] == name })
}

func arcDelete(s *snapshot.Snapshot, name string) {
	s.Deployments = slices.DeleteFunc(s.Deployments, func(d appsv1.Deployment) bool { return d.Name == name })
	s.ReplicaSets = slices.DeleteFunc(s.ReplicaSets, func(r appsv1.ReplicaSet) bool { return r.OwnerReferences[0].Name == name })
	s.Pods = slices.DeleteFunc(s.Pods, func(p corev1.Pod) bool { return p.Labels["app.kubernetes.io/component"] == name })
}

func arcWithoutSecret(s *snapshot.Snapshot, name string) {
	s.Secrets = slices.DeleteFunc(s.Secrets, func(o metav1.PartialObjectMetadata) bool { return o.Name == name })
	s.Certificates = slices.DeleteFunc(s.Certificates, func(c snapshot.Certificate) bool { return c.Secret == name })
}

func arcForbid(s *snapshot.Snapshot, resources ...snapshot.Resource) {
	for _, r := range resources {
		s.Coverage[r] = &snapshot.Coverage{Served: true, Gaps: []snapshot.Gap{{Need: snapshot.Everywhere(r), Reason: snapshot.Forbidden}}}
	}
}

// arcProblems judges with every check there is and shows id, status, key and cause of what is wrong.
func arcProblems(s *snapshot.Snapshot) []string {
	var shown []string
	for _, f := range doctor.Evaluate(All(), s, nil) {
		if f.Problem() {
			text := f.ID + " " + string(f.Status) + " " + f.Key
			if f.CausedBy != "" {
				text += " <- " + f.CausedBy
			}
			shown = append(shown, text)
		}
	}
	return shown
}

func arcFinding(s *snapshot.Snapshot, id string, asked ...string) doctor.Finding {
	for _, f := range doctor.Evaluate(All(), s, asked) {
		if f.ID == id {
			return f
		}
	}
	return doctor.Finding{}
}
