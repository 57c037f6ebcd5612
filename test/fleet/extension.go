package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

const extensionType = "fleet.demo"

// installations are cluster extensions.
func installations() goods {
	return goods{
		noun: "extensions", version: client.ExtensionVersion, resourceType: "extensions", id: client.ExtensionID,
		moments: func(l *life, name, state string) (came, told time.Time) { return l.extensions.moments(name, state) },
		body: client.Document{
			"identity": client.Document{"type": "SystemAssigned"},
			"properties": client.Document{
				"extensionType": extensionType, "configurationSettings": client.Document{"replicas": "2", "image.tag": "1.4.2"},
				"configurationProtectedSettings": client.Document{"password": "hush"},
			},
		},
	}
}

// extensions installs extensions on many clusters, and removes them again, so that what follows is measured without them.
func (f *fleet) extensions(ctx context.Context) (err error) {
	if err := f.offer(ctx); err != nil {
		return err
	}
	f.report.Extensions, f.report.ExtensionsGone, err = f.rollOut(ctx, installations(), f.options.extensions)
	return err
}

// installed is what extension-manager says of an extension that is ready, or gone.
func installed(wanted fairlead.Configuration, end ended) fairlead.ExtensionReport {
	state := fairlead.ExtensionState{ObservedGeneration: end.generation, ProvisioningState: end.state, Time: end.at}
	var spec fairlead.ExtensionSpec
	if end.state == fairlead.ExtensionSucceeded && json.Unmarshal(wanted.Spec, &spec) == nil {
		state.CurrentVersion, state.ReleaseRevision = spec.Version, 1
		state.Statuses = []fairlead.ExtensionStatus{{Code: "Installed", DisplayStatus: "Installed", Level: "Information", Message: "revision 1 is ready", Time: end.at}}
	}
	return fairlead.ExtensionReport{Name: wanted.Name, State: state}
}
