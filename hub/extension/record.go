package extension

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/store"
)

// Record is what the hub notes in an extension's document for itself. Defaults are those of the extension type. Previous is what an
// automatic upgrade replaced, Held are versions to which one has failed.
type Record struct {
	configuration.Record

	Version  string                  `json:"version"`
	Chart    fairlead.ExtensionChart `json:"chart"`
	Defaults map[string]string       `json:"defaults,omitempty"`
	System   bool                    `json:"system,omitempty"`
	Previous *Release                `json:"previous,omitempty"`
	Held     []string                `json:"held,omitempty"`
}

// Release is a version of a chart that an extension had.
type Release struct {
	Version string                  `json:"version"`
	Chart   fairlead.ExtensionChart `json:"chart"`
}

// Next is the record of a new generation.
func (r Record) Next(now time.Time, correlation string) Record {
	r.Record = r.Record.Next(now, correlation)
	return r
}

// Into puts the record into a document.
func (r Record) Into(document map[string]any) error { return configuration.Note(document, r) }

// Document is what is read of an extension's document.
type Document struct {
	Properties Properties `json:"properties"`
	Record     Record     `json:"fairlead"`
}

// Properties are those that a client writes. Protected settings are keys with nil.
type Properties struct {
	ExtensionType           string             `json:"extensionType"`
	AutoUpgradeMinorVersion *bool              `json:"autoUpgradeMinorVersion"`
	ReleaseTrain            string             `json:"releaseTrain"`
	Version                 string             `json:"version"`
	Scope                   *Scope             `json:"scope"`
	Settings                map[string]string  `json:"configurationSettings"`
	Protected               map[string]*string `json:"configurationProtectedSettings"`
	Adopt                   bool               `json:"adopt"`
	TimeoutSeconds          int                `json:"timeoutSeconds"`
	KeepFailedUpgrade       bool               `json:"keepFailedUpgrade"`
	ProvisioningState       string             `json:"provisioningState"`
}

// Scope is one of both.
type Scope struct {
	Cluster   *ClusterScope   `json:"cluster"`
	Namespace *NamespaceScope `json:"namespace"`
}

// ClusterScope is all of a cluster, with the release in a namespace.
type ClusterScope struct {
	ReleaseNamespace string `json:"releaseNamespace"`
}

// NamespaceScope is one namespace.
type NamespaceScope struct {
	TargetNamespace string `json:"targetNamespace"`
}

// Read reads an extension's stored document.
func Read(stored store.Resource) (Document, error) {
	var found Document
	if err := json.Unmarshal(stored.Body, &found); err != nil {
		return Document{}, fmt.Errorf("read %s: %w", stored.Key, err)
	}
	return found, nil
}

// spec is what a cluster is told of an extension.
func (d Document) spec(name string) fairlead.ExtensionSpec {
	p, r := d.Properties, d.Record
	spec := fairlead.ExtensionSpec{
		Generation: r.Generation, CorrelationID: r.CorrelationID, ExtensionType: p.ExtensionType, ReleaseTrain: p.ReleaseTrain,
		AutoUpgradeMinorVersion: p.AutoUpgradeMinorVersion == nil || *p.AutoUpgradeMinorVersion,
		Version:                 r.Version, ReleaseName: strings.ToLower(name), Chart: r.Chart, Settings: merged(r.Defaults, p.Settings),
		Adopt: p.Adopt, TimeoutSeconds: p.TimeoutSeconds, KeepFailedUpgrade: p.KeepFailedUpgrade,
	}
	spec.Scope, spec.ReleaseNamespace = p.Scope.place()
	spec.ProtectedSettings = r.Protected(fairlead.ExtensionSecretPrefix + spec.ReleaseName)
	return spec
}

func (s *Scope) place() (scope, namespace string) {
	switch {
	case s == nil:
		return fairlead.ScopeCluster, ""
	case s.Namespace != nil:
		return fairlead.ScopeNamespace, s.Namespace.TargetNamespace
	case s.Cluster != nil:
		return fairlead.ScopeCluster, s.Cluster.ReleaseNamespace
	default:
		return fairlead.ScopeCluster, ""
	}
}

func merged(defaults, settings map[string]string) map[string]string {
	if len(defaults)+len(settings) == 0 {
		return nil
	}
	all := maps.Clone(defaults)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, settings)
	return all
}
