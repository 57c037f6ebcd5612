package connect

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/strvals"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// placeholderMark begins what stands for a protected setting: redacted:FEATURE:KEY.
const placeholderMark = "redacted"

// protected are the settings that stay on this machine and in the cluster, by feature and key.
func (p Proxy) protected() map[string]client.Secret {
	all := map[string]client.Secret{
		"https_proxy": p.HTTPS, "http_proxy": p.HTTP, "no_proxy": client.Secret(p.Skip), "proxy_cert": client.Secret(p.Certificate),
	}
	maps.DeleteFunc(all, func(_ string, value client.Secret) bool { return value == "" })
	return all
}

// question is the body of GetHelmSettings: the cluster as the hub has it, with placeholders for the
// settings that the hub must not see.
func (c *Connection) question() map[string]any {
	return question(c.stored, c.Options.Proxy)
}

func question(cluster fairlead.ConnectedCluster, proxy Proxy) map[string]any {
	document := map[string]any{}
	content, err := json.Marshal(cluster)
	if err == nil {
		err = json.Unmarshal(content, &document)
	}
	if err != nil {
		panic(fmt.Sprintf("a connected cluster is always JSON: %v", err)) // it holds strings, numbers and times only
	}
	placeholders := map[string]string{}
	for key := range proxy.protected() {
		placeholders[key] = placeholderMark + ":proxy:" + key
	}
	properties, _ := document["properties"].(map[string]any)
	if len(placeholders) > 0 {
		properties["arcAgentryConfigurations"] = []any{map[string]any{
			"feature": "proxy", "settings": map[string]any{}, "protectedSettings": placeholders,
		}}
	}
	return document
}

// values are the chart's values: ours first, then the hub's, which win.
func (c *Connection) values(settings fairlead.HelmSettings) (map[string]any, error) {
	values := map[string]any{}
	host, _, _ := strings.Cut(settings.RepositoryPath, "/")
	for _, one := range [][2]string{
		{"global.kubernetesDistro", c.Options.Distribution},
		{"global.kubernetesInfra", c.Options.Infrastructure},
		{"global.azureEnvironment", "FAIRLEAD"},
		{"systemDefaultValues.azureArcAgents.config_dp_endpoint_override", c.endpoint},
		{"systemDefaultValues.image.repository", host},
		{"global.profile", c.Options.Profile},
	} {
		if one[1] != "" {
			put(values, one[0], one[1])
		}
	}
	if c.Options.DisableAutoUpgrade {
		put(values, "systemDefaultValues.azureArcAgents.autoUpdate", false)
	}
	if c.Options.CustomLocationsOID != "" {
		put(values, valueCustomLocations, true)
		put(values, valueCustomOID, c.Options.CustomLocationsOID)
	}
	return values, overlay(values, settings.HelmValues, c.Options.Proxy)
}

// overlay puts the hub's values over others, filling in what it has placeholders for.
func overlay(values map[string]any, fromHub map[string]string, proxy Proxy) error {
	for _, name := range slices.Sorted(maps.Keys(fromHub)) {
		value := fromHub[name]
		if strings.Contains(value, placeholderMark) {
			secret, err := reveal(value, proxy)
			if err != nil {
				return err
			}
			put(values, name, secret)
			continue
		}
		if err := strvals.ParseInto(name+"="+value, values); err != nil {
			return fairlead.Errorf(fairlead.Invalid, "the hub's value for %s cannot be used: %w", name, err)
		}
	}
	return nil
}

func reveal(placeholder string, proxy Proxy) (string, error) {
	parts := strings.Split(placeholder, ":")
	if len(parts) == 3 && parts[1] == "proxy" {
		if secret, ok := proxy.protected()[parts[2]]; ok {
			return secret.Reveal(), nil
		}
	}
	return "", fairlead.Errorf(fairlead.Invalid, "the hub asks for the protected setting %q, which was not given", placeholder)
}

// put sets a value by its dotted name, taking it literally.
func put(values map[string]any, name string, value any) {
	parts := strings.Split(name, ".")
	for _, part := range parts[:len(parts)-1] {
		inner, ok := values[part].(map[string]any)
		if !ok {
			inner = map[string]any{}
			values[part] = inner
		}
		values = inner
	}
	values[parts[len(parts)-1]] = value
}
