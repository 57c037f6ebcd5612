package provider

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/resource"
)

const gatewayPath = "properties.gatewayProperties.gatewayResourceId"

// gatewaySettings associate a connected cluster with a gateway; the one setting is called Default. Clients take
// no answer but 200 to the PUT that makes the association, and send null to dissolve it.
func gatewaySettings(Deps) resource.Type {
	return resource.Type{
		Name:        "Microsoft.HybridCompute/settings",
		Level:       resource.Anywhere,
		APIVersions: []string{"2024-03-31-preview", "2024-05-20-preview", "2024-07-31-preview", "2024-09-10-preview", "2024-11-10-preview", "2025-02-19-preview"},
		Names:       regexp.MustCompile(`^(?i:default)$`),
		Prepare:     prepareGateway,
		Created:     http.StatusOK,
	}
}

func prepareGateway(_ context.Context, change *resource.Change) error {
	scope, err := fairlead.ParseResourceID(change.ID.Scope)
	if err != nil || !strings.EqualFold(scope.Type(), "Microsoft.Kubernetes/connectedClusters") {
		return fairlead.Errorf(fairlead.Invalid, "Settings belong to connected clusters; '%.256s' is none.", change.ID.Scope).WithCode("InvalidResourceType")
	}
	if !change.New.Has(gatewayPath) {
		return nil // dissolved
	}
	gateway, err := fairlead.ParseResourceID(change.New.Text(gatewayPath))
	if err != nil || !strings.EqualFold(gateway.Type(), "Microsoft.HybridCompute/gateways") {
		return fairlead.Errorf(fairlead.Invalid, "The property '%s' must be the id of a resource of type Microsoft.HybridCompute/gateways, or null.", gatewayPath).
			WithCode("InvalidRequestContent")
	}
	return nil
}
