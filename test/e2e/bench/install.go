package main

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fairlead/fairlead/test/e2e/rig/helm"
)

// Between two installations agents and API server come to rest.
const breath = 500 * time.Millisecond

// step is something that happens in an installation: seen as a phase or state of the ExtensionConfig, or as Helm's record.
type step struct{ name, words string }

const (
	stepAnswered = "answered"
	stepWanted   = "wanted"
	stepRecorded = "recorded"
	stepReady    = "Succeeded"
)

// steps are in the order in which they happen. The last is seen by the client, the others by watches.
func steps() []step {
	return []step{
		{stepWanted, "the cluster has the ExtensionConfig"},
		{"settings", "extension-manager begins"},
		{"settle", "it has the chart and the namespace, and opens the release with Helm"},
		{stepRecorded, "**Helm has rendered the chart and keeps its record**"},
		{"apply", "Helm applies"},
		{stepReady, "ready, in the cluster's words"},
		{stepAnswered, "the hub has answered the PUT"},
	}
}

// installation is when each step was seen, since the client began to send its request.
type installation map[string]time.Duration

func (b *bench) watchInstallations(ctx context.Context) (*sightings, error) {
	seen := newSightings()
	configs := kind{GroupVersionResource: schema.GroupVersionResource{Group: "clusterconfig.azure.com", Version: "v1beta1", Resource: "extensionconfigs"}}
	if err := seen.watch(ctx, b.cluster.Kubeconfig, configs, journal); err != nil {
		return nil, err
	}
	records := kind{schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, "owner=helm"}
	return seen, seen.watch(ctx, b.cluster.Kubeconfig, records, func(secret *unstructured.Unstructured) []string {
		return []string{secret.GetLabels()["name"] + " " + stepRecorded}
	})
}

// journal is what an ExtensionConfig shows of its installation.
func journal(object *unstructured.Unstructured) []string {
	name := object.GetName()
	all := []string{name + " " + stepWanted}
	if phase, _, _ := unstructured.NestedString(object.Object, "status", "operation", "phase"); phase != "" {
		all = append(all, name+" "+phase)
	}
	if state, _, _ := unstructured.NestedString(object.Object, "status", "provisioningState"); state != "" {
		all = append(all, name+" "+state)
	}
	return all
}

// put makes an extension what it is to be, in a namespace of its own.
func put(ctx context.Context, hub *arm, name string, settings map[string]string) error {
	return hub.put(ctx, extensionResource(name), map[string]any{
		"identity": map[string]string{"type": "SystemAssigned"},
		"properties": map[string]any{
			"extensionType": extensionType, "configurationSettings": settings,
			"scope": map[string]any{"cluster": map[string]string{"releaseNamespace": name}},
		},
	})
}

func extensionResource(name string) resource { return resource{"extensions", name, "2023-05-01"} }

// install times one installation.
func install(ctx context.Context, hub *arm, seen *sightings, name string) (installation, error) {
	if err := pause(ctx, breath); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := put(ctx, hub, name, nil); err != nil {
		return nil, err
	}
	took := installation{stepAnswered: time.Since(began)}
	for _, next := range steps() {
		if next.name == stepAnswered {
			continue
		}
		at, err := seen.when(ctx, name+" "+next.name)
		if err != nil {
			return nil, err
		}
		took[next.name] = at.Sub(began)
	}
	return took, nil
}

// helmAlone times Helm's own library from the call to its record, in a namespace that is there.
func (b *bench) helmAlone(ctx context.Context, seen *sightings, chart, name string) (time.Duration, error) {
	if _, err := b.cluster.Kubectl(ctx, "create", "namespace", name); err != nil {
		return 0, err
	}
	if err := pause(ctx, breath); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := (helm.Release{Kubeconfig: b.cluster.Kubeconfig, Namespace: name, Name: name}).Install(ctx, chart, nil); err != nil {
		return 0, err
	}
	at, err := seen.when(ctx, name+" "+stepRecorded)
	return at.Sub(began), err
}
