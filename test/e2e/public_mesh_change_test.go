package e2e_test

import (
	"strings"
)

// reconfigured changes settings of the chart: programs are started with them anew. The mesh's own configuration, which people change
// themselves, is made from them once and never again.
func (m *mesh) reconfigured() {
	m.t.Helper()
	m.changes("1.2.4", "--config", "osm.controllerLogLevel=debug", "osm.enableEgress=true")
	for _, program := range meshPrograms() {
		if got := m.kubectl("get", "deployment", program, "-n", m.namespace, "-o", "jsonpath={.spec.template.spec.containers[0].args}"); !strings.Contains(got, `"--verbosity","debug"`) {
			m.t.Errorf("%s runs with %s", program, got)
		}
	}
	if preset := m.kubectl("get", "configmap", "preset-mesh-config", "-n", m.namespace, "-o", "jsonpath={.data}"); !strings.Contains(preset, `\"enableEgress\": true`) {
		m.t.Errorf("a new mesh would be made from %s", preset)
	}
	m.setting(".spec.traffic.enableEgress", "false")
	m.works("v1.2.4")
}

// broken breaks the mesh as the guide describes, and wants doctor to find it.
func (m *mesh) broken() {
	m.t.Helper()
	m.kubectl("scale", "deployment", "osm-injector", "-n", m.namespace, "--replicas=0")
	m.becomesRoot("OSM-07", "OSM")
	if problem := m.uninjected(); !strings.Contains(problem, `failed calling webhook "osm-inject.k8s.io"`) {
		m.t.Errorf("without an injector a pod meets %q", problem)
	}
	m.kubectl("scale", "deployment", "osm-injector", "-n", m.namespace, "--replicas=1")
	m.kubectl("rollout", "status", "deployment/osm-injector", "-n", m.namespace, "--timeout=90s")
	m.becomesHealthy("OSM")
	m.configures(`{"spec":{"certificate":{"serviceCertValidityDuration":"1 day"}}}`)
	m.becomesRoot("OSM-20", "OSM")
	m.configures(`{"spec":{"certificate":{"serviceCertValidityDuration":"24h"}}}`)
	m.becomesHealthy("OSM")
}

// configures patches the mesh's configuration as the guide does.
func (m *mesh) configures(patch string) {
	m.t.Helper()
	m.kubectl("patch", "meshconfig", "osm-mesh-config", "-n", m.namespace, "--type=merge", "-p", patch)
}

// leaves deletes the extension. What the programs have made is for the chart's own hook to remove, which leaves the definitions: with
// them would go what people have written.
func (m *mesh) leaves() {
	m.t.Helper()
	m.endsButForWebhooks()
	if left := m.webhooks(); len(left) != 0 {
		m.t.Errorf("the hook of the chart has left %v", left)
	}
	m.becomesHealthy("OSM", "EXT", "HLM")
}

// leavesAfterUpgrade is leaves for a mesh that was upgraded. Its webhooks keep the label of the version that made them, and the hook of
// the chart looks for those of its own version: whoever uninstalls it has to remove them, as doctor says.
func (m *mesh) leavesAfterUpgrade() {
	m.t.Helper()
	m.endsButForWebhooks()
	left := m.webhooks()
	if len(left) != 2 {
		m.t.Errorf("of an upgraded mesh the hook of the chart has left the webhooks %v", left)
	}
	if problem := m.uninjected(); !strings.Contains(problem, `failed calling webhook "osm-inject.k8s.io"`) {
		m.t.Errorf("with the webhook that is left a pod meets %q", problem)
	}
	if said := strings.Join(m.doctor("OSM").problems(), "\n"); len(strings.Split(said, "\n")) != 2 || !strings.Contains(said, "OSM-13 fail ") || !strings.Contains(said, "OSM-14 fail ") {
		m.t.Errorf("of the webhooks that are left doctor says\n%s", said)
	}
	m.kubectl(append([]string{"delete"}, left...)...)
	m.becomesHealthy("OSM", "EXT", "HLM")
}

func (m *mesh) endsButForWebhooks() {
	m.t.Helper()
	m.ends()
	if left := m.kubectl("get", "meshconfigs,configmaps,secrets", "-n", m.namespace, "-o", "name"); strings.TrimSpace(strings.ReplaceAll(left, "configmap/kube-root-ca.crt", "")) != "" {
		m.t.Errorf("the hook of the chart has left %s", left)
	}
	definitions := m.kubectl("get", "customresourcedefinitions", "-l", "app.kubernetes.io/name=openservicemesh.io", "-o", "name")
	if count := len(strings.Fields(definitions)); count != 10 {
		m.t.Errorf("%d definitions are left, want the ten of the mesh:\n%s", count, definitions)
	}
}
