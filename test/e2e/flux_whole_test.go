package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/cluster/image"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

const (
	// A folder with what the module proxy does not have of Flux.
	controllersVariable = "FAIRLEAD_FLUX_CONTROLLERS"
	// What runs in flux-system when nothing was said about it.
	wholeFlux = "fluxconfig-agent fluxconfig-controller helm-controller kustomize-controller notification-controller source-controller"
)

// TestWholeFlux is about all controllers that the extension has by default, and an extension that comes by itself: `make test-flux`.
func TestWholeFlux(t *testing.T) {
	t.Parallel()
	g := wholeGitops(t, "helm-controller", "notification-controller")
	tell(t, g.on, []part[*gitops]{
		{"ComesByItself", fluxComesByItself}, {"Release", helmReleaseIsMade}, {"BrokenChart", brokenChartIsSaid}, {"Alert", alertIsSent}, {"Delete", releaseGoes},
	})
}

// wholeGitops is a connected cluster whose node has the controllers of Flux: those of the module proxy, and the named ones, which have
// to be in a folder as programs.
func wholeGitops(t *testing.T, others ...string) *gitops {
	t.Helper()
	g := &gitops{stage: fullNode(t)}
	if err := g.cluster.LoadFlux(t.Context(), t.Output()); err != nil {
		t.Fatal(err)
	}
	g.loadControllers(binary(t, controllersVariable), others)
	g.hosts()
	g.must("connectedk8s", "connect", "-n", edge, "-g", "default", "--onboarding-timeout", "180")
	return g
}

// loadControllers puts programs of a folder on the node, as the images of the versions that the chart asks for.
func (g *gitops) loadControllers(folder string, names []string) {
	g.t.Helper()
	versions := read(g.t, "../../chart/microsoft-flux/definitions/versions.yaml")
	for _, name := range names {
		_, rest, _ := strings.Cut(versions, name+": ")
		version, _, _ := strings.Cut(rest, "\n")
		inside := "/usr/local/bin/" + name
		err := g.cluster.LoadScratch(g.t.Context(), image.Scratch{
			Reference: "ghcr.io/fluxcd/" + name + ":" + version, Files: map[string]string{inside: filepath.Join(folder, name)}, Entrypoint: []string{inside}, User: "65534:65534",
		})
		if err != nil {
			g.t.Fatal(err)
		}
	}
}

// release is a HelmRelease of a chart that lies in the same repository.
const release = `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: till, namespace: shops}
spec:
  interval: 5s
  timeout: 20s
  chart: {spec: {chart: ./charts/till, interval: 5s, reconcileStrategy: Revision, sourceRef: {kind: GitRepository, name: shop}}}
  install: {remediation: {retries: -1}}
  upgrade: {remediation: {retries: -1}}
`

func tillChart(text string) map[string]string {
	return map[string]string{
		"charts/till/Chart.yaml":          "apiVersion: v2\nname: till\nversion: 0.1.0\n",
		"charts/till/templates/till.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: till}\ndata: {text: " + text + "}\n",
	}
}

// fluxComesByItself makes a configuration on a cluster that lacks the extension.
func fluxComesByItself(g *gitops) {
	commit := g.commit("a note", map[string]string{"app/note.yaml": note("first")})
	g.follows("shop", "shops", "cluster")
	g.complies(commit, "first")
	g.runs(wholeFlux)
}

// runs wants these in flux-system, each with a pod that is ready and has not been started again, and nothing else.
func (g *gitops) runs(wanted string) {
	g.t.Helper()
	if names := g.kubectl("get", "deployments", "-n", "flux-system", "-o", "jsonpath={.items[*].metadata.name}"); names != wanted {
		g.t.Errorf("in flux-system run %s, want %s", names, wanted)
	}
	for name := range strings.FieldsSeq(wanted) {
		if ready := g.kubectl("get", "deployment", name, "-n", "flux-system", "-o", "jsonpath={.status.readyReplicas}"); ready != "1" {
			g.t.Errorf("%s has %s ready pods", name, ready)
		}
		if starts := g.kubectl("get", "pods", "-n", "flux-system", "-l", "app="+name, "-o", "jsonpath={.items[*].status.containerStatuses[*].restartCount}"); strings.Trim(starts, "0 ") != "" {
			g.t.Errorf("%s was started again %s times", name, starts)
		}
	}
}

