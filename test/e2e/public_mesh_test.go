package e2e_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/cluster/engine"
	"github.com/fairlead/fairlead/test/cluster/recipe"
)

// mesh is Open Service Mesh as an extension. Its data plane is not among it: Envoy cannot be built here, so no pod with a sidecar runs.
type mesh struct{ *published }

func (m *mesh) on(t *testing.T) *mesh { return &mesh{m.published.on(t)} }

// openServiceMesh is the life of the mesh. Its charts are those of the module's own version and of the version before; the programs are
// those of the former, since the older chart can be told to run them.
func openServiceMesh(y *yard) {
	if err := y.cluster.LoadMesh(y.t.Context(), y.t.Output()); err != nil {
		y.t.Fatal(err)
	}
	version, err := recipe.ModuleVersion(recipe.OSMController)
	if err != nil {
		y.t.Fatal(err)
	}
	m := &mesh{&published{yard: y, name: "osm", kind: "microsoft.openservicemesh", namespace: "arc-osm-system", tag: version}}
	m.offersChart(recipe.OSMModule, "v1.2.3")
	m.offersChart(recipe.OSMModule, version)
	tell(y.t, m.on, []part[*mesh]{
		{"Create", (*mesh).created},
		{"Upgrade", (*mesh).upgraded},
		{"Reconfigure", (*mesh).reconfigured},
		{"Break", (*mesh).broken},
		{"FailingUpgrade", (*mesh).rolledBack},
		{"DeleteUpgraded", (*mesh).leavesAfterUpgrade},
		{"CreateAnew", (*mesh).createdAnew},
		{"Delete", (*mesh).leaves},
	})
}

func (m *mesh) created() {
	m.makes("1.2.3", append([]string{"--config", "osm.image.tag=" + m.tag, "osm.enableEgress=false"}, meshSettings()...)...)
	m.works("v1.2.3")
	m.setting(".spec.traffic.enableEgress", "false")
	m.becomesHealthy("OSM", "EXT", "HLM")
}

func (m *mesh) upgraded() {
	m.changes("1.2.4", "--version", "1.2.4", "--auto-upgrade", "false")
	m.works("v1.2.4")
}

func (m *mesh) rolledBack() {
	m.cannotPull("1.2.4", "osm-bootstrap", m.hub.Address+"/osm-bootstrap:v9.9.9", "osm.image.registry="+m.hub.Address, "osm.image.tag=v9.9.9")
	m.works("v1.2.4")
	m.changes("1.2.4", "--remove-config", "osm.image.registry", "--config", "osm.image.tag="+m.tag)
	m.works("v1.2.4")
	m.becomesHealthy("OSM", "EXT", "HLM")
}

func (m *mesh) createdAnew() {
	m.makes("1.2.4", append([]string{"--config", "osm.image.tag=" + m.tag}, meshSettings()...)...)
	m.works("v1.2.4")
}

// meshSettings makes the mesh small enough for a node of two processors, and its webhook that of Arc.
func meshSettings() []string {
	return []string{
		"osm.curlImage=" + engine.MeshCurlImage, "osm.webhookConfigNamePrefix=arc-osm-webhook", "osm.osmController.resource.requests.cpu=50m",
		"osm.injector.resource.requests.cpu=50m", "osm.osmBootstrap.resource.requests.cpu=50m",
	}
}

func meshPrograms() []string { return []string{"osm-bootstrap", "osm-controller", "osm-injector"} }

// works checks that the programs of a version are there, and that a pod of a namespace of the mesh gets a sidecar from the injector.
func (m *mesh) works(version string) {
	m.t.Helper()
	for _, program := range meshPrograms() {
		got := m.kubectl("get", "deployment", program, "-n", m.namespace, "-o", "jsonpath={.spec.template.spec.containers[0].args} {.status.readyReplicas} {.spec.template.spec.containers[0].image}")
		if !strings.Contains(got, `"--osm-version","`+version+`"`) || !strings.HasSuffix(got, "] 1 openservicemesh/"+program+":"+m.tag) {
			m.t.Errorf("%s is %s, want version %s", program, got, version)
		}
	}
	if got := m.webhooks(); len(got) != 2 {
		m.t.Errorf("its programs have registered %v", got)
	}
	m.eventually(time.Minute, m.uninjected) // the injector has to hear of the namespace
}

// webhooks are the configurations by which the API server calls the mesh: its programs make them, and not the chart.
func (m *mesh) webhooks() []string {
	m.t.Helper()
	return strings.Fields(m.kubectl("get", "validatingwebhookconfigurations,mutatingwebhookconfigurations", "-l", "app.kubernetes.io/name=openservicemesh.io", "-o", "name"))
}

const meshMember = `apiVersion: v1
kind: Namespace
metadata:
  name: bookstore
  labels: {openservicemesh.io/monitored-by: osm}
  annotations: {openservicemesh.io/sidecar-injection: enabled}
`

const meshPod = `apiVersion: v1
kind: Pod
metadata: {name: bookbuyer, namespace: bookstore}
spec: {containers: [{name: bookbuyer, image: registry.example.test/bookbuyer:1}]}
`

// uninjected says what keeps a pod from getting a sidecar. The pod is only proposed to the API server.
func (m *mesh) uninjected() string {
	m.apply(meshMember)
	out, err := m.cluster.KubectlInput(m.t.Context(), strings.NewReader(meshPod), "create", "--dry-run=server", "-f", "-", "-o", "jsonpath={.spec.containers[*].name} {.spec.initContainers[*].name}")
	if err != nil {
		return err.Error()
	}
	if names := strings.Fields(out); !slices.Contains(names, "envoy") || !slices.Contains(names, "osm-init") {
		return "a pod of the mesh has containers " + out
	}
	return ""
}

// setting waits until a value of the mesh's configuration is so.
func (m *mesh) setting(path, want string) {
	m.t.Helper()
	m.eventually(30*time.Second, func() string {
		if got := m.kubectl("get", "meshconfig", "osm-mesh-config", "-n", m.namespace, "-o", "jsonpath={"+path+"}"); got != want {
			return path + " is " + got + ", want " + want
		}
		return ""
	})
}
