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
	AzureResourceID          string            `json:"azureResourceId"`
	Location                 string            `json:"location"`
	Tags                     map[string]string `json:"tags,omitempty"`
	DesiredAgentVersion      string            `json:"desiredAgentVersion,omitempty"`
	AutoUpgrade              string            `json:"autoUpgrade"`
	ArcAgentryConfigurations []agentryConfig   `json:"arcAgentryConfigurations,omitempty"`
}

// agentryConfig leaves the meaning of settings to the feature, and protected settings out: should
// a client ever send some, they go no further.
type agentryConfig struct {
	Feature  string          `json:"feature"`
	Settings json.RawMessage `json:"settings,omitempty"`
}

// connected is what the desired state takes from a connected cluster's document.
type connected struct {
	Location   string            `json:"location"`
	Tags       map[string]string `json:"tags"`
	Properties struct {
		Profile struct {
			AutoUpgrade    string `json:"agentAutoUpgrade"`
			DesiredVersion string `json:"desiredAgentVersion"`
		} `json:"arcAgentProfile"`
		Configurations []agentryConfig `json:"arcAgentryConfigurations"`
	} `json:"properties"`
}

func read(cluster identity.Cluster) (connected, error) {
	var found connected
	if err := json.Unmarshal(cluster.Body, &found); err != nil {
		return connected{}, fmt.Errorf("read %s: %w", cluster.Key, err)
	}
	return found, nil
}

// desiredState is all that the hub wants of a cluster and of what belongs to it, under an etag that is the same on every
// replica and after every restart.
func desiredState(of identity.Cluster, more []fairlead.Configuration) (fairlead.PendingConfigs, error) {
	found, err := read(of)
	if err != nil {
		return fairlead.PendingConfigs{}, err
	}
	spec, err := json.Marshal(specOf(of.ID, found))
	if err != nil {
		return fairlead.PendingConfigs{}, fmt.Errorf("encode the desired state of %s: %w", of.Key, err)
	}
	wanted := append([]fairlead.Configuration{{
		APIVersion: "arc.azure.com/v1beta1", Kind: "ConnectedCluster", Name: "clustermetadata", Spec: spec,
	}}, more...)
	text, err := json.Marshal(wanted)
	if err != nil {
		return fairlead.PendingConfigs{}, fmt.Errorf("encode the desired state of %s: %w", of.Key, err)
	}
	sum := sha256.Sum256(text)
	return fairlead.PendingConfigs{ETag: base64.RawURLEncoding.EncodeToString(sum[:]), Configurations: wanted}, nil
}

func specOf(id fairlead.ResourceID, found connected) clusterSpec {
	spec := clusterSpec{
		AzureResourceID: id.String(), Location: found.Location, Tags: found.Tags, AutoUpgrade: "Enabled",
		DesiredAgentVersion: found.Properties.Profile.DesiredVersion, ArcAgentryConfigurations: found.Properties.Configurations,
	}
	if found.Properties.Profile.AutoUpgrade != "" {
		spec.AutoUpgrade = found.Properties.Profile.AutoUpgrade
	}
	// Agents that upgrade themselves follow the hub, whose version is theirs.
	if spec.DesiredAgentVersion == "" && spec.AutoUpgrade == "Enabled" {
		spec.DesiredAgentVersion = fairlead.Version
	}
	return spec
}
