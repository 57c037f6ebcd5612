package agent_test

import (
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig"
)

// The objects of configuration web in a namespace.
func gitOf(space string) string {
	return "/apis/source.toolkit.fluxcd.io/v1/namespaces/" + space + "/gitrepositories/web"
}

func kustomizationOf(space, name string) string {
	return "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/" + space + "/kustomizations/web-" + name
}

func secretOf(space string) string { return "/api/v1/namespaces/" + space + "/secrets/web-auth" }

func accountOf(space string) string {
	return "/api/v1/namespaces/" + space + "/serviceaccounts/flux-applier"
}

// inNamespace is a configuration with a Secret, a source and kustomizations.
func inNamespace(space string, generation int64, kustomizations ...string) fairlead.FluxSpec {
	spec := fairlead.FluxSpec{
		Generation: generation, Scope: fairlead.ScopeCluster, Namespace: space, SourceKind: fairlead.SourceGit,
		GitRepository: &fairlead.FluxGit{URL: "https://git.example.org/" + space, HTTPSUser: "reader"}, Kustomizations: map[string]fairlead.FluxKustomization{},
	}
	for _, name := range kustomizations {
		spec.Kustomizations[name] = fairlead.FluxKustomization{Path: "./" + name, Prune: true}
	}
	return spec
}

// makeWeb has configuration web made, and returns the UID of its FluxConfig.
func makeWeb(h *hub, c *cluster, spec fairlead.FluxSpec) string {
	h.t.Helper()
	h.offerFlux("web", spec, func(*fairlead.Configuration) {})
	h.eventually("made in "+spec.Namespace, 60*time.Second, fluxReported("web", func(s fairlead.FluxState) bool {
		return s.ObservedGeneration == spec.Generation && s.ProvisioningState == fairlead.ExtensionSucceeded && len(s.Statuses) == 1+len(spec.Kustomizations)
	}))
	return c.field(fluxConfigPath, "metadata.uid")
}

// unmakeWeb has configuration web deleted, or forgotten when it is an orphan.
func unmakeWeb(h *hub, c *cluster, spec fairlead.FluxSpec, change func(*fairlead.Configuration)) {
	h.t.Helper()
	h.offerFlux("web", spec, func(one *fairlead.Configuration) {
		one.Deleted = true
		change(one)
	})
	h.eventually("gone from "+spec.Namespace, 60*time.Second, fluxReported("web", func(s fairlead.FluxState) bool {
		return s.ObservedGeneration == spec.Generation && s.ProvisioningState == fairlead.ExtensionGone
	}))
	c.eventuallyGone(fluxConfigPath)
}

func orphaned(one *fairlead.Configuration) { one.Orphan = true }

func pruned(*fairlead.Configuration) {}

// there tells which of some objects are there to stay and bear the UID of a configuration.
func (c *cluster) there(uid string, paths ...string) {
	c.t.Helper()
	for _, path := range paths {
		object := c.get(path)
		if object == nil {
			c.t.Errorf("%s is not there", path)
			continue
		}
		metadata := object["metadata"].(map[string]any)
		marks, _ := metadata["labels"].(map[string]any)
		if metadata["deletionTimestamp"] != nil || marks[fluxconfig.LabelOwner] != uid {
			c.t.Errorf("%s goes or is not of %s: %v", path, uid, metadata)
		}
	}
}

func (c *cluster) missing(paths ...string) {
	c.t.Helper()
	for _, path := range paths {
		if object := c.get(path); object != nil {
			c.t.Errorf("%s is left: %v", path, object["metadata"])
		}
	}
}

// What a configuration that was forgotten by force has left in the cluster stays there, whatever comes later by its name.
func TestFluxLeavesWhatWasForgotten(t *testing.T) {
	h := newHub(t, "flux-forgotten")
	c := newCluster(t, h, "standard")
	c.installFlux()
	c.startForFlux()
	eventually(t, "an identity", 60*time.Second, func() bool { return c.get(identitySecret) != nil })
	earlier := makeWeb(h, c, inNamespace("mole", 1, "all", "old"))
	leftInMole := []string{gitOf("mole"), kustomizationOf("mole", "all"), kustomizationOf("mole", "old"), secretOf("mole")}
	c.there(earlier, leftInMole...)
	unmakeWeb(h, c, inNamespace("mole", 2), orphaned)

	later := makeWeb(h, c, inNamespace("pier", 3, "all"))
	c.there(earlier, leftInMole...)
	c.there(later, gitOf("pier"), kustomizationOf("pier", "all"), secretOf("pier"))
	unmakeWeb(h, c, inNamespace("pier", 4), pruned)
	c.there(earlier, leftInMole...)
	c.missing(gitOf("pier"), kustomizationOf("pier", "all"), secretOf("pier"), "/api/v1/namespaces/pier")

	fluxTakesOver(h, c, earlier)
	fluxIsAway(h, c)
	for _, path := range []string{
		kustomizationOf("mole", "old"), "/api/v1/namespaces/mole", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/flux-applier-mole",
		"/api/v1/namespaces/pier", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/flux-applier-pier",
	} {
		c.delete(path)
		c.eventuallyGone(path)
	}
}

// fluxTakesOver makes a configuration where another one has been forgotten: it takes over what it wants itself, and prunes what an
// earlier agent has made and not marked.
func fluxTakesOver(h *hub, c *cluster, earlier string) {
	h.t.Helper()
	unmarked := kustomizationOf("mole", "unmarked")
	present := makeWeb(h, c, inNamespace("mole", 5, "all"))
	c.there(present, gitOf("mole"), kustomizationOf("mole", "all"), secretOf("mole"))
	c.there(earlier, kustomizationOf("mole", "old"))
	c.apply(unmarked, map[string]any{
		"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
		"metadata": map[string]any{"name": "web-unmarked", "namespace": "mole", "labels": map[string]any{fluxconfig.LabelManaged: "true", fluxconfig.LabelName: "web"}},
		"spec":     map[string]any{"interval": "1h", "prune": true, "sourceRef": map[string]any{"kind": fairlead.SourceGit, "name": "web"}},
	})
	c.eventuallyGone(unmarked)
	unmakeWeb(h, c, inNamespace("mole", 6), pruned)
	c.missing(gitOf("mole"), kustomizationOf("mole", "all"), secretOf("mole"))
	c.there(earlier, kustomizationOf("mole", "old"))
	if c.get(accountOf("mole")) == nil {
		h.t.Error("what was left behind has lost the account by which it works")
	}
}

// fluxIsAway forgets a configuration and makes one of its name elsewhere while the cluster is away: it never hears of the first one's
// end, and sees a FluxConfig whose namespace is another.
func fluxIsAway(h *hub, c *cluster) {
	h.t.Helper()
	uid := makeWeb(h, c, inNamespace("pier", 7, "all"))
	if now := makeWeb(h, c, inNamespace("mole", 8, "all")); now != uid {
		h.t.Errorf("the FluxConfig is %s, and was %s", now, uid)
	}
	unmakeWeb(h, c, inNamespace("mole", 9), pruned)
	c.missing(gitOf("mole"), kustomizationOf("mole", "all"))
	c.there(uid, gitOf("pier"), kustomizationOf("pier", "all"), secretOf("pier"))
}
