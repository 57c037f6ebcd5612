package extension_test

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/extension/catalogue"
)

const (
	fluxes   = "/providers/Microsoft.KubernetesConfiguration/fluxConfigurations"
	sources  = "/providers/Microsoft.KubernetesConfiguration/sourceControlConfigurations"
	fluxForm = "?api-version=2022-07-01" // that of az
)

// builtIn is the type that runs Flux, with the chart of the bench's registry for it.
func (b *bench) builtIn() []catalogue.Type {
	return []catalogue.Type{{
		Name: fairlead.FluxExtensionType, ETag: "built-in", Trains: map[string]string{catalogue.Stable: "*"}, DefaultNamespace: fairlead.FluxNamespace,
		Chart:    "oci://" + strings.TrimPrefix(b.charts.URL, "https://") + "/charts/demo",
		CABundle: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.charts.Certificate().Raw})),
	}}
}

// fluxBench has a cluster, and a chart for the extension that runs Flux.
func fluxBench(b *bench) (*bench, *agent) {
	b.Helper()
	b.push("1.0.0")
	return b, b.connect("edge-1")
}

func fluxOf(a *agent, name string) string { return a.id.String() + fluxes + "/" + name }

// wanted waits until a Flux configuration is wanted that meets a condition.
func (a *agent) wanted(name string, meets func(fairlead.Configuration, fairlead.FluxSpec) bool) (fairlead.Configuration, fairlead.FluxSpec) {
	a.b.Helper()
	a.etag = ""
	for range 20 {
		one, ok := a.pendingOf(fairlead.FluxConfigKind)[name]
		var spec fairlead.FluxSpec
		if !ok {
			continue
		}
		if err := json.Unmarshal(one.Spec, &spec); err != nil {
			a.b.Fatal(err)
		}
		if meets == nil || meets(one, spec) {
			return one, spec
		}
	}
	a.b.Fatalf("%s is never wanted so", name)
	return fairlead.Configuration{}, fairlead.FluxSpec{}
}

// wantedFlux waits until the extension that runs Flux is wanted.
func (a *agent) wantedFlux() fairlead.ExtensionSpec {
	a.b.Helper()
	a.etag = ""
	for range 20 {
		one, ok := a.pending()[fairlead.FluxExtension]
		var spec fairlead.ExtensionSpec
		if !ok {
			continue
		}
		if err := json.Unmarshal(one.Spec, &spec); err != nil {
			a.b.Fatal(err)
		}
		return spec
	}
	a.b.Fatal("no extension is wanted that runs Flux")
	return fairlead.ExtensionSpec{}
}

// runsFlux reports that the extension is installed.
func (a *agent) runsFlux() {
	a.b.Helper()
	spec := a.wantedFlux()
	a.reportOf(fairlead.FluxExtension, fairlead.ExtensionState{
		ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionSucceeded, CurrentVersion: spec.Version, ReleaseRevision: 1,
	})
}

func (a *agent) reportOf(name string, state fairlead.ExtensionState) {
	a.b.Helper()
	state.Time = time.Now()
	a.call(fairlead.OpExtensionStatus, []fairlead.ExtensionReport{{Name: name, State: state}}, nil)
}

func (a *agent) reportFlux(name string, state fairlead.FluxState) {
	a.b.Helper()
	state.StatusUpdatedAt = time.Now()
	a.call(fairlead.OpFluxStatus, []fairlead.FluxReport{{Name: name, State: state}}, nil)
}

// compliant is the state of a configuration of a generation that is as it should be.
func compliant(generation int64) fairlead.FluxState {
	synced := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	return fairlead.FluxState{
		ObservedGeneration: generation, ProvisioningState: fairlead.ExtensionSucceeded, ComplianceState: fairlead.FluxCompliant,
		SourceSyncedCommitID: "main@sha1:0123456789abcdef0123456789abcdef01234567", SourceUpdatedAt: &synced, Statuses: []fairlead.FluxObject{{
			Name: "shop-infra", Namespace: "shop", Kind: "Kustomization", ComplianceState: fairlead.FluxCompliant,
			Conditions: []fairlead.FluxCondition{{Type: "Ready", Status: "True", Reason: "ReconciliationSucceeded", LastTransitionTime: synced}},
		}},
	}
}

// follow brings a configuration to Succeeded and returns what the cluster was told of it.
func (b *bench) follow(a *agent, name, body string) fairlead.FluxSpec {
	b.Helper()
	accepted := b.do(http.MethodPut, fluxOf(a, name)+fluxForm, body).want(http.StatusCreated)
	a.runsFlux()
	_, spec := a.wanted(name, nil)
	a.reportFlux(name, compliant(spec.Generation))
	b.ended(accepted).has("status", "Succeeded")
	return spec
}
