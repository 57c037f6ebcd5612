package provider_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/store"
)

func TestConnectedClusterLifeCycle(t *testing.T) {
	b := start(t)
	key := onboardingKey(t, 2048)
	b.do("GET", edge+version, "").refused(http.StatusNotFound, "ResourceNotFound")

	made := b.do("PUT", edge+version, clusterBody(key)).want(http.StatusCreated).has(
		"id", edge, "name", "edge-1", "type", "Microsoft.Kubernetes/connectedClusters", "location", "local",
		"properties.provisioningState", "Succeeded", "properties.privateLinkState", "Disabled",
		"properties.connectivityStatus", "Connecting", "identity.tenantId", tenant, "systemData.createdBy", "app-"+owner)
	principal := made.document.Text("identity.principalId")
	stored, err := b.db.GetPrincipal(t.Context(), principal)
	if err != nil || stored.Kind != store.ManagedIdentity || stored.DisplayName != "edge-1" {
		t.Fatalf("%+v, %v", stored, err)
	}

	// az update: the whole document without its read-only parts, a profile with one property.
	b.do("PUT", edge+version, `{"location":"local","identity":{"type":"SystemAssigned"},"tags":{"site":"pier"},"properties":{`+
		`"agentPublicKeyCertificate":"`+key+`","arcAgentProfile":{"agentAutoUpgrade":"Disabled"},"connectivityStatus":"Connected"}}`).
		want(http.StatusOK).has("identity.principalId", principal, "tags.site", "pier", "properties.distribution", "k3s",
		"properties.arcAgentProfile.agentAutoUpgrade", "Disabled", "properties.connectivityStatus", "Connecting")

	b.do("PATCH", edge+version, `{"tags":{"a":"b"},"properties":{"azureHybridBenefit":"True"}}`).
		want(http.StatusOK).has("tags", `{"a":"b"}`, "properties.azureHybridBenefit", "True", "properties.infrastructure", "generic")
	b.do("PATCH", edge+version, `{"tags":{},"properties":{}}`).want(http.StatusOK).has("tags", `{}`)

	if err := b.access.Assign(t.Context(), principal, access.Reader, group); err != nil {
		t.Fatal(err)
	}
	b.do("DELETE", edge+version, "").want(http.StatusOK)
	b.do("DELETE", edge+version, "").want(http.StatusNoContent)
	b.do("GET", edge+version, "").refused(http.StatusNotFound, "ResourceNotFound")
	if _, err := b.db.GetPrincipal(t.Context(), principal); fairlead.KindOf(err) != fairlead.NotFound {
		t.Errorf("the principal is left: %v", err)
	}
	if left, err := b.access.Assignments(t.Context(), principal); err != nil || len(left) > 0 {
		t.Errorf("role assignments are left: %v, %v", left, err)
	}
}

