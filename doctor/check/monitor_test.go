package check

import (
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/probe/wire"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func monitorOracle(n *corev1.Node) { n.Status.NodeInfo.OSImage = "Oracle Linux Server 9.4" }

// monitorLacks is a DaemonSet without pods, and the event that says why.
func monitorLacks(message string) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) {
		s.DaemonSets = append(s.DaemonSets, appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "ama-logs"}, Status: appsv1.DaemonSetStatus{DesiredNumberScheduled: 1}})
		s.Events = append(s.Events, corev1.Event{
			Reason: "FailedCreate", Message: message, LastTimestamp: metav1.NewTime(extNow().Add(-time.Minute)),
			InvolvedObject: corev1.ObjectReference{Kind: "DaemonSet", Namespace: "kube-system", Name: "ama-logs"},
		})
	}
}

func monitorProbe(kernel wire.Kernel) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) {
		s.Coverage[snapshot.ProbeFromNode] = &snapshot.Coverage{Served: true, All: true}
		s.Probe = &snapshot.Probe{Node: &snapshot.Place{Where: "kube-system/probe on n1", Result: &wire.Result{Kernel: &kernel}}}
	}
}

func monitorPod(change ...func(*appsv1.Deployment, *corev1.Pod)) func(*snapshot.Snapshot) {
	named := func(_ *appsv1.Deployment, p *corev1.Pod) {
		p.Status.ContainerStatuses[0].Name, p.Spec.Containers[0].Name = "addon-token-adapter", "addon-token-adapter"
	}
	return extPair("kube-system", "ama-logs-rs", append([]func(*appsv1.Deployment, *corev1.Pod){named}, change...)...)
}

func TestMonitorRoots(t *testing.T) {
	complaint := extLog("kube-system", "ama-logs-rs-abc-x1", "addon-token-adapter",
		"error modifying iptable rules: error adding rules to custom chain: running [/sbin/iptables -t nat -N aad-metadata --wait]: exit status 3: modprobe: can't change directory to '/lib/modules': No such file or directory",
		"iptables v1.8.9 (legacy): can't initialize iptables table `nat': Table does not exist (do you need to insmod?)")
	cases := map[string]struct {
		reason  string
		objects []any
		want    []string
	}{
		"Healthy":     {"pods that run", []any{extNode("n1", monitorOracle), monitorPod()}, nil},
		"PodSecurity": {"the namespace admits no privileged pods", []any{extNode("n1"), monitorLacks(`pods "ama-logs-x" is forbidden: violates PodSecurity "baseline:latest": privileged (container "ama-logs" must not set securityContext.privileged=true)`)}, []string{"MON-01 podSecurity"}},
		"Charmed":     {"the API server admits none", []any{extNode("n1"), monitorLacks(`spec.containers[0].securityContext.privileged: Forbidden: disallowed by cluster policy`)}, []string{"MON-01 privileged"}},
		"Gatekeeper":  {"a policy about privileged pods", []any{extNode("n1"), monitorLacks(`admission webhook "validation.gatekeeper.sh" denied the request: Privileged container is not allowed: ama-logs`)}, []string{"MON-01 policy"}},
		"Module":      {"the crash goes under its cause", []any{extNode("n1", monitorOracle), monitorPod(extWaiting("CrashLoopBackOff", "")), complaint}, []string{"MON-02 missing"}},
		"ProbedOnly":  {"the probe and a pod in trouble", []any{extNode("n1", monitorOracle), monitorPod(extWaiting("CrashLoopBackOff", "")), monitorProbe(wire.Kernel{Modules: []string{"overlay"}})}, []string{"MON-02 notLoaded"}},
		"ProbedRuns":  {"pods that run need nothing", []any{extNode("n1", monitorOracle), monitorPod(), monitorProbe(wire.Kernel{Modules: []string{"overlay"}})}, nil},
		"Volatile":    {"the next boot will miss it", []any{extNode("n1", monitorOracle), monitorPod(), monitorProbe(wire.Kernel{Modules: []string{monitorModule}})}, []string{"MON-03 volatile"}},
		"Persistent":  {"a file names it", []any{extNode("n1", monitorOracle), monitorPod(), monitorProbe(wire.Kernel{Modules: []string{monitorModule}, Persistent: []string{monitorModule}})}, nil},
		"OtherSystem": {"other systems load it when asked", []any{extNode("n1"), monitorPod(), monitorProbe(wire.Kernel{Modules: []string{monitorModule}})}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := extRoots(t, extSnapshot(c.objects...)); !slices.Equal(got, c.want) {
				t.Errorf("%s: roots %q, want %q", c.reason, got, c.want)
			}
		})
	}
}

func TestMonitorSkips(t *testing.T) {
	if f := extResult(extSnapshot(extNode("n1")), "MON-02"); f.Status != doctor.Skipped || f.Key != doctor.NotInstalled {
		t.Errorf("without container insights: %s %s", f.Status, f.Key)
	}
	if f := extResult(extSnapshot(extNode("n1"), monitorPod()), "MON-03"); f.Status != doctor.Skipped || f.Key != doctor.NeedsProbe {
		t.Errorf("without a probe: %s %s", f.Status, f.Key)
	}
	unread := monitorProbe(wire.Kernel{Modules: []string{monitorModule}, Errors: map[string]string{"/host/etc/modules-load.d": "permission denied"}})
	if f := extResult(extSnapshot(extNode("n1", monitorOracle), monitorPod(), unread), "MON-03"); f.Status != doctor.Unknown {
		t.Errorf("with a folder that cannot be read: %s %s", f.Status, f.Key)
	}
}

func TestMonitorSystems(t *testing.T) {
	for image, want := range map[string]bool{
		"Oracle Linux Server 9.4": true, "Red Hat Enterprise Linux 9.2 (Plow)": true, "Rocky Linux 9.3 (Blue Onyx)": true, "Oracle Linux Server 8.9": false,
		"Debian GNU/Linux 12 (bookworm)": false, "Ubuntu 22.04.4 LTS": false, "": false,
	} {
		n := extNode("n1", func(n *corev1.Node) { n.Status.NodeInfo.OSImage = image })
		if got := monitorEnterprise(&n); got != want {
			t.Errorf("%q: %v", image, got)
		}
	}
}
