package provider

import (
	"context"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/presence"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

// view adds to a connected cluster what is known of its life now.
func (c clusters) view(_ context.Context, stored store.Resource, shown resource.Document) {
	fill(shown, "properties.privateLinkState", "Disabled")
	life := c.Presence.View(stored.Key)
	shown.Set("properties.connectivityStatus", life.Status)
	setTime(shown, "properties.lastConnectivityTime", life.LastSeen)
	setTime(shown, "properties.managedIdentityCertificateExpirationTime", life.CertificateNotAfter)
	if life.Metadata != nil {
		showMetadata(shown, *life.Metadata)
	}
	if life.AgentStatus != nil {
		shown.Set("properties.arcAgentProfile.agentState", life.AgentStatus.State)
		shown.Set("properties.arcAgentProfile.agentErrors", orEmpty(life.AgentStatus.Errors))
		shown.Set("properties.arcAgentProfile.systemComponents", orEmpty(life.AgentStatus.Components))
	}
	if life.Conflict != nil {
		showConflict(shown, stored, life)
	}
	if c.Connected != nil {
		shown.Set("properties.clusterConnect.tunnel", map[bool]string{true: fairlead.TunnelConnected, false: "Disconnected"}[c.Connected(stored.Key)])
	}
}

// showConflict says where people look first that two clusters report as this one.
func showConflict(shown resource.Document, stored store.Resource, life presence.View) {
	id, err := fairlead.ParseResourceID(stored.ID)
	if err != nil {
		return // every stored id can be parsed
	}
	errors := []fairlead.AgentError{{
		Component: fairlead.ClusterMetadataOperator, Severity: "Error", Message: life.Conflict.Explain(id), Time: life.Conflict.Since,
	}}
	if life.AgentStatus != nil {
		errors = append(errors, life.AgentStatus.Errors...)
	}
	shown.Set("properties.arcAgentProfile.agentState", "Failed")
	shown.Set("properties.arcAgentProfile.agentErrors", errors)
	shown.Set("properties.miscellaneousProperties.duplicateIdentity", string(life.Conflict.Kind))
}

// showMetadata prefers what the client said of distribution and infrastructure: people name what
// cannot be detected.
func showMetadata(shown resource.Document, metadata fairlead.ClusterMetadata) {
	shown.Set("properties.kubernetesVersion", metadata.KubernetesVersion)
	shown.Set("properties.totalNodeCount", metadata.TotalNodeCount)
	shown.Set("properties.totalCoreCount", metadata.TotalCoreCount)
	shown.Set("properties.agentVersion", metadata.AgentVersion)
	for path, value := range map[string]string{
		"properties.clusterConnect.state": metadata.ClusterConnect, "properties.clusterConnect.azureRbac": metadata.AzureRBAC,
		"properties.distribution": metadata.Distribution, "properties.distributionVersion": metadata.DistributionVersion,
		"properties.infrastructure": metadata.Infrastructure,
	} {
		if value != "" {
			fill(shown, path, value)
		}
	}
}

func setTime(shown resource.Document, path string, at time.Time) {
	if !at.IsZero() {
		shown.Set(path, at.UTC().Format(time.RFC3339Nano))
	}
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
