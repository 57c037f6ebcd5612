package contract_test

import (
	"net/http"
	"strings"
	"testing"
)

// call is one call of az. Host is the name below the domain; path may also be an address that the hub handed out.
type call struct {
	number string // in the contract's list of all calls
	reason string // why az needs what is asserted
	host   string
	method string
	path   string
	token  string // name of the value that is the bearer token
	accept string
	body   string
	form   map[string]string
	want   []check
}

const (
	arm, login, dp, graph, mcr, images = "arm", "login.arc", "dp", "graph", "mcr.microsoft", "registry"

	get, put, post, patch, head, del = http.MethodGet, http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodHead, http.MethodDelete

	// The same cluster as the commands spell it.
	cc      = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Kubernetes/connectedClusters/{cc}"
	ccLower = "/subscriptions/{sub}/resourcegroups/{rg}/providers/microsoft.kubernetes/connectedclusters/{cc}"
	preview = "?api-version=2025-08-01-preview"
	group   = "/subscriptions/{sub}/resourcegroups/{rg}?api-version=2024-11-01"

	manifests = "application/vnd.oci.image.manifest.v1+json"
)

// calls are in the order of az cloud register, login, account, group, provider, connectedk8s connect, list, show,
// update, upgrade and delete.
func calls() []call {
	all := [][]call{signIn(), inventory(), onboarding(), registry(), dayTwo(), extensions(), goodbye()}
	var flat []call
	for _, some := range all {
		flat = append(flat, some...)
	}
	return flat
}

func signIn() []call {
	claims := `{"access_token":{"xms_cc":{"values":["CP1"]}}}`
	return []call{
		{
			number: "1", reason: "cloud register; the keys of §3", host: arm, method: get, path: "/metadata/endpoints?api-version=2022-09-01",
			want: []check{
				status(200), has("name", "graphAudience", "suffixes", "resourceManager", "portal"),
				equals("authentication.loginEndpoint", "https://login.arc.hub.example.org:{port}"),
				equals("dataplaneEndpoints.arcConfigEndpoint", "https://dp.hub.example.org:{port}"),
				has("dataplaneEndpoints.arcGlobalNotificationServiceEndpoint", "dataplaneEndpoints.arcHybridIdentityServiceEndpoint", "suffixes.relayEndpointSuffix"),
				learn("armAudience", "resourceManager"), learn("graphAudience", "microsoftGraphResourceId"), audience,
			},
		},
		{
			number: "1", reason: "azure-cli 2.45 asks for the older form", host: arm, method: get, path: "/metadata/endpoints?api-version=2015-01-01",
			want: []check{status(200), has("galleryEndpoint", "graphEndpoint", "portalEndpoint", "authentication.loginEndpoint", "authentication.audiences")},
		},
		{
			number: "1", reason: "ARM_CLOUD_METADATA_URL names an array", host: arm, method: get, path: "/metadata/clouds?api-version=2022-09-01",
			want: []check{status(200), array},
		},
		{
			number: "2", reason: "login --tenant", host: login, method: get, path: "/{tenant}/v2.0/.well-known/openid-configuration",
			want: []check{status(200), has("authorization_endpoint", "issuer", "jwks_uri"), learn("tokenEndpoint", "token_endpoint")},
		},
		{
			number: "2", reason: "login without --tenant", host: login, method: get, path: "/organizations/v2.0/.well-known/openid-configuration",
			want: []check{status(200), has("authorization_endpoint", "token_endpoint")},
		},
		{
			number: "2", reason: "an authority that ends in /adfs", host: login, method: get, path: "/adfs/.well-known/openid-configuration",
			want: []check{status(200), has("authorization_endpoint"), learn("adfsTokenEndpoint", "token_endpoint")},
		},
		{
			number: "3", reason: "a wrong secret is shown to the user", method: post, path: "{tokenEndpoint}",
			form: map[string]string{"client_id": "{app}", "client_secret": "wrong", "grant_type": "client_credentials", "scope": "{armAudience}/.default"},
			want: []check{status(400, 401), has("error", "error_description")},
		},
		{
			number: "3", reason: "login --service-principal, as MSAL sends it", method: post, path: "{tokenEndpoint}",
			form: map[string]string{"client_id": "{app}", "client_secret": "{secret}", "grant_type": "client_credentials", "scope": "{armAudience}/.default", "client_info": "1", "claims": claims},
			want: []check{status(200), equals("token_type", "Bearer"), has("expires_in", "ext_expires_in"), learn("token", "access_token")},
		},
		{
			number: "3", reason: "the same in the adfs flavour", method: post, path: "{adfsTokenEndpoint}",
			form: map[string]string{"client_id": "{app}", "client_secret": "{secret}", "grant_type": "client_credentials", "scope": "{armAudience}/.default", "client_info": "1", "claims": claims},
			want: []check{status(200), has("access_token")},
		},
		{
			number: "3", reason: "connect asks for the directory", method: post, path: "{tokenEndpoint}",
			form: map[string]string{"client_id": "{app}", "client_secret": "{secret}", "grant_type": "client_credentials", "scope": "{graphAudience}/.default", "client_info": "1", "claims": claims},
			want: []check{status(200), learn("graphToken", "access_token")},
		},
		{
			number: "4", reason: "login --use-device-code: what a person types, or an error of the protocol", host: login, method: post, path: "/{tenant}/oauth2/v2.0/devicecode",
			form: map[string]string{"client_id": "04b07795-8ddb-461a-bbee-02f9e1bf7b46", "scope": "{armAudience}/.default offline_access openid profile"},
			want: []check{later(status(200), has("device_code", "user_code", "verification_uri", "expires_in", "interval", "message"))},
		},
		{
			number: "3", reason: "proxy's token is bound to a key", method: post, path: "{tokenEndpoint}",
			form: map[string]string{
				"client_id": "{app}", "client_secret": "{secret}", "grant_type": "client_credentials", "scope": "6256c85f-0aad-4d50-b960-e6e9b21efe35/.default",
				"token_type": "pop", "key_id": "kid", "req_cnf": "eyJraWQiOiJraWQiLCJ4bXNfa3NsIjoic3cifQ",
			},
			want: []check{laterToken(status(200), equals("token_type", "pop"), has("access_token"))},
		},
	}
}

