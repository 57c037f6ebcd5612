package azuresdk_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/kubernetesconfiguration/armkubernetesconfiguration/v2"
	"github.com/fairlead/fairlead"
)

func (a *azure) fluxes(t *testing.T) *armkubernetesconfiguration.FluxConfigurationsClient {
	t.Helper()
	return must(armkubernetesconfiguration.NewFluxConfigurationsClient(a.subscription, a.credential, a.options()))(t)
}

// follows is what a cluster says of a source that it follows, or no longer does.
func follows(spec fairlead.FluxSpec, wanted fairlead.Configuration) fairlead.FluxState {
	if wanted.Deleted {
		return fairlead.FluxState{ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionGone}
	}
	now := time.Now()
	return fairlead.FluxState{
		ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionSucceeded, ComplianceState: fairlead.FluxCompliant,
		SourceSyncedCommitID: "main@sha1:0123456789abcdef0123456789abcdef01234567", SourceUpdatedAt: &now, StatusUpdatedAt: now,
		Statuses: []fairlead.FluxObject{{
			Name: "shop-infra", Namespace: spec.Namespace, Kind: "Kustomization", ComplianceState: fairlead.FluxCompliant,
			AppliedBy:  &fairlead.FluxReference{Name: "shop-infra", Namespace: spec.Namespace},
			Conditions: []fairlead.FluxCondition{{Type: "Ready", Status: "True", Reason: "ReconciliationSucceeded", Message: "applied", LastTransitionTime: now}},
		}},
	}
}

func wantedFlux() armkubernetesconfiguration.FluxConfiguration {
	return armkubernetesconfiguration.FluxConfiguration{Properties: &armkubernetesconfiguration.FluxConfigurationProperties{
		Namespace: new("shop"), SourceKind: new(armkubernetesconfiguration.SourceKindTypeGitRepository),
		GitRepository: &armkubernetesconfiguration.GitRepositoryDefinition{
			URL: new("https://git.example.org/shop.git"), HTTPSUser: new("reader"), RepositoryRef: &armkubernetesconfiguration.RepositoryRefDefinition{Branch: new("main")},
		},
		Kustomizations: map[string]*armkubernetesconfiguration.KustomizationDefinition{
			"infra": {Path: new("./infra"), Prune: new(true)}, "apps": {Path: new("./apps"), DependsOn: []*string{new("infra")}},
		},
		ConfigurationProtectedSettings: map[string]*string{"httpsKey": new(base64.StdEncoding.EncodeToString([]byte("hush")))},
	}}
}

func TestFluxConfigurationLifeCycle(t *testing.T) {
	a := start(t)
	a.group(t)
	cluster := a.inhabit(t, works)
	fluxes := a.fluxes(t)
	poller, err := fluxes.BeginCreateOrUpdate(t.Context(), shops, clusterRP, clusterKind, "edge-1", "shop", wantedFlux(), nil)
	got := done(t, poller, err).Properties
	if *got.ProvisioningState != armkubernetesconfiguration.ProvisioningStateSucceeded || *got.ComplianceState != armkubernetesconfiguration.FluxComplianceStateCompliant ||
		!strings.HasPrefix(*got.SourceSyncedCommitID, "main@sha1:") || *got.Kustomizations["apps"].Name != "apps" || *got.Kustomizations["apps"].TimeoutInSeconds != 600 ||
		len(got.Statuses) != 1 || *got.Statuses[0].StatusConditions[0].Reason != "ReconciliationSucceeded" || *got.Statuses[0].AppliedBy.Name != "shop-infra" {
		t.Errorf("made %+v", got)
	}
	if value, there := got.ConfigurationProtectedSettings["httpsKey"]; !there || value != nil {
		t.Errorf("protected settings are shown as %v", got.ConfigurationProtectedSettings)
	}
	if flux := must(a.extensions(t).Get(t.Context(), shops, clusterRP, clusterKind, "edge-1", "flux", nil))(t); *flux.Properties.ExtensionType != "microsoft.flux" {
		t.Errorf("Flux is brought by %+v", flux.Properties)
	}
	patch, err := fluxes.BeginUpdate(t.Context(), shops, clusterRP, clusterKind, "edge-1", "shop", armkubernetesconfiguration.FluxConfigurationPatch{
		Properties: &armkubernetesconfiguration.FluxConfigurationPatchProperties{
			Suspend: new(true), Kustomizations: map[string]*armkubernetesconfiguration.KustomizationPatchDefinition{"apps": {Path: new("./shops")}},
		},
	}, nil)
	done(t, patch, err)
	if spec := cluster.wish("shop"); !spec.Suspend || spec.Kustomizations["apps"].Path != "./shops" || spec.Kustomizations["apps"].DependsOn[0] != "infra" || spec.ProtectedSettings == nil {
		t.Errorf("the cluster was told %+v", spec)
	}
	all := everything(t, fluxes.NewListPager(shops, clusterRP, clusterKind, "edge-1", nil),
		func(page armkubernetesconfiguration.FluxConfigurationsClientListResponse) []*armkubernetesconfiguration.FluxConfiguration {
			return page.Value
		})
	if len(all) != 1 || *all[0].Name != "shop" {
		t.Errorf("%d configurations", len(all))
	}
	gone, err := fluxes.BeginDelete(t.Context(), shops, clusterRP, clusterKind, "edge-1", "shop", nil)
	done(t, gone, err)
	_, err = fluxes.Get(t.Context(), shops, clusterRP, clusterKind, "edge-1", "shop", nil)
	refused(t, err, http.StatusNotFound, "ResourceNotFound")
}

