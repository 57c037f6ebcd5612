package injection_test

import (
	"fmt"

	"github.com/fairlead/fairlead/test/injection/stage"
)

// runMonitor has the agents of container insights for as long as a case lasts.
func (b *bench) runMonitor() {
	remove := func(b *bench) {
		b.kubectl("delete", "daemonset/ama-logs", "deployment/ama-logs-rs", "-n", "kube-system", "--ignore-not-found")
	}
	b.run(map[string]injection{
		"Healthy":           {"privileged, and allowed to be", "", monitorAgents(true, "ready"), remove, nil, nil},
		"PrivilegedRefused": {"Pod Security refuses privileged pods", "MON-01", forbidPrivileged, func(b *bench) { remove(b); allowPrivileged(b) }, nil, nil},
		"ModuleMissing":     {"the kernel has no table nat", "MON-02", monitorAgents(false, noTable), remove, nil, nil},
	})
}

const noTable = "error modifying iptable rules: error adding rules to custom chain: running [/sbin/iptables -t nat -N aad-metadata --wait]: exit status 3: " +
	"iptables v1.8.9 (legacy): can't initialize iptables table `nat': Table does not exist (do you need to insmod?)"

// monitorAgents are the agents of container insights; the token adapter prints a line. When settled they have to run.
func monitorAgents(settled bool, line string) func(*bench) { //nolint:revive // read by the table
	return func(b *bench) {
		b.apply(fmt.Sprintf(`apiVersion: apps/v1
kind: DaemonSet
metadata: {name: ama-logs, namespace: kube-system}
spec:
  selector: {matchLabels: {component: ama-logs-agent}}
  template:
    metadata: {labels: {component: ama-logs-agent}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: ama-logs, image: %[1]q, args: [sleep], securityContext: {privileged: true}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ama-logs-rs, namespace: kube-system}
spec:
  selector: {matchLabels: {rsName: ama-logs-rs}}
  template:
    metadata: {labels: {rsName: ama-logs-rs}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - {name: ama-logs, image: %[1]q, args: [sleep]}
        - {name: addon-token-adapter, image: %[1]q, args: [print, %[2]q]}
`, stage.Image, line))
		if settled {
			b.kubectl("rollout", "status", "daemonset/ama-logs", "-n", "kube-system", "--timeout=30s")
			b.kubectl("rollout", "status", "deployment/ama-logs-rs", "-n", "kube-system", "--timeout=30s")
		}
	}
}

func forbidPrivileged(b *bench) {
	b.kubectl("label", "namespace", "kube-system", "pod-security.kubernetes.io/enforce=baseline", "--overwrite")
	monitorAgents(false, "ready")(b)
}

func allowPrivileged(b *bench) {
	b.kubectl("label", "namespace", "kube-system", "pod-security.kubernetes.io/enforce-")
}
