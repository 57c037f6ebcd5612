package e2e_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

// gitops is a stage with the real Flux and a real repository.
type gitops struct {
	*stage
	git     *rig.Git
	server  *rig.GitServer
	command string // the path of Flux' own command
}

// TestGitOps is the life of a Flux configuration on a real node: commits, what goes wrong with them, and the end.
func TestGitOps(t *testing.T) {
	t.Parallel()
	g := newGitops(t)
	tell(t, g.on, []part[*gitops]{
		{"FirstCommit", commitArrives},
		{"NextCommit", nextCommitArrives},
		{"FluxCommandShows", fluxCommandShows},
		{"FluxCommandChanges", fluxCommandChanges},
		{"BrokenFiles", brokenFilesAreSaid},
		{"Logs", logsAreShown},
		{"FailingHealth", failingHealthIsSaid},
		{"Credentials", credentialsAreAskedFor},
		{"MovedBranch", movedBranchIsSaid},
		{"Tenant", tenantKeepsToItsNamespace},
		{"OwnSecret", ownSecretAuthenticates},
		{"SSH", sshIsFollowed},
		{"DeployKey", deployKeyIsMade},
		{"Artifact", artifactIsFollowed},
		{"LockedArtifact", lockedArtifactIsFollowed},
		{"Bucket", bucketIsFollowed},
		{"Blob", containerIsFollowed},
		{"Delete", deletePrunes},
	})
}

func (g *gitops) on(t *testing.T) *gitops {
	copied := *g
	copied.stage = g.stage.on(t)
	return &copied
}

// newGitops installs the extension before it is needed: two of its controllers are not built on this bench.
func newGitops(t *testing.T) *gitops {
	t.Helper()
	s := fullNode(t)
	if err := s.cluster.LoadFlux(t.Context(), t.Output()); err != nil {
		t.Fatal(err)
	}
	command, err := s.cluster.FluxCommand(t.Context(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	g := &gitops{stage: s, command: command}
	g.hosts()
	s.must("connectedk8s", "connect", "-n", edge, "-g", "default", "--onboarding-timeout", "180")
	s.must("k8s-extension", "create", "-g", "default", "-c", edge, "-t", "connectedClusters", "-n", "flux", "--extension-type", "microsoft.flux",
		"--config", "helm-controller.enabled=false", "notification-controller.enabled=false")
	return g
}

// hosts serves an empty repository.
func (g *gitops) hosts() {
	g.t.Helper()
	var err error
	if g.git, err = rig.OpenGit(g.t.Context(), filepath.Join(g.t.TempDir(), "git")); err != nil {
		g.t.Fatal(err)
	}
	if g.server, err = g.git.Serve(g.t.Context(), net.JoinHostPort(g.cluster.HostAddress, "0")); err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = g.server.Close() })
}

// flux runs a command of configurations.
func (g *gitops) flux(verb, name string, args ...string) string {
	g.t.Helper()
	return g.must(append([]string{"k8s-configuration", "flux", verb, "-g", "default", "-c", edge, "-t", "connectedClusters", "-n", name}, args...)...)
}

// follows makes a configuration of branch main, whose folder app is applied.
func (g *gitops) follows(name, namespace, scope string) {
	g.t.Helper()
	g.flux("create", name, "--namespace", namespace, "--scope", scope, "-u", g.server.URL, "--branch", "main", "--interval", "5s", "--timeout", "10s",
		"--kustomization", "name=app", "path=./app", "prune=true", "interval=5s", "timeout=10s", "retry_interval=5s")
}

func (g *gitops) state(name string) rig.FluxState {
	g.t.Helper()
	var shown struct {
		Properties rig.FluxState `json:"properties"`
	}
	if err := json.Unmarshal([]byte(g.flux("show", name, "-o", "json")), &shown); err != nil {
		g.t.Fatal(err)
	}
	return shown.Properties
}

func (g *gitops) commit(message string, files map[string]string) string {
	g.t.Helper()
	commit, err := g.git.Commit(g.t.Context(), message, files)
	if err != nil {
		g.t.Fatal(err)
	}
	return commit
}

