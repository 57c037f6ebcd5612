package main

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

func (b *bench) watchFlux(ctx context.Context) (*sightings, error) {
	seen := newSightings()
	for _, one := range []struct {
		where schema.GroupVersionResource
		shows func(*unstructured.Unstructured) []string
	}{
		{schema.GroupVersionResource{Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: "gitrepositories"}, fetchedRevision},
		{schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"}, appliedRevision},
		{schema.GroupVersionResource{Group: "clusterconfig.azure.com", Version: "v1beta1", Resource: "fluxconfigs"}, toldRevision},
	} {
		if err := seen.watch(ctx, b.cluster.Kubeconfig, kind{GroupVersionResource: one.where}, one.shows); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

func fetchedRevision(source *unstructured.Unstructured) []string {
	revision, _, _ := unstructured.NestedString(source.Object, "status", "artifact", "revision")
	return []string{"fetched " + commitOf(revision)}
}

// appliedRevision is that of a kustomization that is ready at it.
func appliedRevision(kustomization *unstructured.Unstructured) []string {
	conditions, _, _ := unstructured.NestedSlice(kustomization.Object, "status", "conditions")
	for _, one := range conditions {
		condition, is := one.(map[string]any)
		if is && condition["type"] == "Ready" && condition["status"] == "True" {
			revision, _, _ := unstructured.NestedString(kustomization.Object, "status", "lastAppliedRevision")
			return []string{"applied " + commitOf(revision)}
		}
	}
	return nil
}

func toldRevision(config *unstructured.Unstructured) []string {
	state, _, _ := unstructured.NestedString(config.Object, "status", "complianceState")
	if state != rig.FluxCompliant {
		return nil
	}
	revision, _, _ := unstructured.NestedString(config.Object, "status", "sourceSyncedCommitId")
	return []string{"told " + commitOf(revision)}
}

// commitOf is the commit of a revision such as main@sha1:….
func commitOf(revision string) string { return revision[strings.LastIndexByte(revision, ':')+1:] }
