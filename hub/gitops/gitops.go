// Package gitops knows of the Flux configurations of a hub what only they have: what a cluster is told of one, be it of Flux 2 or
// a configuration of Flux v1 that runs on it, with which error an operation has failed, and that a cluster needs the extension that
// runs Flux. What they share with other configurations is hub/configuration's; what a document may say is hub/provider's.
package gitops

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/hub/extension"
	"github.com/fairlead/fairlead/store"
)

// The resource types of configurations.
const (
	TypeName          = "Microsoft.KubernetesConfiguration/fluxConfigurations"
	SourceControlType = "Microsoft.KubernetesConfiguration/sourceControlConfigurations" // of Flux v1
)

// MaxPerCluster is how many configurations a cluster has at most.
const MaxPerCluster = 100

// Service is the hub's knowledge of Flux configurations.
type Service struct {
	*configuration.Service

	extensions *extension.Service
}

// New returns the knowledge of Flux configurations in the given surroundings.
func New(in configuration.Surroundings, extensions *extension.Service) *Service {
	s := &Service{extensions: extensions}
	s.Service = &configuration.Service{Surroundings: in, Kind: configuration.Kind{
		APIVersion: fairlead.FluxConfigVersion, Name: fairlead.FluxConfigKind, Noun: "Flux configuration", Types: []string{TypeName, SourceControlType},
		Max: MaxPerCluster, MaxState: 192 << 10, Agents: []string{
			"-n " + fairlead.FluxNamespace + " deployment/fluxconfig-controller", "-n " + fairlead.FluxNamespace + " deployment/fluxconfig-agent",
		},
		Spec: told, Orphan: orphan, Code: code, Outcome: outcome, Left: left, Footing: s.footing, Step: step,
	}}
	return s
}

// Key is the key of a configuration's resource; cluster is a resource id or key.
func Key(cluster, name string) string { return configuration.Key(cluster, TypeName, name) }

// told is what a cluster is told of a configuration of either type.
func told(stored store.Resource) (any, error) {
	if strings.EqualFold(stored.Type, SourceControlType) {
		document, err := ReadSourceControl(stored)
		if err != nil {
			return nil, err
		}
		return document.spec(stored.Name)
	}
	document, err := Read(stored)
	if err != nil {
		return nil, err
	}
	return document.spec(stored.Name), nil
}

// orphan is what a cluster is told of a configuration that it is to forget without removing what it made.
func orphan(known store.Configuration) any { return fairlead.FluxSpec{Generation: known.Generation} }

func left(stored store.Resource) string {
	var known struct {
		Properties struct{ Namespace, OperatorNamespace string } `json:"properties"`
	}
	if err := json.Unmarshal(stored.Body, &known); err != nil {
		return "Flux objects"
	}
	return "Flux objects of " + stored.Name + " in namespace " + known.Properties.Namespace + known.Properties.OperatorNamespace + ", and what they applied"
}

const (
	maxStatuses = 2000
	maxText     = 128 << 10 // of the statuses together
	maxError    = 8 << 10
)

// Reported keeps what a cluster says of its configurations. Of a configuration with very many objects, the last ones are left out.
func (s *Service) Reported(ctx context.Context, cluster fairlead.ResourceID, reports []fairlead.FluxReport) error {
	all := make([]configuration.Report, 0, len(reports))
	for _, report := range reports {
		state, cut := bounded(report.State)
		if cut > 0 {
			s.Log.WarnContext(ctx, "a configuration has more objects than are kept", slog.String("cluster", cluster.String()),
				slog.String("name", report.Name), slog.Int("left_out", cut))
		}
		all = append(all, configuration.Report{
			Name: report.Name, Generation: state.ObservedGeneration, Provisioning: state.ProvisioningState, State: state,
		})
	}
	return s.Service.Reported(ctx, cluster, all)
}

// bounded cuts the statuses to what is kept, and returns how many were left out.
func bounded(state fairlead.FluxState) (fairlead.FluxState, int) {
	kept, size := 0, 0
	for _, one := range state.Statuses {
		text, err := json.Marshal(one)
		if size += len(text); err != nil || size > maxText || kept == maxStatuses {
			break
		}
		kept++
	}
	if len(state.ErrorMessage) > maxError {
		state.ErrorMessage = strings.ToValidUTF8(state.ErrorMessage[:maxError], "") + "…"
	}
	cut := len(state.Statuses) - kept
	state.Statuses = state.Statuses[:kept]
	return state, cut
}

// State returns what a cluster last reported of a configuration; nil when it has said nothing.
func (s *Service) State(ctx context.Context, key string) (*fairlead.FluxState, error) {
	known, err := s.Service.State(ctx, key)
	if err != nil || known == nil {
		return nil, err
	}
	var state fairlead.FluxState
	if err := json.Unmarshal(known.Text, &state); err != nil {
		return nil, fmt.Errorf("read the state of %s: %w", key, err)
	}
	return &state, nil
}

// Metrics shows the counts of a Service to Prometheus.
func Metrics(s *Service) prometheus.Collector {
	return configuration.Metrics{Service: s.Service, Prefix: "fairlead_hub_flux_"}
}
