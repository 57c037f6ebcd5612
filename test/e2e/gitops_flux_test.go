package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

// fluxCommand runs Flux' own command with a kubeconfig; it has to succeed. What it says on both streams is returned.
func (g *gitops) fluxCommand(kubeconfig string, args ...string) string {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, g.command, args...)
	command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	said, err := command.CombinedOutput()
	if err != nil {
		g.t.Fatalf("flux %s: %v\n%s", strings.Join(args, " "), err, said)
	}
	return string(said)
}

// showsRow waits until a table of Flux' own command has a line that begins with these words: every few seconds there is one that says
// that Flux is looking again.
func (g *gitops) showsRow(kubeconfig string, words []string, args ...string) {
	g.t.Helper()
	g.eventually(20*time.Second, func() string {
		table := g.fluxCommand(kubeconfig, args...)
		for line := range strings.Lines(table) {
			if fields := strings.Fields(line); len(fields) >= len(words) && slices.Equal(fields[:len(words)], words) {
				return ""
			}
		}
		return fmt.Sprintf("no line of flux %s begins with %q:\n%s", strings.Join(args, " "), words, table)
	})
}

// has wants each of the texts in what a command said.
func (g *gitops) has(said string, texts ...string) {
	g.t.Helper()
	for _, text := range texts {
		if !strings.Contains(said, text) {
			g.t.Errorf("it lacks %q:\n%s", text, said)
		}
	}
}

// fluxCommandShows looks at a configuration with Flux' own command, straight and through the hub.
func fluxCommandShows(g *gitops) {
	commit := g.commit("a note to look at", map[string]string{"app/note.yaml": note("looked at")})
	g.complies(commit, "looked at")
	revision := "main@sha1:" + commit[:8] // which is how it shortens them
	pia := g.hire("pia", userRole)
	g.kubectl("create", "clusterrolebinding", "pia", "--clusterrole=cluster-admin", "--user="+pia.object)
	g.as(pia).must("connectedk8s", "get-credentials", "-n", edge, "-g", "default")
	for _, way := range []string{g.cluster.Kubeconfig, pia.kubeconfig} {
		g.showsRow(way, []string{"shops", "gitrepository/shop", revision, "False", "True", "stored", "artifact"}, "get", "all", "-A")
		g.showsRow(way, []string{"shops", "kustomization/shop-app", revision, "False", "True", "Applied", "revision:"}, "get", "all", "-A")
		g.showsRow(way, []string{"shops", "shop", revision, "False", "True"}, "get", "sources", "git", "-A")
		g.showsRow(way, []string{"shops", "shop-app", revision, "False", "True"}, "get", "kustomizations", "-A")
		traced := g.fluxCommand(way, "trace", "note", "--kind", "ConfigMap", "--api-version", "v1", "-n", "shops")
		g.has(traced, "Managed by Flux", "Kustomization:   shop-app", "GitRepository:   shop", g.server.URL, "main@sha1:"+commit)
	}
}

// fluxCommandChanges asks for a look, and suspends and resumes a kustomization, with Flux' own command: the hub tells of each.
func fluxCommandChanges(g *gitops) {
	straight := g.cluster.Kubeconfig
	commit := g.commit("at once", map[string]string{"app/note.yaml": note("at once")})
	g.has(g.fluxCommand(straight, "reconcile", "kustomization", "shop-app", "-n", "shops", "--with-source"), "fetched revision main@sha1:"+commit, "applied revision main@sha1:"+commit)
	g.complies(commit, "at once")
	g.has(g.fluxCommand(straight, "suspend", "kustomization", "shop-app", "-n", "shops"), "suspended")
	g.eventually(30*time.Second, func() string {
		if state := g.state("shop"); state.ComplianceState != rig.FluxSuspended {
			return "suspended in the cluster, and at the hub " + state.ComplianceState
		}
		return ""
	})
	g.showsRow(straight, []string{"shops", "shop-app", "main@sha1:" + commit[:8], "True"}, "get", "kustomizations", "-A")
	next := g.commit("while it is suspended", map[string]string{"app/note.yaml": note("resumed")})
	g.fluxCommand(straight, "reconcile", "source", "git", "shop", "-n", "shops")
	if got := g.kubectl("get", "configmap", "note", "-n", "shops", "-o", "jsonpath={.data.text}"); got != "at once" {
		g.t.Errorf("suspended, the cluster has %q", got)
	}
	g.has(g.fluxCommand(straight, "resume", "kustomization", "shop-app", "-n", "shops"), "resumed", "main@sha1:"+next)
	g.complies(next, "resumed")
}
