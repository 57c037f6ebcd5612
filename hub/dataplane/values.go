package dataplane

import (
	"encoding/base64"
	"maps"
	"strings"

	"github.com/fairlead/fairlead"
)

// document is what is read of the connected cluster that a client sends. Its protected settings
// are placeholders: the client keeps the secrets and puts them where the hub repeats a placeholder.
type document struct {
	ID         string `json:"id"`
	Properties struct {
		Configurations []struct {
			Feature   string            `json:"feature"`
			Protected map[string]string `json:"protectedSettings"`
		} `json:"arcAgentryConfigurations"`
	} `json:"properties"`
}

// proxyValues says which value of the chart takes which protected setting of feature proxy.
func proxyValues() map[string]string {
	return map[string]string{
		"https_proxy": "global.httpsProxy", "http_proxy": "global.httpProxy",
		"no_proxy": "global.noProxy", "proxy_cert": "global.proxyCert",
	}
}

// placeholders returns the chart's values that are secrets of the client's, for exactly those
// that the client names.
func (d document) placeholders() map[string]string {
	found := map[string]string{}
	for _, configuration := range d.Properties.Configurations {
		if !strings.EqualFold(configuration.Feature, "proxy") {
			continue
		}
		for setting := range configuration.Protected {
			if value, ok := proxyValues()[setting]; ok {
				found[value] = "redacted:proxy:" + setting
			}
		}
	}
	if len(found) > 0 {
		found["global.isProxyEnabled"] = "true"
	}
	return found
}

// values returns everything that the chart must know of the cluster and the hub: clients add none of it.
func (s *Server) values(id fairlead.ResourceID, location, host string) map[string]string {
	return map[string]string{
		"global.subscriptionId":    id.Subscription,
		"global.resourceGroupName": id.ResourceGroup,
		"global.resourceName":      id.Name(),
		"global.location":          location,
		"global.tenantId":          s.TenantID,
		"global.hubCA":             base64.StdEncoding.EncodeToString(s.authorities()),
		"systemDefaultValues.azureArcAgents.config_dp_endpoint_override": s.URL,
		"systemDefaultValues.image.repository":                           host,
	}
}

// escapeAll makes values safe for `helm --set`, to which clients pass them as they are, and adds
// the placeholders, which clients must find as they are.
func escapeAll(values, placeholders map[string]string) map[string]string {
	escaped := make(map[string]string, len(values)+len(placeholders))
	for name, value := range values {
		escaped[name] = escape(value)
	}
	maps.Copy(escaped, placeholders)
	return escaped
}

// escape writes a value so that Helm reads it back as it is: commas would end it, and an opening
// brace would begin a list. Any value with "redacted" in it is a placeholder to az, so a name that
// happens to contain that word gets a backslash inside, which Helm drops.
func escape(value string) string {
	escaped := strings.NewReplacer(`\`, `\\`, `,`, `\,`, "redacted", `redact\ed`).Replace(value)
	if strings.HasPrefix(escaped, "{") || strings.HasPrefix(escaped, "[") {
		return `\` + escaped
	}
	return escaped
}