func inventory() []call {
	return []call{
		{
			number: "5", reason: "tenants of a person", host: arm, method: get, token: "token", path: "/tenants?api-version=2022-12-01",
			want: []check{status(200), list, firstHas("id", "tenantId", "displayName")},
		},
		{
			number: "6", reason: "an empty list fails the login", host: arm, method: get, token: "token", path: "/subscriptions?api-version=2022-12-01",
			want: []check{status(200), list, firstHas("id", "subscriptionId", "tenantId", "displayName", "state", "managedByTenants", "subscriptionPolicies"), subscription},
		},
		{
			number: "6", reason: "as 2.45 asks", host: arm, method: get, token: "token", path: "/subscriptions?api-version=2019-11-01",
			want: []check{status(200), list},
		},
		{
			number: "6", reason: "without a token the answer is 401, not a redirect", host: arm, method: get, path: "/subscriptions?api-version=2022-12-01",
			want: []check{status(401), has("error.code", "error.message")},
		},
		{
			number: "7", reason: "account list-locations", host: arm, method: get, token: "token", path: "/subscriptions/{sub}/locations?api-version=2022-12-01",
			want: []check{status(200), list, firstHas("name", "displayName")},
		},
		{
			number: "8", reason: "connect asks whether the group is there", host: arm, method: head, token: "token", path: group,
			want: []check{status(404), emptyBody},
		},
		{
			number: "8", reason: "and makes it", host: arm, method: put, token: "token", path: group, body: `{"location":"local"}`,
			want: []check{status(200, 201), has("id", "name"), equals("properties.provisioningState", "Succeeded")},
		},
		{
			number: "8", reason: "204, as the SDK takes it for yes", host: arm, method: head, token: "token", path: group,
			want: []check{status(204), emptyBody},
		},
		{
			number: "8", reason: "with the other spelling and version", host: arm, method: head, token: "token", path: "/subscriptions/{sub}/resourceGroups/{rg}?api-version=2021-04-01",
			want: []check{status(204), emptyBody},
		},
		{
			number: "8", reason: "connect without -l reads the location", host: arm, method: get, token: "token", path: group,
			want: []check{status(200), equals("location", "local")},
		},
		{
			number: "8", reason: "group list", host: arm, method: get, token: "token", path: "/subscriptions/{sub}/resourcegroups?api-version=2024-11-01",
			want: []check{status(200), list},
		},
		{
			number: "8", reason: "a group that is not there", host: arm, method: get, token: "token", path: "/subscriptions/{sub}/resourcegroups/none?api-version=2024-11-01",
			want: []check{status(404), refusal("ResourceGroupNotFound")},
		},
		{
			number: "9", reason: "connect stops unless the type is offered in the location", host: arm, method: get, token: "token", path: "/subscriptions/{sub}/providers/Microsoft.Kubernetes?api-version=2024-11-01",
			want: []check{status(200), has("id"), provider("Microsoft.Kubernetes", "connectedClusters")},
		},
		{
			number: "9", reason: "az 2.91 asks with a version of its own", host: arm, method: get, token: "token", path: "/subscriptions/{sub}/providers/microsoft.kubernetesconfiguration?api-version=2025-04-01",
			want: []check{status(200), provider("Microsoft.KubernetesConfiguration", "")},
		},
		{
			number: "9", reason: "any but a document or a clean refusal ends connect", host: arm, method: get, token: "token", path: "/subscriptions/{sub}/providers/Microsoft.ExtendedLocation?api-version=2021-04-01",
			want: []check{status(200), provider("Microsoft.ExtendedLocation", "")},
		},
		{
			number: "10", reason: "provider register", host: arm, method: post, token: "token", path: "/subscriptions/{sub}/providers/Microsoft.Kubernetes/register?api-version=2024-11-01",
			want: []check{status(200), provider("Microsoft.Kubernetes", "connectedClusters")},
		},
	}
}

