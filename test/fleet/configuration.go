package main

import (
	"context"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// followings are Flux configurations, each of two kustomizations and with a password.
func followings() goods {
	return goods{
		noun: "Flux configurations", version: client.FluxVersion, resourceType: "fluxConfigurations", id: client.FluxID,
		moments: func(l *life, name, state string) (came, told time.Time) { return l.configurations.moments(name, state) },
		body: client.Document{"properties": client.Document{
			"scope": "cluster", "namespace": "shop", "sourceKind": "GitRepository",
			"gitRepository": client.Document{
				"url": "https://git.example.org/shop", "httpsUser": "fleet", "syncIntervalInSeconds": 60, "repositoryRef": client.Document{"branch": "main"},
			},
			"kustomizations": client.Document{
				"infra": client.Document{"path": "./infra", "prune": true},
				"apps":  client.Document{"path": "./apps/edge", "prune": true, "dependsOn": []string{"infra"}},
			},
			"configurationProtectedSettings": client.Document{"httpsKey": "aHVzaA=="},
		}},
	}
}

// configurations does the same with Flux configurations. The hub installs microsoft.flux on each of the clusters first, which stays.
func (f *fleet) configurations(ctx context.Context) (err error) {
	f.report.Configurations, f.report.ConfigurationsGone, err = f.rollOut(ctx, followings(), f.options.configurations)
	return err
}

// followed is what fluxconfig-agent says of a configuration that complies, or is gone.
func followed(wanted fairlead.Configuration, end ended) fairlead.FluxReport {
	state := fairlead.FluxState{ObservedGeneration: end.generation, ProvisioningState: end.state, StatusUpdatedAt: end.at}
	if end.state != fairlead.ExtensionSucceeded {
		return fairlead.FluxReport{Name: wanted.Name, State: state}
	}
	state.ComplianceState, state.SourceSyncedCommitID = fairlead.FluxCompliant, "main@sha1:0123456789012345678901234567890123456789"
	for _, object := range []struct{ kind, name, why string }{
		{"GitRepository", wanted.Name, "stored artifact for revision"}, {"Kustomization", wanted.Name + "-infra", "applied revision"}, {"Kustomization", wanted.Name + "-apps", "applied revision"},
	} {
		state.Statuses = append(state.Statuses, fairlead.FluxObject{
			Kind: object.kind, Name: object.name, Namespace: "shop", ComplianceState: fairlead.FluxCompliant,
			Conditions: []fairlead.FluxCondition{{Type: "Ready", Status: "True", Reason: "Succeeded", Message: object.why, LastTransitionTime: end.at}},
		})
	}
	return fairlead.FluxReport{Name: wanted.Name, State: state}
}
