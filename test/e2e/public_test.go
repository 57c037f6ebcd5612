package e2e_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/cluster/recipe"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

// TestPublicCharts is the life of extensions whose charts others publish, with the programs that the charts are for, on a real node.
func TestPublicCharts(t *testing.T) {
	s := fullNode(t)
	s.must("connectedk8s", "connect", "-n", edge, "-g", "default", "--onboarding-timeout", "180")
	s.eventually(time.Minute, s.extensionAgentsNotReady)
	y := newYard(s)
	t.Run("MetricsServer", func(t *testing.T) { metricsServer(y.on(t)) })
	t.Run("OpenServiceMesh", func(t *testing.T) { openServiceMesh(y.on(t)) })
}

// published is an extension of a chart that others publish.
type published struct {
	*yard

	name, kind, namespace string
	tag                   string // of the images that its programs are in
}

func (p *published) on(t *testing.T) *published {
	copied := *p
	copied.yard = p.yard.on(t)
	return &copied
}

// offersChart makes an extension type of the chart that is in a version of a module.
func (p *published) offersChart(module, version string) {
	p.t.Helper()
	source, err := recipe.Source(p.t.Context(), module, version)
	if err != nil {
		p.t.Fatal(err)
	}
	chart := filepath.Base(module)
	file := filepath.Join(p.charts, chart+"-of-"+version+".tgz")
	if err := rig.PackChart(filepath.Join(source, "charts", chart), file); err != nil {
		p.t.Fatal(err)
	}
	if err := p.publish(file, chart, p.kind); err != nil {
		p.t.Fatal(err)
	}
}

// makes installs a version of the chart.
func (p *published) makes(version string, args ...string) {
	p.t.Helper()
	all := append([]string{"--extension-type", p.kind, "--release-namespace", p.namespace, "--version", version, "--timeout", "3m"}, args...)
	p.does("create", p.name, all...)
	p.succeeded(version)
}

// changes updates the extension, which has to succeed.
func (p *published) changes(version string, args ...string) {
	p.t.Helper()
	p.does("update", p.name, append([]string{"--timeout", "3m"}, args...)...)
	p.succeeded(version)
}

// succeeded checks what the hub says, and Helm's own record.
func (p *published) succeeded(version string) {
	p.t.Helper()
	if got := p.shown(p.name).Properties; got.ProvisioningState != "Succeeded" || got.CurrentVersion != version || got.ErrorInfo != nil {
		p.t.Errorf("the hub shows %+v", got)
	}
	if deployed := p.kubectl("get", "secrets", "-n", p.namespace, "-l", "owner=helm,name="+p.name+",status=deployed", "-o", "name"); len(strings.Fields(deployed)) != 1 {
		p.t.Errorf("as deployed Helm has %q", deployed)
	}
}

// cannotPull updates to an image that its registry has not: the error says which and of what, and what ran before runs again.
func (p *published) cannotPull(version, deployment, image string, settings ...string) {
	p.t.Helper()
	args := append([]string{"--timeout", "20s", "--config"}, settings...)
	p.fails([]string{"ExtensionUpdateFailed", "; version " + version + " runs again", image, deployment}, "update", p.name, args...)
	shown := p.shown(p.name).Properties
	if shown.ProvisioningState != "Failed" || shown.CurrentVersion != version || shown.ErrorInfo == nil {
		p.t.Fatalf("the hub shows %+v", shown)
	}
	target := "Deployment/" + p.namespace + "/" + deployment
	if shown.ErrorInfo.Code != "ReadinessTimeout" || shown.ErrorInfo.Target != target || shown.ErrorInfo.doctorID() != "HLM-05" {
		p.t.Errorf("the hub says %s about %q (%s), want ReadinessTimeout about %q (HLM-05)", shown.ErrorInfo.Code, shown.ErrorInfo.Target, shown.ErrorInfo.doctorID(), target)
	}
	p.lacks(strings.Join(strings.Fields(shown.ErrorInfo.text()), " "), []string{"Image " + image, "cannot be pulled: its registry has no such image"})
	p.t.Log(shown.ErrorInfo.text())
	p.kubectl("rollout", "status", "deployment/"+deployment, "-n", p.namespace, "--timeout=60s")
	if running := p.kubectl("get", "pods", "-n", p.namespace, "-o", "jsonpath={.items[*].spec.containers[*].image}"); strings.Contains(running, image) {
		p.t.Errorf("pods of the upgrade that failed are left: %s", running)
	}
}

// ends deletes the extension, of which nothing stays in its namespace.
func (p *published) ends() {
	p.t.Helper()
	p.does("delete", p.name, "--yes")
	p.nothingOf(p.name, p.namespace)
	p.fails([]string{"ResourceNotFound"}, "show", p.name)
	for _, kind := range []string{"clusterroles", "clusterrolebindings", "apiservices", "services", "configmaps", "serviceaccounts", "roles", "rolebindings"} {
		if left := p.kubectl("get", kind, "-A", "-o", `jsonpath={range .items[?(@.metadata.annotations.meta\.helm\.sh/release-name=="`+p.name+`")]}{.kind}/{.metadata.name} {end}`); left != "" {
			p.t.Errorf("left are %s", left)
		}
	}
}