func TestFluxConfigurationErrors(t *testing.T) {
	a := start(t)
	a.group(t)
	a.connect(t, "edge-1")
	fluxes := a.fluxes(t)
	_, err := fluxes.Get(t.Context(), shops, clusterRP, clusterKind, "edge-1", "none", nil)
	refused(t, err, http.StatusNotFound, "ResourceNotFound")
	_, err = fluxes.BeginCreateOrUpdate(t.Context(), shops, clusterRP, clusterKind, "none", "shop", wantedFlux(), nil)
	refused(t, err, http.StatusNotFound, "ParentResourceNotFound")
	lost := wantedFlux()
	lost.Properties.Kustomizations["apps"].DependsOn = []*string{new("base")}
	_, err = fluxes.BeginCreateOrUpdate(t.Context(), shops, clusterRP, clusterKind, "edge-1", "shop", lost, nil)
	refused(t, err, http.StatusBadRequest, "InvalidRequestContent")
}

func TestSourceControlConfigurationLifeCycle(t *testing.T) {
	a := start(t)
	a.group(t)
	cluster := a.inhabit(t, works)
	sources := must(armkubernetesconfiguration.NewSourceControlConfigurationsClient(a.subscription, a.credential, a.options()))(t)
	list := func() []*armkubernetesconfiguration.SourceControlConfiguration {
		return everything(t, sources.NewListPager(shops, clusterRP, clusterKind, "edge-1", nil),
			func(page armkubernetesconfiguration.SourceControlConfigurationsClientListResponse) []*armkubernetesconfiguration.SourceControlConfiguration {
				return page.Value
			})
	}
	if found := list(); len(found) != 0 {
		t.Errorf("%d configurations before there is one", len(found))
	}
	made := must(sources.CreateOrUpdate(t.Context(), shops, clusterRP, clusterKind, "edge-1", "old", armkubernetesconfiguration.SourceControlConfiguration{
		Properties: &armkubernetesconfiguration.SourceControlConfigurationProperties{
			RepositoryURL: new("https://git.example.org/old.git"), OperatorNamespace: new("shop"), OperatorParams: new("--git-branch=main --git-path=releases"),
			OperatorScope: new(armkubernetesconfiguration.OperatorScopeTypeCluster), OperatorType: new(armkubernetesconfiguration.OperatorTypeFlux),
		},
	}, nil))(t)
	if made.Properties.ProvisioningState == nil || *made.Properties.OperatorInstanceName != "old" {
		t.Errorf("%+v", made.Properties)
	}
	a.installed(t, sources)
	if spec := cluster.wish("old"); spec.GitRepository.RepositoryRef.Branch != "main" || spec.Kustomizations["kustomization-1"].Path != "releases" {
		t.Errorf("the cluster was told %+v", spec)
	}
	gone, err := sources.BeginDelete(t.Context(), shops, clusterRP, clusterKind, "edge-1", "old", nil)
	done(t, gone, err)
	if found := list(); len(found) != 0 {
		t.Errorf("%d configurations are left", len(found))
	}
}

// installed waits until a configuration of Flux v1 is followed: to its clients writing one is no long operation.
func (a *azure) installed(t *testing.T, sources *armkubernetesconfiguration.SourceControlConfigurationsClient) {
	t.Helper()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for {
		got := must(sources.Get(t.Context(), shops, clusterRP, clusterKind, "edge-1", "old", nil))(t).Properties
		if *got.ProvisioningState == armkubernetesconfiguration.ProvisioningStateTypeSucceeded && *got.ComplianceStatus.ComplianceState == armkubernetesconfiguration.ComplianceStateTypeInstalled {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("it stays %s", *got.ProvisioningState)
		case <-ticker.C:
		}
	}
}
