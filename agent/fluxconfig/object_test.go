package fluxconfig_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig"
)

// What agents write is JSON, and what they read has passed through Kubernetes' own converter, which knows embedded structs by
// other rules.
func TestAnObjectComesBackFromTheAPIServer(t *testing.T) {
	at := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	yes := true
	want := fluxconfig.Object{
		Spec: fairlead.FluxSpec{
			Generation: 3, Namespace: "shops", SourceKind: fairlead.SourceGit,
			GitRepository:  &fairlead.FluxGit{FluxRhythm: fairlead.FluxRhythm{SyncIntervalInSeconds: 60}, URL: "https://git.example.org/a"},
			Kustomizations: map[string]fairlead.FluxKustomization{"app": {FluxRhythm: fairlead.FluxRhythm{TimeoutInSeconds: 9}, Path: "./a", Wait: &yes}},
		},
		Status: fluxconfig.Status{
			FluxState: fairlead.FluxState{
				ObservedGeneration: 3, ProvisioningState: fairlead.ExtensionSucceeded, ComplianceState: fairlead.FluxCompliant, SourceUpdatedAt: &at, StatusUpdatedAt: at,
				Statuses: []fairlead.FluxObject{{Name: "shop", Kind: "GitRepository", Conditions: []fairlead.FluxCondition{{Type: "Ready", Status: "True", LastTransitionTime: at}}}},
			},
			Applied: &fluxconfig.Applied{Generation: 3, PublicKey: "ssh-rsa A", Time: at},
		},
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var untyped map[string]any
	if err := json.Unmarshal(text, &untyped); err != nil {
		t.Fatal(err)
	}
	var got fluxconfig.Object
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(untyped, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
