package check

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// fluxObject is an object of Flux v2, read by what its kinds have in common.
type fluxObject struct {
	Object    doctor.Object
	Scope     string // where what it installs goes
	Ready     fluxReady
	Suspended bool
	Interval  time.Duration
	Upstream  []doctor.Object // what it waits for

	meta *unstructured.Unstructured
}

// fluxReady is the condition Ready; Status is empty when there is none.
type fluxReady struct {
	Status, Reason, Message string
	Since                   time.Time
}

// failing reports whether Flux says that the object is in error.
func (o *fluxObject) failing() bool { return !o.Suspended && o.Ready.Status == "False" }

func (o *fluxObject) evidence(text string) doctor.Evidence {
	return doctor.Evidence{Source: "status", Object: o.Object.String(), Text: text, Time: o.Ready.Since}
}

func fluxKinds() []snapshot.Resource {
	return []snapshot.Resource{
		snapshot.GitRepositories, snapshot.OCIRepositories, snapshot.HelmRepositories, snapshot.Buckets, snapshot.Kustomizations, snapshot.HelmReleases,
	}
}

func fluxObjectNeeds() []snapshot.Need {
	var needs []snapshot.Need
	for _, kind := range fluxKinds() {
		needs = append(needs, snapshot.Everywhere(kind))
	}
	return needs
}

func fluxKindName(r snapshot.Resource) string {
	return map[snapshot.Resource]string{
		snapshot.GitRepositories: "GitRepository", snapshot.OCIRepositories: "OCIRepository", snapshot.HelmRepositories: "HelmRepository",
		snapshot.Buckets: "Bucket", snapshot.Kustomizations: "Kustomization", snapshot.HelmReleases: "HelmRelease",
	}[r]
}

// fluxObjects returns the objects of Flux that Flux reconciles, sources first.
func fluxObjects(s *snapshot.Snapshot) []fluxObject {
	var all []fluxObject
	for _, kind := range fluxKinds() {
		for i := range s.Custom[kind] {
			u := &s.Custom[kind][i]
			if kind == snapshot.HelmRepositories && extText(u, "spec", "type") == "oci" {
				continue // only an address; it has no status
			}
			all = append(all, fluxRead(u, fluxKindName(kind)))
		}
	}
	fluxChildren(all)
	return all
}

func fluxRead(u *unstructured.Unstructured, kind string) fluxObject {
	o := fluxObject{
		Object: doctor.Object{Kind: kind, Namespace: u.GetNamespace(), Name: u.GetName()},
		Scope:  u.GetNamespace(), meta: u, Ready: fluxCondition(u, "Ready"),
	}
	if target := extText(u, "spec", "targetNamespace"); target != "" && kind == "HelmRelease" {
		o.Scope = target
	}
	o.Suspended, _, _ = unstructured.NestedBool(u.Object, "spec", "suspend")
	o.Interval, _ = time.ParseDuration(extText(u, "spec", "interval"))
	o.Upstream = fluxUpstream(u, kind)
	return o
}

func fluxCondition(u *unstructured.Unstructured, kind string) fluxReady {
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, raw := range conditions {
		c, ok := raw.(map[string]any)
		if !ok || c["type"] != kind {
			continue
		}
		text := func(key string) string { value, _ := c[key].(string); return value }
		since, _ := time.Parse(time.RFC3339, text("lastTransitionTime"))
		return fluxReady{Status: text("status"), Reason: text("reason"), Message: text("message"), Since: since}
	}
	return fluxReady{}
}

// fluxUpstream names what an object waits for: its source and what it depends on.
func fluxUpstream(u *unstructured.Unstructured, kind string) []doctor.Object {
	var upstream []doctor.Object
	add := func(ref map[string]any, kind string) {
		name, _ := ref["name"].(string)
		space, _ := ref["namespace"].(string)
		if given, _ := ref["kind"].(string); given != "" {
			kind = given
		}
		if space == "" {
			space = u.GetNamespace()
		}
		if name != "" {
			upstream = append(upstream, doctor.Object{Kind: kind, Namespace: space, Name: name})
		}
	}
	for _, path := range [][]string{{"spec", "sourceRef"}, {"spec", "chartRef"}, {"spec", "chart", "spec", "sourceRef"}} {
		if ref, ok, _ := unstructured.NestedMap(u.Object, path...); ok {
			add(ref, "")
		}
	}
	depends, _, _ := unstructured.NestedSlice(u.Object, "spec", "dependsOn")
	for _, raw := range depends {
		if ref, ok := raw.(map[string]any); ok {
			add(ref, kind)
		}
	}
	return upstream
}

// fluxChildren makes a Kustomization that waits for the health of what it applied depend on that.
func fluxChildren(all []fluxObject) {
	for i := range all {
		parent := &all[i]
		if parent.Object.Kind != "Kustomization" || !parent.failing() || !fluxUnhealthy(parent.Ready) {
			continue
		}
		for j := range all {
			labels := all[j].meta.GetLabels()
			if i != j && labels["kustomize.toolkit.fluxcd.io/name"] == parent.Object.Name && labels["kustomize.toolkit.fluxcd.io/namespace"] == parent.Object.Namespace {
				parent.Upstream = append(parent.Upstream, all[j].Object)
			}
		}
	}
}

func fluxUnhealthy(ready fluxReady) bool {
	message := strings.ToLower(ready.Message)
	return ready.Reason == "HealthCheckFailed" || strings.Contains(message, "health check failed") || strings.Contains(message, "timeout waiting for")
}