// tillSays waits until the release has brought a text about, and the hub shows the release as compliant.
func (g *gitops) tillSays(text string) {
	g.t.Helper()
	g.eventually(90*time.Second, func() string {
		if got := g.kubectl("get", "configmap", "till", "-n", "shops", "--ignore-not-found", "-o", "jsonpath={.data.text}"); got != text {
			return "the release says " + got
		}
		var objects []struct{ Kind, Name, ComplianceState string }
		out := g.must("k8s-configuration", "flux", "deployed-object", "list", "-g", "default", "-c", edge, "-t", "connectedClusters", "-n", "shop", "-o", "json")
		if err := json.Unmarshal([]byte(out), &objects); err != nil {
			g.t.Fatal(err)
		}
		for _, one := range objects {
			if one.Kind == "HelmRelease" && one.Name == "till" && one.ComplianceState == rig.FluxCompliant {
				return ""
			}
		}
		return fmt.Sprintf("the hub shows %+v", objects)
	})
}

func helmReleaseIsMade(g *gitops) {
	files := tillChart("open")
	files["app/release.yaml"] = release
	g.commit("a release", files)
	g.tillSays("open")
}

func brokenChartIsSaid(g *gitops) {
	g.commit("a chart that wants more", tillChart(`{{ required "the till has no float" .Values.float }}`))
	g.says("shop", "HelmRelease shops/till", "the till has no float")
	g.commit("without", tillChart("closed"))
	g.tillSays("closed")
	g.complies(g.commit("a note", map[string]string{"app/note.yaml": note("second")}), "second")
}

// alertIsSent lets notification-controller tell of a commit.
func alertIsSent(g *gitops) {
	heard := make(chan string, 16)
	listener, err := (&net.ListenConfig{}).Listen(g.t.Context(), "tcp", net.JoinHostPort(g.cluster.HostAddress, "0"))
	if err != nil {
		g.t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		content, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
		if err == nil {
			select {
			case heard <- string(content):
			default: // more than one wants to know
			}
		}
	})}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()
	defer g.kubectl("delete", "alert/quay", "provider/quay", "-n", "shops") // a namespace with things of other people would stay
	g.apply("apiVersion: notification.toolkit.fluxcd.io/v1beta3\nkind: Provider\nmetadata: {name: quay, namespace: shops}\nspec: {type: generic, address: 'http://" + listener.Addr().String() + "/'}\n---\n" +
		"apiVersion: notification.toolkit.fluxcd.io/v1beta3\nkind: Alert\nmetadata: {name: quay, namespace: shops}\nspec: {providerRef: {name: quay}, eventSources: [{kind: Kustomization, name: '*'}]}\n")
	commit := g.commit("worth telling", map[string]string{"app/note.yaml": note("third")})
	g.complies(commit, "third")
	timeout := time.After(time.Minute)
	for {
		select {
		case event := <-heard:
			if strings.Contains(event, `"kind":"Kustomization"`) && strings.Contains(event, commit) {
				return
			}
		case <-timeout:
			g.t.Fatal("nothing was heard of the commit")
		}
	}
}

// releaseGoes looks for what the release had made.
func releaseGoes(g *gitops) {
	g.flux("delete", "shop", "--yes")
	if left := g.kubectl("get", "namespace", "shops", "--ignore-not-found", "-o", "name"); left != "" {
		g.t.Errorf("left is %s", left)
	}
}