func TestConnectedClusterShowsItsLife(t *testing.T) {
	b := start(t)
	b.do("PUT", edge+version, clusterBody(onboardingKey(t, 2048))).want(http.StatusCreated)
	at := strings.ToLower(edge)
	b.tracker.Beat(at)
	b.tracker.CertificateIssued(at, time.Now().Add(time.Hour))
	b.tracker.Metadata(at, "hash", fairlead.ClusterMetadata{
		KubernetesVersion: "1.34.1", Distribution: "other", TotalNodeCount: 3, TotalCoreCount: 12, AgentVersion: "1.40.0",
		ClusterConnect: "Enabled", AzureRBAC: "Disabled",
	})
	b.tracker.AgentStatus(at, fairlead.AgentStatus{State: "Succeeded"})
	shown := b.do("GET", edge+version, "").want(http.StatusOK).has(
		"properties.connectivityStatus", "Connected", "properties.kubernetesVersion", "1.34.1", "properties.totalNodeCount", "3",
		"properties.totalCoreCount", "12", "properties.agentVersion", "1.40.0", "properties.distribution", "k3s",
		"properties.arcAgentProfile.agentState", "Succeeded", "properties.arcAgentProfile.agentAutoUpgrade", "Enabled",
		"properties.arcAgentProfile.agentErrors", "[]", "properties.clusterConnect.state", "Enabled", "properties.clusterConnect.azureRbac", "Disabled")
	for _, path := range []string{"properties.lastConnectivityTime", "properties.managedIdentityCertificateExpirationTime"} {
		if _, err := time.Parse(time.RFC3339, shown.document.Text(path)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	b.do("DELETE", edge+version, "").want(http.StatusOK)
	if life := b.tracker.View(at); !life.LastSeen.IsZero() {
		t.Errorf("a deleted cluster is remembered: %+v", life)
	}
}

func TestConnectedClusterRefusals(t *testing.T) {
	b := start(t)
	key := onboardingKey(t, 2048)
	good := clusterBody(key)
	cases := map[string]struct {
		path, body string
		status     int
		code       string
	}{
		"NoVersion":       {edge, good, 400, "MissingApiVersionParameter"},
		"BadVersion":      {edge + "?api-version=latest", good, 400, "InvalidApiVersionParameter"},
		"UnknownVersion":  {edge + "?api-version=1999-01-01", good, 400, "NoRegisteredProviderFound"},
		"NoLocation":      {edge + version, strings.Replace(good, `"location":"local",`, "", 1), 400, "LocationRequired"},
		"OtherLocation":   {edge + version, strings.Replace(good, `"local"`, `"moon"`, 1), 400, "LocationNotAvailableForResourceType"},
		"NoKey":           {edge + version, clusterBody(""), 400, "InvalidRequestContent"},
		"KeyNotBase64":    {edge + version, clusterBody("***"), 400, "InvalidRequestContent"},
		"KeyNotPKCS1":     {edge + version, clusterBody("AAAA"), 400, "InvalidRequestContent"},
		"ShortKey":        {edge + version, clusterBody(onboardingKey(t, 1024)), 400, "InvalidRequestContent"},
		"NotJSON":         {edge + version, `{`, 400, "InvalidRequestContent"},
		"TwoDocuments":    {edge + version, good + good, 400, "InvalidRequestContent"},
		"NotAnObject":     {edge + version, `[]`, 400, "InvalidRequestContent"},
		"Null":            {edge + version, `null`, 400, "InvalidRequestContent"},
		"WrongShape":      {edge + version, `{"location":"local","properties":"text"}`, 400, "InvalidRequestContent"},
		"TagsNotText":     {edge + version, strings.Replace(good, `"quay"`, `7`, 1), 400, "InvalidRequestContent"},
		"BadPrivateLink":  {edge + version, strings.Replace(good, `"distribution"`, `"privateLinkState":"Perhaps","distribution"`, 1), 400, "InvalidRequestContent"},
		"NameTooLong":     {clusters + "/" + strings.Repeat("x", 64) + version, good, 400, "InvalidResourceName"},
		"NameBeginsWrong": {clusters + "/_x" + version, good, 400, "InvalidResourceName"},
		"NoGroup":         {strings.Replace(edge, "/shops/", "/absent/", 1) + version, good, 404, "ResourceGroupNotFound"},
		"NoSubscription":  {strings.Replace(edge, subscription, "/subscriptions/absent", 1) + version, good, 404, "SubscriptionNotFound"},
		"NoGroupInPath":   {subscription + "/providers/Microsoft.Kubernetes/connectedClusters/x" + version, good, 404, "InvalidResourceType"},
		"UnknownType":     {group + "/providers/Microsoft.Kubernetes/ships/x" + version, good, 404, "InvalidResourceType"},
		"UnknownProvider": {group + "/providers/Contoso.Ships/ships/x" + version, good, 404, "InvalidResourceNamespace"},
		"TooLarge":        {edge + version, `{"x":"` + strings.Repeat("x", store.MaxDocument) + `"}`, 413, "RequestEntityTooLarge"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := *b
			b.TB = t
			b.do("PUT", c.path, c.body).refused(c.status, c.code)
		})
	}
	if left := b.do("GET", clusters+version, "").names(); len(left) > 0 {
		t.Errorf("refused requests left %v", left)
	}
}

func TestLocationOfAClusterIsFixed(t *testing.T) {
	b := start(t)
	body := clusterBody(onboardingKey(t, 2048))
	b.do("PUT", edge+version, body).want(http.StatusCreated)
	b.do("PUT", edge+version, strings.Replace(body, `"local"`, `"taipei"`, 1)).refused(http.StatusConflict, "InvalidResourceLocation")
	b.do("PUT", edge+version, strings.Replace(body, `"local"`, `"Lo cal"`, 1)).want(http.StatusOK).has("location", "local")
}

func TestKeyIsFixedOnceConnected(t *testing.T) {
	b := start(t)
	first, second := onboardingKey(t, 2048), onboardingKey(t, 2048)
	b.do("PUT", edge+version, clusterBody(first)).want(http.StatusCreated)
	b.do("PUT", edge+version, clusterBody(second)).want(http.StatusOK).has("properties.agentPublicKeyCertificate", second)
	b.tracker.Beat(strings.ToLower(edge))
	b.do("PUT", edge+version, clusterBody(first)).refused(http.StatusConflict, "Conflict")
	b.do("PATCH", edge+version, `{"properties":{"agentPublicKeyCertificate":"`+first+`"}}`).refused(http.StatusConflict, "Conflict")
	b.do("PUT", edge+version, clusterBody(second)).want(http.StatusOK)
}

func TestIdentityIsTheHubs(t *testing.T) {
	b := start(t)
	body := clusterBody(onboardingKey(t, 2048))
	forged := strings.Replace(body, `"SystemAssigned"`, `"SystemAssigned","principalId":"`+owner+`","tenantId":"x"`, 1)
	principal := b.do("PUT", edge+version, forged).want(http.StatusCreated).document.Text("identity.principalId")
	if principal == owner || principal == "" {
		t.Fatalf("principal %q", principal)
	}
	b.do("PUT", edge+version, forged).want(http.StatusOK).has("identity.principalId", principal, "identity.tenantId", tenant)
	b.do("PATCH", edge+version, `{"identity":{"principalId":"`+owner+`"}}`).want(http.StatusOK).has("identity.principalId", principal)
	b.do("PATCH", edge+version, `{"identity":null}`).refused(http.StatusBadRequest, "InvalidRequestContent")
	b.do("PATCH", edge+version, `{"properties":{"connectivityStatus":"Connected","agentVersion":"9"}}`).want(http.StatusOK).
		has("properties.connectivityStatus", "Connecting", "properties.agentVersion", "")
}

func TestProtectedSettingsAreNotKept(t *testing.T) {
	b := start(t)
	body := strings.Replace(clusterBody(onboardingKey(t, 2048)), `"distribution"`,
		`"arcAgentryConfigurations":[{"feature":"proxy","settings":{"a":"b"},"protectedSettings":{"https_proxy":"https://u:secret@p"}}],"distribution"`, 1)
	b.do("PUT", edge+version, body).want(http.StatusCreated).has(
		"properties.arcAgentryConfigurations", `[{"feature":"proxy","settings":{"a":"b"}}]`)
	stored, err := b.db.GetResource(t.Context(), strings.ToLower(edge))
	if err != nil || strings.Contains(string(stored.Body), "secret") {
		t.Errorf("%s, %v", stored.Body, err)
	}
}

func TestClusterListsAndCase(t *testing.T) {
	b := start(t)
	key := onboardingKey(t, 2048)
	b.do("PUT", subscription+"/resourcegroups/Other", `{"location":"local"}`).want(http.StatusCreated)
	for _, path := range []string{clusters + "/b", clusters + "/A", subscription + "/RESOURCEGROUPS/other/PROVIDERS/microsoft.kubernetes/CONNECTEDCLUSTERS/c"} {
		b.do("PUT", path+version, clusterBody(key)).want(http.StatusCreated)
	}
	list := "/providers/Microsoft.Kubernetes/connectedClusters" + version
	if got := b.do("GET", subscription+list, "").names(); !slices.Equal(got, []string{"c", "A", "b"}) {
		t.Errorf("by subscription: %v", got)
	}
	if got := b.do("GET", strings.ToUpper(group)+list, "").names(); !slices.Equal(got, []string{"A", "b"}) {
		t.Errorf("by group: %v", got)
	}
	b.do("GET", strings.ToUpper(clusters+"/a")+version, "").want(http.StatusOK).has("name", "A", "id", clusters+"/A")
	b.do("GET", subscription+"/resourceGroups/absent"+list, "").refused(http.StatusNotFound, "ResourceGroupNotFound")
	first := b.do("GET", subscription+list+"&$top=2", "")
	if got := first.names(); !slices.Equal(got, []string{"c", "A"}) {
		t.Errorf("first page: %v", got)
	}
	next := strings.TrimPrefix(first.document.Text("nextLink"), b.url)
	if got := b.do("GET", next, "").has("nextLink", "").names(); !slices.Equal(got, []string{"b"}) {
		t.Errorf("second page: %v", got)
	}
}
