package cli

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead/doctor/collect"
	"github.com/fairlead/fairlead/doctor/endpoint"
	"github.com/fairlead/fairlead/doctor/probe"
	"github.com/fairlead/fairlead/doctor/probe/run"
	"github.com/fairlead/fairlead/doctor/probe/wire"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// meshNamespace is that of Open Service Mesh on Arc.
const meshNamespace = "arc-osm-system"

// runProbes runs the probes and writes what they found into the snapshot.
func (v *visit) runProbes(ctx context.Context, target collect.Target, seen *snapshot.Snapshot, note func(string)) error {
	if _, lost := seen.Client.Unreachable(); lost || !v.flags.probe {
		return nil
	}
	note("probing from here, from a pod and from a node")
	cluster := endpoint.Of(seen)
	seen.Probe = &snapshot.Probe{}
	here := make(chan wire.Result, 1)
	go func() { here <- run.Runner{}.Run(ctx, cluster.Plan(endpoint.Client)) }()
	err := v.probeCluster(ctx, target, seen, cluster)
	result := <-here
	seen.Probe.Client = &snapshot.Place{Where: "this machine", Result: &result}
	v.coverProbes(seen)
	if err != nil {
		return fmt.Errorf("take the probe away again: %w", err)
	}
	return ctx.Err()
}

// probeCluster runs the plans of a pod and of a node. The error is that something of the probe is left in the cluster.
func (v *visit) probeCluster(ctx context.Context, target collect.Target, seen *snapshot.Snapshot, cluster endpoint.Cluster) error {
	config := rest.CopyConfig(target.Config)
	config.QPS = -1 // the parts of the program are many small calls
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		seen.Probe.Pod, seen.Probe.Node = v.unprobed(err), v.unprobed(err)
		return nil
	}
	inPod := cluster.Plan(endpoint.Pod)
	inPod.Targets = append(inPod.Targets, meshTargets(seen)...)
	onNode := cluster.Plan(endpoint.Node)
	onNode.Kernel = &wire.HostPaths{}
	prober := &probe.Prober{Client: client}
	outcomes, err := prober.Run(ctx, []probe.Request{{Place: probe.Pod, Plan: inPod}, {Place: probe.Node, Plan: onNode}})
	for _, outcome := range outcomes {
		place := v.place(outcome)
		if outcome.Place == probe.Pod {
			seen.Probe.Pod = place
		} else {
			seen.Probe.Node = place
		}
	}
	return err
}

func (v *visit) place(outcome probe.Outcome) *snapshot.Place {
	if outcome.Err != nil {
		return v.unprobed(outcome.Err)
	}
	return &snapshot.Place{Where: string(outcome.Place) + " on " + outcome.Node, Result: &outcome.Result}
}

func (v *visit) unprobed(err error) *snapshot.Place {
	place := &snapshot.Place{Refused: string(probe.Unreachable), Message: v.redact.Text(err.Error())}
	if known, ok := errors.AsType[*probe.CannotRun](err); ok {
		place.Refused, place.Message = string(known.Reason), v.redact.Text(known.Message)
	}
	return place
}

// coverProbes says of which places there is a result.
func (v *visit) coverProbes(seen *snapshot.Snapshot) {
	for resource, place := range map[snapshot.Resource]*snapshot.Place{snapshot.ProbeFromPod: seen.Probe.Pod, snapshot.ProbeFromNode: seen.Probe.Node} {
		coverage := &snapshot.Coverage{Served: true, All: place.Result != nil}
		if place.Result == nil {
			coverage.Gaps = []snapshot.Gap{{Need: snapshot.Everywhere(resource), Reason: snapshot.Failed, Detail: place.Message}}
		}
		seen.Coverage[resource] = coverage
	}
}

// meshTargets are the webhooks' services of a mesh, to see whether their certificates are what the API server expects.
func meshTargets(seen *snapshot.Snapshot) []wire.Target {
	var targets []wire.Target
	for i := range seen.ValidatingWebhooks {
		for _, hook := range seen.ValidatingWebhooks[i].Webhooks {
			if service := hook.ClientConfig.Service; service != nil && service.Namespace == meshNamespace {
				targets = append(targets, meshTarget("osm-validator", service.Name, service.Port))
			}
		}
	}
	for i := range seen.MutatingWebhooks {
		for _, hook := range seen.MutatingWebhooks[i].Webhooks {
			if service := hook.ClientConfig.Service; service != nil && service.Namespace == meshNamespace {
				targets = append(targets, meshTarget("osm-injector", service.Name, service.Port))
			}
		}
	}
	return targets
}

func meshTarget(name, service string, port *int32) wire.Target {
	number := int32(443)
	if port != nil {
		number = *port
	}
	return wire.Target{Name: name, Kind: wire.TLS, URL: fmt.Sprintf("https://%s.%s.svc:%d/", service, meshNamespace, number)}
}
