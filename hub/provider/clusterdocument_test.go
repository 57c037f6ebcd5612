package provider_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
)

// What az sends and reads of a cluster besides the minimum, in the newest form and in all the older ones.
func TestConnectedClusterDocuments(t *testing.T) {
	b := start(t)
	key := onboardingKey(t, 2048)
	const sent = `"distribution":"generic","distributionVersion":"1.2","infrastructure":"None","azureHybridBenefit":"True",` +
		`"privateLinkState":"Enabled","privateLinkScopeResourceId":"/subscriptions/s/x","gateway":{"enabled":true},` +
		`"arcAgentProfile":{"agentAutoUpgrade":"Disabled","desiredAgentVersion":"1.2.3"},` +
		`"oidcIssuerProfile":{"enabled":true,"selfHostedIssuerUrl":"https://issuer.example.org"},` +
		`"securityProfile":{"workloadIdentity":{"enabled":true}},"aadProfile":{"enableAzureRBAC":false,"adminGroupObjectIDs":["g"]},` +
		`"arcAgentryConfigurations":[{"feature":"logging","settings":{"level":"debug"},"protectedSettings":{"token":"secret"}},{"feature":"proxy","settings":{}}]`
	for _, api := range []string{"2021-10-01", "2024-01-01", "2024-07-15-preview", "2025-08-01-preview", "2025-12-01-preview", "2026-02-01-preview", "2026-05-01"} {
		path := clusters + "/at-" + api
		b.do("PUT", path+"?api-version="+api, `{"location":"local","kind":"Edge","identity":{"type":"SystemAssigned"},"properties":{"agentPublicKeyCertificate":"`+key+`",`+sent+`}}`).
			want(http.StatusCreated)
		b.do("GET", strings.ToUpper(path)+"?api-version="+api, "").want(http.StatusOK).has("kind", "Edge", "properties.infrastructure", "None",
			"properties.privateLinkState", "Enabled", "properties.gateway", `{"enabled":true}`, "properties.azureHybridBenefit", "True",
			"properties.oidcIssuerProfile.selfHostedIssuerUrl", "https://issuer.example.org", "properties.securityProfile.workloadIdentity", `{"enabled":true}`,
			"properties.arcAgentryConfigurations", `[{"feature":"logging","settings":{"level":"debug"}},{"feature":"proxy","settings":{}}]`)
	}
}

func TestProfilesAreMerged(t *testing.T) {
	b := start(t)
	minimum := `{"location":"local","identity":{"type":"SystemAssigned"},"properties":{"agentPublicKeyCertificate":"` + onboardingKey(t, 2048) + `",`
	b.do("PUT", edge+version, minimum+`"arcAgentProfile":{"agentAutoUpgrade":"Enabled","desiredAgentVersion":"1.2.3"},"oidcIssuerProfile":{"enabled":true},`+
		`"arcAgentryConfigurations":[{"feature":"proxy","settings":{}}]}}`).want(http.StatusCreated)
	at := strings.ToLower(edge)
	b.tracker.Beat(at)
	b.tracker.AgentStatus(at, fairlead.AgentStatus{State: "Succeeded"})
	b.do("PUT", edge+version, minimum+`"arcAgentProfile":{"agentAutoUpgrade":"Disabled"}}}`).want(http.StatusOK).has(
		"properties.arcAgentProfile.agentAutoUpgrade", "Disabled", "properties.arcAgentProfile.desiredAgentVersion", "1.2.3",
		"properties.arcAgentProfile.agentState", "Succeeded", "properties.oidcIssuerProfile.enabled", "true",
		"properties.arcAgentryConfigurations", `[{"feature":"proxy","settings":{}}]`)
	b.do("PATCH", edge+version, `{"properties":{"privateLinkState":null,"arcAgentProfile":{"agentState":"Failed"}}}`).want(http.StatusOK).has(
		"properties.privateLinkState", "Disabled", "properties.arcAgentProfile.agentState", "Succeeded")
	b.do("PUT", edge+version, minimum+`"arcAgentryConfigurations":[]}}`).want(http.StatusOK).has("properties.arcAgentryConfigurations", `[]`)
	for reason, properties := range map[string]string{
		"a map of strings is read-only": `"oidcIssuerProfile":{"enabled":"yes"}`, "words": `"infrastructure":7`, "flags": `"gateway":{"enabled":"x"}`,
		"one of three": `"azureHybridBenefit":"Maybe"`, "one of two": `"arcAgentProfile":{"agentAutoUpgrade":"Perhaps"}`,
	} {
		if got := b.do("PUT", edge+version, minimum+properties+`}}`); got.status != http.StatusBadRequest {
			t.Errorf("%s: %d %v", reason, got.status, got.document)
		}
	}
	b.do("PATCH", edge+version, `{"properties":{"miscellaneousProperties":{"a":"b"}}}`).want(http.StatusOK).has("properties.miscellaneousProperties", "")
	b.do("DELETE", edge+version+"&force=True", "").want(http.StatusOK)
}

func TestGatewayAssociation(t *testing.T) {
	b := start(t)
	b.do("PUT", edge+version, clusterBody(onboardingKey(t, 2048))).want(http.StatusCreated)
	setting := "/providers/Microsoft.HybridCompute/settings/Default?api-version=2025-02-19-preview"
	gateway := group + "/providers/Microsoft.HybridCompute/gateways/g"
	body := `{"properties":{"gatewayProperties":{"gatewayResourceId":"` + gateway + `"}}}`
	b.do("PUT", clusters+"/none"+setting, body).refused(http.StatusNotFound, "ParentResourceNotFound")
	b.do("PUT", edge+setting, body).want(http.StatusOK).has("properties.gatewayProperties.gatewayResourceId", gateway, "name", "Default")
	b.do("PUT", strings.ToLower(edge)+setting, body).want(http.StatusOK)
	b.do("GET", edge+setting, "").want(http.StatusOK).has("properties.gatewayProperties.gatewayResourceId", gateway)
	b.do("PUT", edge+setting, `{"properties":{"gatewayProperties":{"gatewayResourceId":null}}}`).want(http.StatusOK).has("properties.gatewayProperties.gatewayResourceId", "")
	b.do("PUT", edge+setting, strings.Replace(body, "gateways", "machines", 1)).refused(http.StatusBadRequest, "InvalidRequestContent")
	b.do("PUT", edge+strings.Replace(setting, "Default", "Other", 1), body).refused(http.StatusBadRequest, "InvalidResourceName")
	b.do("PUT", group+setting, body).refused(http.StatusBadRequest, "InvalidResourceType")
	b.do("DELETE", edge+version, "").want(http.StatusOK)
	b.do("GET", edge+setting, "").refused(http.StatusNotFound, "ParentResourceNotFound")
}
