package config

import (
	"context"
	"encoding/json"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extensionconfig"
	"github.com/fairlead/fairlead/agent/fluxconfig"
	"github.com/fairlead/fairlead/agent/kube"
)

// reporting tells the hub what becomes of the objects of a kind.
type reporting interface {
	// mention takes in of whom of this kind the hub speaks.
	mention(all []fairlead.Configuration)
	// going notes that the hub waits for an object to be gone.
	going(name string, generation int64)
	// run follows and reports until the end of ctx.
	run(ctx context.Context) error
}

// wishes are the kinds that other agents work on.
func (a *Agent) wishes() map[string]wish {
	extensions := &line[extensionconfig.Object, *extensionconfig.Object, fairlead.ExtensionState]{
		Agent: a, kind: fairlead.ExtensionConfigKind, where: kube.ExtensionConfigs(a.Namespace), plural: "extensions",
		keep:     func(object *extensionconfig.Object) { object.Spec = fairlead.ExtensionSpec{} },
		reporter: newReporter(a.vanished, stateOfExtension, goneExtension), send: a.sendExtensions,
	}
	configurations := &line[fluxconfig.Object, *fluxconfig.Object, fairlead.FluxState]{
		Agent: a, kind: fairlead.FluxConfigKind, where: kube.FluxConfigs(a.Namespace), plural: "Flux configurations",
		keep:     func(object *fluxconfig.Object) { object.Spec, object.Status.Applied = fairlead.FluxSpec{}, nil },
		reporter: newReporter(a.vanished, stateOfFlux, goneFlux), send: a.sendFluxes,
	}
	return map[string]wish{
		fairlead.ExtensionConfigVersion + " " + fairlead.ExtensionConfigKind: {
			word: "extension", where: extensions.where, finalizer: fairlead.ExtensionFinalizer, prefix: fairlead.ExtensionSecretPrefix,
			registry: fairlead.ExtensionRegistryPrefix,
			readable: readable[fairlead.ExtensionSpec], reports: extensions,
		},
		fairlead.FluxConfigVersion + " " + fairlead.FluxConfigKind: {
			word: "Flux configuration", where: configurations.where, finalizer: fairlead.FluxConfigFinalizer, prefix: fairlead.FluxSecretPrefix,
			readable: readable[fairlead.FluxSpec], reports: configurations,
		},
	}
}

func readable[S any](spec json.RawMessage) error { return json.Unmarshal(spec, new(S)) }

func stateOfExtension(state fairlead.ExtensionState) string { return state.ProvisioningState }

func stateOfFlux(state fairlead.FluxState) string { return state.ProvisioningState }

func goneExtension(generation int64) fairlead.ExtensionState {
	return fairlead.ExtensionState{ObservedGeneration: generation, ProvisioningState: fairlead.ExtensionGone}
}

func goneFlux(generation int64) fairlead.FluxState {
	return fairlead.FluxState{ObservedGeneration: generation, ProvisioningState: fairlead.ExtensionGone}
}

func (a *Agent) sendExtensions(ctx context.Context, reports []report[fairlead.ExtensionState]) error {
	all := make([]fairlead.ExtensionReport, 0, len(reports))
	for _, one := range reports {
		all = append(all, fairlead.ExtensionReport(one))
	}
	return a.Hub.ExtensionStatuses(ctx, all)
}

func (a *Agent) sendFluxes(ctx context.Context, reports []report[fairlead.FluxState]) error {
	all := make([]fairlead.FluxReport, 0, len(reports))
	for _, one := range reports {
		all = append(all, fairlead.FluxReport(one))
	}
	return a.Hub.FluxStatuses(ctx, all)
}
