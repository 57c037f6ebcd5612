package dataplane

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/identity"
)

// clusterSpec is the spec of custom resource clustermetadata: the connected cluster as the
// agents need to know it.
type clusterSpec struct {
	AzureResourceID          string                   `json:"azureResourceId"`
	Location                 string                   `json:"location"`
	Tags                     map[string]string        `json:"tags,omitempty"`
	DesiredAgentVersion      string                   `json:"desiredAgentVersion,omitempty"`
	AutoUpgrade              string                   `json:"autoUpgrade"`
	ArcAgentryConfigurations []fairlead.AgentryConfig `json:"arcAgentryConfigurations,omitempty"`
}

// desiredState is all that the hub wants of a cluster, under an etag that is the same on every
// replica and after every restart.
func desiredState(of identity.Cluster) (fairlead.PendingConfigs, error) {
	spec, err := json.Marshal(specOf(of))
	if err != nil {
		return fairlead.PendingConfigs{}, fmt.Errorf("encode the desired state of %s: %w", of.Key, err)
	}
	wanted := []fairlead.Configuration{{
		APIVersion: "arc.azure.com/v1beta1", Kind: "ConnectedCluster", Name: "clustermetadata", Spec: spec,
	}}
	text, err := json.Marshal(wanted)
	if err != nil {
		return fairlead.PendingConfigs{}, fmt.Errorf("encode the desired state of %s: %w", of.Key, err)
	}
	sum := sha256.Sum256(text)
	return fairlead.PendingConfigs{ETag: base64.RawURLEncoding.EncodeToString(sum[:]), Configurations: wanted}, nil
}

func specOf(cluster identity.Cluster) clusterSpec {
	spec := clusterSpec{
		AzureResourceID: cluster.ID.String(), Location: cluster.Resource.Location, Tags: cluster.Resource.Tags,
		AutoUpgrade: "Enabled", ArcAgentryConfigurations: cluster.Resource.Properties.ArcAgentryConfiguration,
	}
	if profile := cluster.Resource.Properties.ArcAgentProfile; profile != nil {
		spec.DesiredAgentVersion = profile.DesiredAgentVersion
		if profile.AgentAutoUpgrade != "" {
			spec.AutoUpgrade = profile.AgentAutoUpgrade
		}
	}
	// Agents that upgrade themselves follow the hub, whose version is theirs.
	if spec.DesiredAgentVersion == "" && spec.AutoUpgrade == "Enabled" {
		spec.DesiredAgentVersion = fairlead.Version
	}
	return spec
}