// complies waits until the hub says that the cluster is as a commit says, and what the note there is.
func (g *gitops) complies(commit, text string) {
	g.t.Helper()
	g.holds("shop", "shops", at(commit), text)
}

// holds waits until the hub says that a configuration is compliant at a revision, and then wants a note in the cluster.
func (g *gitops) holds(name, namespace string, wanted func(revision string) bool, text string) {
	g.t.Helper()
	begin := time.Now()
	g.eventually(90*time.Second, func() string {
		state := g.state(name)
		if state.ComplianceState != rig.FluxCompliant || !wanted(state.SourceSyncedCommitID) {
			return fmt.Sprintf("%s at %s: %s", state.ComplianceState, state.SourceSyncedCommitID, state.ErrorMessage)
		}
		return ""
	})
	g.t.Logf("from the change to the hub's word that the cluster is so: %s", time.Since(begin).Round(100*time.Millisecond))
	if got := g.kubectl("get", "configmap", "note", "-n", namespace, "-o", "jsonpath={.data.text}"); got != text {
		g.t.Errorf("the cluster has %q, want %q", got, text)
	}
}

// at is a revision that ends in a commit or digest.
func at(commit string) func(string) bool {
	return func(revision string) bool { return strings.HasSuffix(revision, commit) }
}

// says waits until the configuration is not compliant and says the words.
func (g *gitops) says(name string, words ...string) {
	g.t.Helper()
	g.eventually(90*time.Second, func() string {
		state := g.state(name)
		for _, word := range words {
			if state.ComplianceState != rig.FluxNonCompliant || !strings.Contains(state.ErrorMessage, word) {
				return fmt.Sprintf("%s: %q, which lacks %q", state.ComplianceState, state.ErrorMessage, word)
			}
		}
		return ""
	})
	g.t.Log(g.state(name).ErrorMessage)
}

func note(text string) string { return noteIn("shops", text) }

func noteIn(namespace, text string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: note, namespace: " + namespace + "}\ndata: {text: " + text + "}\n"
}

const listing = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [note.yaml]\n"

func commitArrives(g *gitops) {
	commit := g.commit("a note", map[string]string{"app/note.yaml": note("first"), "app/kustomization.yaml": listing})
	g.follows("shop", "shops", "cluster")
	g.complies(commit, "first")
	if table := g.must("k8s-configuration", "flux", "list", "-g", "default", "-c", edge, "-t", "connectedClusters", "-o", "table"); !strings.Contains(table, "Compliant") {
		g.t.Errorf("the list does not show it:\n%s", table)
	}
}

func nextCommitArrives(g *gitops) {
	g.complies(g.commit("another note", map[string]string{"app/note.yaml": note("second")}), "second")
}

func brokenFilesAreSaid(g *gitops) {
	g.commit("a mistake", map[string]string{"app/note.yaml": "apiVersion: v1\nkind: [ConfigMap\n"})
	g.says("shop", "Kustomization shops/shop-app: kustomize build failed", "the next revision is taken by itself")
	g.complies(g.commit("mended", map[string]string{"app/note.yaml": note("third")}), "third")
}

// logsAreShown looks at the hub for what the real controllers have written, in steps before this one.
func logsAreShown(g *gitops) {
	type entry struct{ Level, Controller, Kind, Name, Message, Error string }
	wanted := map[string]func(entry) bool{
		"the repository was fetched": func(e entry) bool {
			return e.Controller == "source-controller" && e.Kind == "GitRepository" && e.Name == "shop"
		},
		"the folder was applied": func(e entry) bool { return e.Level == "info" && e.Kind == "Kustomization" && e.Name == "shop-app" },
		"the mistake":            func(e entry) bool { return e.Level == "error" && strings.Contains(e.Error, "kustomize build failed") },
	}
	var lines []entry
	g.eventually(60*time.Second, func() string {
		if err := json.Unmarshal([]byte(g.flux("logs", "shop", "-o", "json")), &lines); err != nil {
			return err.Error()
		}
		for what, is := range wanted {
			if !slices.ContainsFunc(lines, is) {
				return fmt.Sprintf("%d lines, none that %s", len(lines), what)
			}
		}
		return ""
	})
	g.t.Logf("%d lines, the last: %+v", len(lines), lines[len(lines)-1])
	if table := g.flux("logs", "shop", "--kind", "Kustomization", "--tail", "1", "-o", "table"); !strings.Contains(table, "Kustomization/shops/shop-app") {
		g.t.Errorf("the last line of the kustomization is shown as\n%s", table)
	}
}

