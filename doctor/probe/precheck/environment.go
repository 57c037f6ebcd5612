package precheck

import "strings"

// The variables by which the chart of the pre-check passes its settings.
const (
	EnvConnect    = "PRECHECK_CONNECT"
	EnvOnboarding = "PRECHECK_ONBOARDING" // separated by blanks
	EnvLogin      = "PRECHECK_LOGIN"
	EnvCRDs       = "PRECHECK_CRDS" // separated by blanks
	EnvHubCA      = "HUB_CA"
	EnvProxyCA    = "PROXY_CERT"
)

// FromEnvironment returns the settings, and the custom resource definitions to look at.
func FromEnvironment(getenv func(string) string) (Settings, []string) {
	return Settings{
		Connect: getenv(EnvConnect), Onboarding: strings.Fields(getenv(EnvOnboarding)), Login: getenv(EnvLogin),
		CAs:   Authorities(getenv(EnvHubCA), getenv(EnvProxyCA)),
		Proxy: Proxy{HTTP: getenv("HTTP_PROXY"), HTTPS: getenv("HTTPS_PROXY"), None: getenv("NO_PROXY")},
	}, strings.Fields(getenv(EnvCRDs))
}

// Authorities joins the authority of a hub with that of a proxy which ends TLS. Where the hub has none of its own, its
// certificate is a public one, for which this program carries no roots: nothing is verified then.
func Authorities(hub, proxy string) string {
	if strings.TrimSpace(hub) == "" {
		return ""
	}
	return hub + "\n" + proxy
}