// onboarding is connectedk8s connect.
func onboarding() []call {
	return []call{
		{
			number: "11", reason: "the name must be free: 404, in the words that extensions look for", host: arm, method: get, token: "token", path: cc + preview,
			want: []check{status(404), refusal("ResourceNotFound")},
		},
		{
			number: "11", reason: "connect's PUT; infrastructure None is what a node without providerID gives", host: arm, method: put, token: "token", path: cc + preview,
			body: `{"location":"local","identity":{"type":"SystemAssigned"},"tags":{},"properties":{"agentPublicKeyCertificate":"{key}","distribution":"generic","infrastructure":"None"}}`,
			want: []check{status(200, 201), longRunning},
		},
		{
			number: "15", reason: "the poll, at once", method: get, token: "token", path: "{operation}",
			want: []check{status(200), has("id", "name", "status", "startTime")},
		},
		{
			number: "11", reason: "the final document at the PUT's URL", host: arm, method: get, token: "token", path: cc + preview,
			want: []check{status(200), clusterDocument, learn("principal", "identity.principalId"), learn("document", "id")},
		},
		{
			number: "11", reason: "az group spells it in lower case; the id keeps its spelling", host: arm, method: get, token: "token", path: ccLower + preview,
			want: []check{status(200), equals("id", "{document}")},
		},
		{
			number: "19", reason: "its id becomes customLocations.oid", host: graph, method: get, token: "graphToken",
			path: "/v1.0/servicePrincipals?$filter=appId%20eq%20'bc313c14-388c-4e7d-a58e-70017303ee3b'",
			want: []check{status(200), list, firstHas("id")},
		},
		{
			number: "16", reason: "200, and no body is sent", host: dp, method: post, token: "token", path: "/azure-arc-k8sagents/healthCheck?api-version=2024-07-01-preview",
			want: []check{status(200)},
		},
		{
			number: "17", reason: "helm settings with secrets left as placeholders", host: dp, method: post, token: "token", path: "/azure-arc-k8sagents/GetHelmSettings?api-version=2024-07-01-preview&releaseTrain=stable",
			body: `{"id":"{document}","location":"local","identity":{"type":"SystemAssigned","principalId":"{principal}","tenantId":"{tenant}"},"properties":{"connectivityStatus":"Connecting","arcAgentryConfigurations":[{"feature":"proxy","settings":{},"protectedSettings":{"https_proxy":"redacted:proxy:https_proxy","no_proxy":"redacted:proxy:no_proxy"}}]}}`,
			want: []check{status(200), helmValues, placeholders, repositoryPath},
		},
		{
			number: "18", reason: "upgrade and features ask for the newest chart", host: dp, method: post, token: "token", path: "/azure-arc-k8sagents/GetLatestHelmPackagePath?api-version=2019-11-01-preview&releaseTrain=stable",
			want: []check{status(200), repositoryPath},
		},
	}
}

