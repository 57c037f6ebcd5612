package extension_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

const (
	sourceForm = "?api-version=2022-03-01"
	earlier    = `{"properties":{"repositoryUrl":"https://git.example.org/shop.git","operatorNamespace":"shop","operatorInstanceName":"shop","operatorType":"Flux",
		"operatorParams":"--git-readonly --git-branch=release --git-path=base,shop --sync-garbage-collection --git-poll-interval=1m --manifest-generation",
		"operatorScope":"namespace","enableHelmOperator":"true","configurationProtectedSettings":{"httpsUser":"cmVhZGVy","httpsKey":"aHVzaA=="}}}`
)

func TestFluxV1RunsOnFlux2(t *testing.T) {
	b, a := fluxBench(start(t))
	b.do(http.MethodGet, a.id.String()+sources+sourceForm, "").want(http.StatusOK).has("value", "[]")
	accepted := b.do(http.MethodPut, a.id.String()+sources+"/shop"+sourceForm, earlier).want(http.StatusCreated).has(
		"properties.configurationProtectedSettings", `{"httpsKey":null,"httpsUser":null}`, "properties.complianceStatus.complianceState", "Pending")
	a.runsFlux()
	wanted, spec := a.wanted("shop", nil)
	git, folder := spec.GitRepository, spec.Kustomizations["kustomization-2"]
	if spec.Scope != fairlead.ScopeNamespace || spec.Namespace != "shop" || git.RepositoryRef.Branch != "release" || git.HTTPSUser != "reader" || git.SyncIntervalInSeconds != 60 ||
		len(spec.Kustomizations) != 2 || folder.Path != "shop" || !folder.Prune {
		t.Errorf("%s", wanted.Spec)
	}
	if got := decrypt(t, a, wanted.Protected); len(got) != 1 || got["httpsKey"] != "hush" {
		t.Errorf("%v", got)
	}
	a.reportFlux("shop", compliant(spec.Generation))
	b.ended(accepted).has("status", "Succeeded")
	got := b.do(http.MethodGet, a.id.String()+sources+"/shop"+sourceForm, "").want(http.StatusOK).has("properties.provisioningState", "Succeeded",
		"properties.complianceStatus.complianceState", "Installed", "properties.complianceStatus.messageLevel", "Warning", "properties.enableHelmOperator", "true")
	if !strings.Contains(got.text, "--manifest-generation") || !strings.Contains(got.text, "helm.fluxcd.io/v1") || strings.Contains(got.text, "reader") {
		t.Errorf("%s", got.text)
	}
	deleted := b.do(http.MethodDelete, a.id.String()+sources+"/shop"+sourceForm, "").want(http.StatusAccepted)
	_, gone := a.wanted("shop", func(one fairlead.Configuration, _ fairlead.FluxSpec) bool { return one.Deleted })
	a.reportFlux("shop", fairlead.FluxState{ObservedGeneration: gone.Generation, ProvisioningState: fairlead.ExtensionGone})
	b.ended(deleted).has("status", "Succeeded")
	b.do(http.MethodGet, a.id.String()+sources+sourceForm, "").has("value", "[]")
}

