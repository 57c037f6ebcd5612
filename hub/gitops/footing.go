package gitops

import (
	"context"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/hub/extension"
	"github.com/fairlead/fairlead/store"
)

// Extensions returns the extensions of a cluster that run Flux there: one, unless somebody has made more.
func (s *Service) Extensions(ctx context.Context, cluster fairlead.ResourceID) ([]store.Resource, error) {
	all, err := s.Store.ListResources(ctx, store.Query{Prefix: extension.Key(cluster.Key(), "")})
	if err != nil {
		return nil, err
	}
	var found []store.Resource
	for _, stored := range all {
		document, err := extension.Read(stored)
		if err != nil {
			return nil, err
		}
		if strings.EqualFold(document.Properties.ExtensionType, fairlead.FluxExtensionType) {
			found = append(found, stored)
		}
	}
	return found, nil
}

// footing says whether the extension that runs Flux is still to come, or why it will not. One that has run once goes on running,
// whatever became of its last change.
func (s *Service) footing(ctx context.Context, cluster fairlead.ResourceID, of configuration.Document) (bool, error) {
	all, err := s.Extensions(ctx, cluster)
	if err != nil {
		return false, err
	}
	why := missing(cluster)
	for _, stored := range all {
		document, err := extension.Read(stored)
		if err != nil {
			return false, err
		}
		state, _, err := s.extensions.State(ctx, stored.Key)
		if err != nil {
			return false, err
		}
		switch runs := state != nil && state.CurrentVersion != ""; {
		case !runs && document.Properties.ProvisioningState == "Failed":
			why = broken(stored, state)
		case runs && !document.Record.Deleted, document.Properties.ProvisioningState == "Succeeded":
			return false, nil
		default: // it is being made, or goes
			return true, nil
		}
	}
	return false, NotReady(of, why)
}

// NotReady is the error of an operation for which there is no Flux in the cluster.
func NotReady(of configuration.Document, why fairlead.ExtensionError) error {
	const synced = false
	why.Code = fairlead.CauseFluxExtension
	return configuration.Failed(code(of, synced), why)
}

func missing(cluster fairlead.ResourceID) fairlead.ExtensionError {
	return fairlead.ExtensionError{
		Message: "The cluster has no extension of type " + fairlead.FluxExtensionType + ", which runs Flux: it was deleted, or another extension has its name.",
		Remedies: []string{
			"fairlead k8s-extension list -g " + cluster.ResourceGroup + " -c " + cluster.Name() + " -t " + cluster.Types[0],
			"fairlead k8s-extension create -g " + cluster.ResourceGroup + " -c " + cluster.Name() + " -t " + cluster.Types[0] +
				" -n " + fairlead.FluxExtension + " --extension-type " + fairlead.FluxExtensionType,
		},
	}
}

// broken names the extension that could not be installed, with its own reason.
func broken(stored store.Resource, state *fairlead.ExtensionState) fairlead.ExtensionError {
	why := fairlead.ExtensionError{}
	if state != nil && state.ErrorInfo != nil {
		why = *state.ErrorInfo
	}
	id, err := fairlead.ParseResourceID(stored.ID)
	if cluster, clusterErr := configuration.Of(stored.ID); err == nil && clusterErr == nil {
		why.Remedies = append(why.Remedies, "fairlead k8s-extension show -g "+cluster.ResourceGroup+" -c "+cluster.Name()+" -t "+cluster.Types[0]+" -n "+id.Name())
	}
	message := "The extension '" + stored.Name + "', which runs Flux, could not be installed."
	if why.Message != "" {
		message += " " + why.Message
	}
	why.Message = message
	return why
}