func registry() []call {
	chart := "/v2/azurearck8s/batch1/stable/v2/azure-arc-k8sagents"
	return []call{
		{
			number: "20", reason: "helm asks for no token and for nothing before", host: images, method: get, path: chart + "/manifests/{chartVersion}", accept: manifests,
			want: []check{status(200), header("Content-Type", manifests), has("config", "layers"), chartLayer},
		},
		{
			number: "20", reason: "then for the layer", host: images, method: get, path: chart + "/blobs/{layer}",
			want: []check{status(200), header("Docker-Content-Digest", "{layer}")},
		},
		{
			number: "21", reason: "the pre-check chart", host: mcr, method: get, path: "/v2/azurearck8s/helmchart/stable/clusterdiagnosticchecks/manifests/1.36.1", accept: manifests,
			want: []check{status(200), header("Content-Type", manifests), chartLayer},
		},
		{
			number: "22", reason: "az asks whether helm is there", host: mcr, method: head, path: "/v2/azurearck8s/helm/manifests/helm-v3.20.1-linux-amd64",
			want: []check{status(200), emptyBody, header("Content-Type", manifests)},
		},
		{
			number: "22", reason: "in the adfs flavour, with the prefix before /v2", host: mcr, method: head, path: "/adfs/v2/azurearck8s/helm/manifests/helm-v3.20.1-linux-amd64",
			want: []check{status(200), emptyBody},
		},
		{
			number: "22", reason: "oras pulls one layer, with a title and of no type that it unpacks", host: mcr, method: get, path: "/v2/azurearck8s/helm/manifests/helm-v3.20.1-linux-amd64", accept: manifests,
			want: []check{status(200), helmLayer},
		},
		{
			number: "22", reason: "in the adfs flavour, with the prefix after /v2", host: mcr, method: get, path: "/v2/adfs/azurearck8s/helm/blobs/{layer}",
			want: []check{status(200), header("Docker-Content-Digest", "{layer}")},
		},
		{
			number: "22", reason: "what nobody pushed is 404, for which az tries the index", host: mcr, method: head, path: "/v2/azurearck8s/helm/manifests/helm-v3.20.1-linux-arm64",
			want: []check{status(404)},
		},
		{
			number: "23", reason: "the proxy program is not there yet", host: mcr, method: get, path: "/v2/azureconnectivity/proxy/linux/amd64/arc-proxy/manifests/1.3.035022", accept: manifests,
			want: []check{status(200, 404)},
		},
	}
}

// dayTwo is list, show, update, and what other extensions ask.
func dayTwo() []call {
	return []call{
		{
			number: "12", reason: "k8s-extension and flux ask in an old version", host: arm, method: get, token: "token", path: cc + "?api-version=2021-10-01",
			want: []check{status(200), equals("location", "local")},
		},
		{
			number: "13", reason: "list", host: arm, method: get, token: "token", path: "/subscriptions/{sub}/providers/Microsoft.Kubernetes/connectedClusters" + preview,
			want: []check{status(200), list, firstHas("id", "properties")},
		},
		{
			number: "13", reason: "list -g", host: arm, method: get, token: "token", path: "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Kubernetes/connectedClusters" + preview,
			want: []check{status(200), list},
		},
		{
			number: "11", reason: "update of tags: 200 only, not long-running", host: arm, method: patch, token: "token", path: cc + preview, body: `{"tags":{"env":"prod"},"properties":{}}`,
			want: []check{status(200), equals("tags.env", "prod"), clusterDocument, settled},
		},
		{
			number: "11", reason: "update's PUT: read-only parts left out, arcAgentProfile in part", host: arm, method: put, token: "token", path: cc + preview,
			body: `{"location":"local","identity":{"type":"SystemAssigned"},"tags":{"env":"prod"},"properties":{"agentPublicKeyCertificate":"{key}","provisioningState":"Succeeded","privateLinkState":"Disabled","distribution":"generic","infrastructure":"None","arcAgentProfile":{"agentAutoUpgrade":"Disabled"}}}`,
			want: []check{status(200), longRunning, equals("properties.arcAgentProfile.agentAutoUpgrade", "Disabled"), equals("identity.principalId", "{principal}")},
		},
		{
			number: "14", reason: "proxy", host: arm, method: post, token: "token", path: cc + "/listClusterUserCredential" + preview,
			body: `{"authenticationMethod":"AAD","clientProxy":true}`, want: []check{credential},
		},
		{
			number: "14", reason: "proxy --token", host: arm, method: post, token: "token", path: ccLower + "/listClusterUserCredential" + preview,
			body: `{"authenticationMethod":"Token","clientProxy":true}`, want: []check{credential},
		},
		{
			number: "14", reason: "the name of the first api-version", host: arm, method: post, token: "token", path: cc + "/listClusterUserCredentials?api-version=2020-01-01-preview",
			body: `{"authenticationMethod":"AAD","value":{"token":"unused"}}`, want: []check{credential},
		},
		{
			number: "14", reason: "a method that there is not", host: arm, method: post, token: "token", path: cc + "/listClusterUserCredential" + preview,
			body: `{"authenticationMethod":"Password"}`, want: []check{refusal("InvalidRequestContent")},
		},
		{
			number: "30", reason: "gateway association: 200, or an error; 201 would be a failure to az", host: arm, method: put, token: "token",
			path: cc + "/providers/Microsoft.HybridCompute/settings/Default?api-version=2025-02-19-preview",
			body: `{"properties":{"gatewayProperties":{"gatewayResourceId":null}}}`,
			want: []check{status(200)},
		},
	}
}