// failingHealthIsSaid applies a pod that cannot run, and then takes it back: it has to go from the cluster, too.
func failingHealthIsSaid(g *gitops) {
	g.commit("a pod that cannot run", map[string]string{"app/note.yaml": note("fourth") + `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: till, namespace: shops}
spec:
  progressDeadlineSeconds: 600
  selector: {matchLabels: {app: till}}
  template:
    metadata: {labels: {app: till}}
    spec: {containers: [{name: till, image: registry.example.test/till:1, imagePullPolicy: Never}]}
`})
	g.says("shop", "Kustomization shops/shop-app: health check failed", "Deployment/shops/till", "kubectl describe")
	g.complies(g.commit("without it", map[string]string{"app/note.yaml": note("fifth")}), "fifth")
	if left, err := g.cluster.Kubectl(g.t.Context(), "get", "deployment", "till", "-n", "shops"); err == nil {
		g.t.Errorf("what the repository has no more is not pruned:\n%s", left)
	}
}

func credentialsAreAskedFor(g *gitops) {
	const password = "swordfish-17"
	g.server.Ask("reader", password)
	g.says("shop", "GitRepository shops/shop: ", "authentication required", "--https-key")
	file := filepath.Join(g.t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
		g.t.Fatal(err)
	}
	g.flux("update", "shop", "--https-user", "reader", "--https-key-file", file)
	g.complies(g.commit("behind a door", map[string]string{"app/note.yaml": note("sixth")}), "sixth")
	if shown := g.flux("show", "shop", "-o", "json") + g.flux("logs", "shop", "-o", "json") + g.kubectl("get", "fluxconfigs", "-n", "azure-arc", "-o", "yaml"); strings.Contains(shown, password) {
		g.t.Errorf("the password is shown:\n%s", shown)
	}
}

func movedBranchIsSaid(g *gitops) {
	if err := g.git.Rename(g.t.Context(), "main", "trunk"); err != nil {
		g.t.Fatal(err)
	}
	g.says("shop", "GitRepository shops/shop: ", "--branch")
	if err := g.git.Rename(g.t.Context(), "trunk", "main"); err != nil {
		g.t.Fatal(err)
	}
	g.eventually(60*time.Second, func() string {
		if state := g.state("shop"); state.ComplianceState != rig.FluxCompliant {
			return state.ComplianceState + ": " + state.ErrorMessage
		}
		return ""
	})
}

// tenantKeepsToItsNamespace lets a configuration of one namespace apply what is in another.
func tenantKeepsToItsNamespace(g *gitops) {
	g.server.Ask("", "")
	g.follows("tenant", "tenant", "namespace")
	g.says("tenant", "Kustomization tenant/tenant-app", "forbidden", "--scope cluster")
	g.flux("delete", "tenant", "--yes")
}

func deletePrunes(g *gitops) {
	begin := time.Now()
	g.flux("delete", "shop", "--yes")
	g.t.Logf("gone after %s", time.Since(begin).Round(100*time.Millisecond))
	if left := g.kubectl("get", "namespace", "shops", "tenant", "--ignore-not-found", "-o", "name"); left != "" {
		g.t.Errorf("namespaces are left: %s", left)
	}
	if left := g.kubectl("get", "clusterrolebindings", "-l", "clusterconfig.azure.com/is-managed=true", "-o", "name"); left != "" {
		g.t.Errorf("rights are left: %s", left)
	}
	g.refused([]string{"ResourceNotFound"}, "k8s-configuration", "flux", "show", "-g", "default", "-c", edge, "-t", "connectedClusters", "-n", "shop")
}
