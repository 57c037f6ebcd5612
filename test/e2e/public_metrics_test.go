package e2e_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/fairlead/fairlead/test/cluster/recipe"
)

// metricsServer is the life of metrics-server. Its chart is the one of the module's own version and that of the version before, which
// differ in their own version alone; the program is one and the same, since the older chart can be told to run it.
func metricsServer(y *yard) {
	if err := y.cluster.LoadMetricsServer(y.t.Context(), y.t.Output()); err != nil {
		y.t.Fatal(err)
	}
	version, err := recipe.ModuleVersion(recipe.MetricsServer)
	if err != nil {
		y.t.Fatal(err)
	}
	p := &published{yard: y, name: "metrics-server", kind: "sigs.metrics-server", namespace: "metrics", tag: version}
	p.offersChart(recipe.MetricsServerModule, "v0.7.1") // has chart 3.12.0
	p.offersChart(recipe.MetricsServerModule, version)  // has chart 3.12.1
	tell(y.t, p.on, []part[*published]{
		{"Create", metricsCreated},
		{"Upgrade", metricsUpgraded},
		{"Reconfigure", metricsReconfigured},
		{"FailingUpgrade", metricsRolledBack},
		{"Delete", metricsDeleted},
	})
}

func metricsCreated(p *published) {
	// The kubelet's certificate is of an authority that the chart is not told of.
	p.makes("3.12.0", "--config", "image.tag="+p.tag, "args[0]=--kubelet-insecure-tls")
	p.measures()
}

func metricsUpgraded(p *published) {
	p.changes("3.12.1", "--version", "3.12.1", "--auto-upgrade", "false")
	if got := p.kubectl("get", "deployment", "metrics-server", "-n", p.namespace, "-o", `jsonpath={.metadata.labels.helm\.sh/chart}`); got != "metrics-server-3.12.1" {
		p.t.Errorf("the cluster has chart %s", got)
	}
	p.measures()
}

func metricsReconfigured(p *published) {
	p.changes("3.12.1", "--config", "metrics.enabled=true", "args[1]=--metric-resolution=20s")
	p.hasArgument("--metric-resolution=20s")
	p.hasArgument("--authorization-always-allow-paths=/metrics")
	p.measures()
}

func metricsRolledBack(p *published) {
	p.cannotPull("3.12.1", "metrics-server", p.hub.Address+"/metrics-server:v0.0.0", "image.repository="+p.hub.Address+"/metrics-server", "image.tag=v0.0.0")
	p.hasArgument("--metric-resolution=20s")
	p.measures()
	p.changes("3.12.1", "--remove-config", "image.repository", "--config", "image.tag="+p.tag)
	p.measures()
}

func metricsDeleted(p *published) {
	p.ends()
	if out, err := p.cluster.Kubectl(p.t.Context(), "top", "nodes"); err == nil {
		p.t.Errorf("kubectl top still answers:\n%s", out)
	}
}

// measures waits until Kubernetes' API of metrics answers for the node and for the agents' pods.
func (p *published) measures() {
	p.t.Helper()
	p.kubectl("wait", "--for=condition=Available", "apiservice/v1beta1.metrics.k8s.io", "--timeout=90s")
	p.eventually(2*time.Minute, func() string {
		var nodes struct {
			Items []struct{ Usage struct{ CPU, Memory string } }
		}
		out, err := p.cluster.Kubectl(p.t.Context(), "get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes")
		if err == nil {
			err = json.Unmarshal([]byte(out), &nodes)
		}
		if err != nil || len(nodes.Items) != 1 || nodes.Items[0].Usage.CPU == "" || nodes.Items[0].Usage.Memory == "" {
			return fmt.Sprintf("of nodes it says %s, %v", out, err)
		}
		return ""
	})
	if table := p.kubectl("top", "nodes"); !strings.Contains(table, p.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")) {
		p.t.Errorf("kubectl top nodes says\n%s", table)
	} else {
		p.t.Log(table)
	}
	p.eventually(2*time.Minute, func() string {
		table, err := p.cluster.Kubectl(p.t.Context(), "top", "pods", "-n", "azure-arc")
		if err != nil || !strings.Contains(table, "extension-manager-") {
			return fmt.Sprintf("of pods it says %s, %v", table, err)
		}
		return ""
	})
}

func (p *published) hasArgument(argument string) {
	p.t.Helper()
	if got := p.kubectl("get", "deployment", "metrics-server", "-n", p.namespace, "-o", "jsonpath={.spec.template.spec.containers[0].args}"); !strings.Contains(got, `"`+argument+`"`) {
		p.t.Errorf("metrics-server runs with %s, want %s among it", got, argument)
	}
}