// extensions are the calls of az's other extensions; what is one() comes with later issues.
func extensions() []call {
	kc := cc + "/providers/Microsoft.KubernetesConfiguration"
	locations := "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ExtendedLocation/customLocations"
	one := func(number, reason, path string) call {
		return call{number: number, reason: reason, host: arm, method: get, token: "token", path: path, want: []check{later(status(200))}}
	}
	real := func(number, reason, path string) call {
		return call{number: number, reason: reason, host: arm, method: get, token: "token", path: path, want: []check{status(200), has("value")}}
	}
	return []call{
		real("24", "k8s-extension list", kc+"/extensions?api-version=2023-05-01"),
		real("24", "flux create looks for microsoft.flux", kc+"/extensions?api-version=2022-07-01"),
		one("25", "flux create; must be an empty list one day", kc+"/sourceControlConfigurations?api-version=2022-03-01"),
		one("26", "flux list", kc+"/fluxConfigurations?api-version=2022-07-01"),
		real("27", "extension-types of a cluster", kc+"/extensionTypes?api-version=2023-05-01-preview"),
		real("27", "extension-types of a location", "/subscriptions/{sub}/providers/Microsoft.KubernetesConfiguration/locations/local/extensionTypes?api-version=2023-05-01-preview"),
		{
			number: "24", reason: "k8s-extension create of a type that is not there: what to do is shown", host: arm, method: put, token: "token",
			path: kc + "/extensions/demo?api-version=2023-05-01", body: `{"identity":{"type":"SystemAssigned"},"properties":{"extensionType":"contoso.demo",` +
				`"autoUpgradeMinorVersion":null,"releaseTrain":null,"version":null,"scope":{"cluster":{"releaseNamespace":null}},` +
				`"configurationSettings":{},"configurationProtectedSettings":{}}}`,
			want: []check{status(400), refusal()},
		},
		{
			number: "24", reason: "k8s-extension show of what is not there: (ResourceNotFound)", host: arm, method: get, token: "token",
			path: kc + "/extensions/demo?api-version=2023-05-01", want: []check{status(404), equals("error.code", "ResourceNotFound")},
		},
		{
			number: "24", reason: "k8s-extension delete of what is not there", host: arm, method: del, token: "token",
			path: kc + "/extensions/demo?api-version=2023-05-01&forceDelete=false", want: []check{status(204)},
		},
		one("28", "customlocation list", locations+"?api-version=2021-08-15"),
		one("29", "list-enabled-resource-types", locations+"/there/enabledResourceTypes?api-version=2021-08-15"),
	}
}

func goodbye() []call {
	return []call{
		{
			number: "11", reason: "delete", host: arm, method: del, token: "token", path: cc + preview,
			want: []check{status(200, 202, 204), longRunning},
		},
		{
			number: "11", reason: "delete --force of what is gone", host: arm, method: del, token: "token", path: cc + preview + "&force=True",
			want: []check{status(200, 202, 204)},
		},
		{
			number: "8", reason: "group delete: 200, or 202 with Location", host: arm, method: del, token: "token", path: group,
			want: []check{status(200, 202), longRunning},
		},
		{
			number: "15", reason: "group delete is polled as any", method: get, token: "token", path: "{operation}",
			want: []check{status(200), has("status", "startTime")},
		},
	}
}

func TestContract(t *testing.T) {
	hub := startHub(t)
	hub.values["key"] = publicKeyOf(t)
	hub.pushHelm(t)
	for _, c := range calls() {
		name := c.number + " " + c.method + " " + strings.TrimPrefix(c.host+"."+domain, ".") + " " + c.reason
		t.Run(name, func(t *testing.T) {
			if strings.Contains(c.path, "{operation}") && hub.values["operation"] == "" {
				t.Skip("the call before was answered at once, so there is nothing to poll")
			}
			got := hub.send(t, c)
			for _, check := range c.want {
				check(t, got)
			}
		})
	}
}
