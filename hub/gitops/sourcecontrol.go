package gitops

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/store"
)

// SourceControl is what is read of the document of a configuration of Flux v1.
type SourceControl struct {
	Properties struct {
		fairlead.SourceControl

		ProvisioningState string `json:"provisioningState"`
	} `json:"properties"`
	Record SourceControlRecord `json:"fairlead"`
}

// SourceControlRecord is what the hub notes of one. The user of a repository is a protected setting to clients of v1, and none to
// those of Flux 2.
type SourceControlRecord struct {
	configuration.Record

	HTTPSUser string `json:"httpsUser,omitempty"`
}

// ReadSourceControl reads a stored document.
func ReadSourceControl(stored store.Resource) (SourceControl, error) {
	var found SourceControl
	if err := json.Unmarshal(stored.Body, &found); err != nil {
		return SourceControl{}, fmt.Errorf("read %s: %w", stored.Key, err)
	}
	return found, nil
}

// Flux returns what does the same on Flux 2, and sentences about what does not.
func (d SourceControl) Flux() (fairlead.FluxSpec, []string, error) {
	spec, notes, err := d.Properties.Flux()
	if err == nil {
		spec.GitRepository.HTTPSUser = d.Record.HTTPSUser
	}
	return spec, notes, err
}

// spec is what a cluster is told of it.
func (d SourceControl) spec(name string) (fairlead.FluxSpec, error) {
	spec, _, err := d.Flux()
	if err != nil {
		return fairlead.FluxSpec{}, err
	}
	return complete(spec, d.Record.Record, strings.ToLower(name)), nil
}