// What is migrated stays the same object in the cluster, with its secrets; nothing is deleted there in between.
func TestAConfigurationOfFlux2TakesThePlaceOfOneOfV1(t *testing.T) {
	b, a := fluxBench(start(t))
	first := b.do(http.MethodPut, a.id.String()+sources+"/shop"+sourceForm, earlier).want(http.StatusCreated)
	a.runsFlux()
	_, before := a.wanted("shop", nil)
	a.reportFlux("shop", compliant(before.Generation))
	b.ended(first).has("status", "Succeeded")
	accepted := b.do(http.MethodPut, fluxOf(a, "shop")+fluxForm, `{"properties":{"scope":"namespace","namespace":"shop","sourceKind":"GitRepository",
		"gitRepository":{"url":"https://git.example.org/shop.git","repositoryRef":{"branch":"release"}},"kustomizations":{"kustomization-1":{"path":"base"}},
		"configurationProtectedSettings":{"httpsKey":null}}}`).want(http.StatusCreated).has("properties.gitRepository.httpsUser", "reader")
	wanted, spec := a.wanted("shop", func(one fairlead.Configuration, spec fairlead.FluxSpec) bool {
		if one.Deleted {
			t.Error("the cluster is told to delete it")
		}
		return spec.Generation > before.Generation
	})
	if got := decrypt(t, a, wanted.Protected); got["httpsKey"] != "hush" {
		t.Errorf("%v", got)
	}
	a.reportFlux("shop", compliant(spec.Generation))
	b.ended(accepted).has("status", "Succeeded")
	b.do(http.MethodGet, a.id.String()+sources+sourceForm, "").has("value", "[]")
	b.replacementIsLogged(a)
	if got := b.do(http.MethodPut, a.id.String()+sources+"/shop"+sourceForm, earlier).want(http.StatusConflict); !strings.Contains(got.text, "Flux 2") {
		t.Errorf("%s", got.text)
	}
}

// replacementIsLogged looks for what the activity log says of the configuration of v1: by whose request it went, and for what.
func (b *bench) replacementIsLogged(a *agent) {
	b.Helper()
	all, err := b.db.ListActivity(b.Context(), store.ActivityQuery{
		Subscription: strings.TrimPrefix(subscription, "/subscriptions/"), Resource: strings.ToLower(a.id.String() + sources + "/shop"), Limit: 10,
	})
	if err != nil {
		b.Fatal(err)
	}
	made, err := b.db.ListActivity(b.Context(), store.ActivityQuery{
		Subscription: strings.TrimPrefix(subscription, "/subscriptions/"), Resource: strings.ToLower(fluxOf(a, "shop")), Limit: 10,
	})
	if err != nil || len(made) == 0 {
		b.Fatal(made, err)
	}
	gone := slices.DeleteFunc(all, func(entry store.Activity) bool { return !strings.HasSuffix(entry.Action, "/delete") })
	if len(gone) != 1 || gone[0].Detail != "ReplacedBy: "+fluxOf(a, "shop") || gone[0].Status != store.ActivitySucceeded ||
		gone[0].Caller != made[0].Caller || gone[0].CorrelationID != made[0].CorrelationID {
		b.Errorf("the log says %+v of its end, and %+v of the other one", gone, made)
	}
}

func TestConfigurationsOfFluxV1ThatAreRefused(t *testing.T) {
	b, a := fluxBench(start(t))
	for name, c := range map[string]struct{ body, says string }{
		"no URL":          {`{"properties":{}}`, "git@"},
		"another type":    {`{"properties":{"repositoryUrl":"https://x.example.org","operatorType":"Argo"}}`, "operatorType"},
		"a word":          {`{"properties":{"repositoryUrl":"https://x.example.org","operatorParams":"git-path=x"}}`, "operatorParams"},
		"no duration":     {`{"properties":{"repositoryUrl":"https://x.example.org","operatorParams":"--git-poll-interval=often"}}`, "--git-poll-interval"},
		"a misspelled":    {`{"properties":{"repositoryUrl":"https://x.example.org","ConfigurationprotectedSettings":{"httpsKey":"4711"}}}`, "its case matters"},
		"unknown secrets": {`{"properties":{"repositoryUrl":"https://x.example.org","configurationProtectedSettings":{"pin":"4711"}}}`, "There are: sshPrivateKey"},
	} {
		t.Run(name, func(t *testing.T) {
			got := b.do(http.MethodPut, a.id.String()+sources+"/shop"+sourceForm, c.body).want(http.StatusBadRequest)
			if !strings.Contains(got.text, c.says) || strings.Contains(got.text, "4711") {
				t.Errorf("%s, want it to say %q", got.text, c.says)
			}
		})
	}
}
