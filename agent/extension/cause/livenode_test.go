package cause_test

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
)

// TestOnNode is what takes a scheduler and a kubelet: why pods do not become ready, in the words of those.
func TestOnNode(t *testing.T) {
	const patience = 12 * time.Second
	unready := func(doctor string, o one) one {
		o.code, o.message, o.doctor = fairlead.CauseReadinessTimeout, timeout, doctor
		if o.target == "" {
			o.target = "Deployment/NS/web"
		}
		return o
	}
	cases := map[string]struct {
		template string
		want     one
	}{
		"Room": {
			deployment("containers: [{name: main, image: x, resources: {requests: {cpu: 64}}}]"),
			unready("HLM-03", one{words: []string{"requests cpu 64"}, seen: []string{"Insufficient cpu"}, typed: []string{"kubectl describe nodes"}}),
		},
		"Windows": {
			deployment("nodeSelector: {kubernetes.io/os: windows}"),
			unready("HLM-04", one{words: []string{"kubernetes.io/os=windows", "linux/amd64"}, seen: []string{"node affinity/selector"}}),
		},
		"Taint": {
			deployment("nodeSelector: {pool: system}"),
			unready("EXT-09", one{words: []string{"CriticalAddonsOnly"}, seen: []string{"untolerated taint {CriticalAddonsOnly: true}"}, typed: []string{"kubectl taint nodes tainted CriticalAddonsOnly:NoSchedule-"}}),
		},
		"Image": {
			deployment("containers: [{name: main, image: 'registry.invalid/none:1'}]"),
			unready("ARC-07", one{words: []string{"registry.invalid/none:1", "cannot be resolved"}, seen: []string{"registry.invalid"}}),
		},
		"Crash": {
			deployment(""),
			unready("HLM-05", one{words: []string{"Container main", "ended with code 1"}, seen: []string{"/etc/nothing"}, typed: []string{"--previous"}}),
		},
		"Secret": {
			deployment("containers: [{name: main, image: '" + nodeImage + "', env: [{name: A, valueFrom: {secretKeyRef: {name: nope, key: a}}}]}]"),
			unready("HLM-05", one{words: []string{`secret "nope" not found`}}),
		},
		"Volume": {
			"apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n---\n" +
				deployment("volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]"),
			unready("HLM-01", one{target: "PersistentVolumeClaim/NS/data", words: []string{"no storage class"}, typed: []string{"kubectl describe pvc data -n NS"}}),
		},
		"Job": {
			hook(""),
			one{code: fairlead.CauseBackoffLimit, message: "job failed: BackoffLimitExceeded", target: "Job/NS/pre", doctor: "HLM-02", words: []string{"Its pod said:", "/etc/nothing"}, seen: []string{"ended with code 1"}},
		},
		"JobDeleted": {
			hook(", helm.sh/hook-delete-policy: hook-failed"),
			one{code: fairlead.CauseBackoffLimit, message: "job failed: BackoffLimitExceeded", target: "Job/NS/pre", doctor: "HLM-02", words: []string{"Its pod said:", "/etc/nothing"}},
		},
	}
	taintedNode(newBench(t, nodeVariable))
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nodeVariable)
			b.wants(b.install("web", c.template, patience), c.want)
		})
	}
}

func hook(policy string) string {
	return "apiVersion: batch/v1\nkind: Job\nmetadata: {name: pre, annotations: {helm.sh/hook: pre-install" + policy + "}}\nspec:\n  backoffLimit: 0\n  template:\n    spec:\n      restartPolicy: Never\n" +
		"      terminationGracePeriodSeconds: 0\n" + container("")
}

// taintedNode is one that nobody runs, in a pool of its own, for as long as the test goes on.
func taintedNode(b *bench) {
	b.t.Helper()
	nodes, ctx := b.Kube.CoreV1().Nodes(), context.WithoutCancel(b.t.Context())
	node, err := nodes.Create(ctx, &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "tainted", Labels: map[string]string{"pool": "system", corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64"}},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{{Key: "CriticalAddonsOnly", Value: "true", Effect: corev1.TaintEffectNoSchedule}}},
	}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return
	}
	b.must(err)
	b.t.Cleanup(func() { b.must(nodes.Delete(ctx, "tainted", metav1.DeleteOptions{})) })
	node.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("4"), corev1.ResourceMemory: resource.MustParse("8Gi"), corev1.ResourcePods: resource.MustParse("110")}
	node.Status.Capacity = node.Status.Allocatable
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "NoKubelet", LastHeartbeatTime: metav1.Now(), LastTransitionTime: metav1.Now()}}
	node.ResourceVersion = "" // whatever the controllers have written meanwhile
	_, err = nodes.UpdateStatus(ctx, node, metav1.UpdateOptions{})
	b.must(err)
}
