// Package settings reads what the chart has told the agents: which connected cluster this is, where
// its hub is and how to get there. In a pod that is the environment; an agent that runs as a plain
// process reads the same objects through the API server.
package settings

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/kube"
)

// Names of settings beyond those of ConfigMap azure-clusterconfig, and of the objects that hold them.
const (
	HubCA            = "HUB_CA"
	ProxyHTTP        = "HTTP_PROXY"
	ProxyHTTPS       = "HTTPS_PROXY"
	ProxyNone        = "NO_PROXY"
	ProxyCertificate = "PROXY_CERT"
	AgentVersion     = "AZURE_ARC_AGENT_VERSION"
	ReleaseName      = "AZURE_ARC_RELEASE_NAME"
	ReleaseNamespace = "AZURE_ARC_RELEASE_NAMESPACE"
	Workloads        = "AZURE_ARC_WORKLOADS"
	ClusterConnect   = "AZURE_ARC_CLUSTER_CONNECT" // true or false
	AzureRBAC        = "AZURE_ARC_AZURE_RBAC"      // true or false
	Extensions       = "AZURE_ARC_EXTENSIONS"      // true or false

	hubCAConfigMap = "azure-arc-hub-ca"
	hubCAKey       = "ca.crt"
	proxySecret    = "proxy-config" //nolint:gosec // the name of a Secret, not a secret
)

// Settings are the agents' settings.
type Settings struct {
	Cluster                      fairlead.ResourceID
	TenantID, Region             string
	HubURL                       string // without a slash at the end
	HubCA                        []byte // PEM, may be empty
	Proxy                        Proxy
	Distribution, Infrastructure string // what the user said at connect, may be empty
	AgentVersion                 string
	ReleaseName                  string
	ReleaseNamespace             string
	Workloads                    []string // the Deployments that the chart has made
	ClusterConnect               bool     // people reach the cluster through the hub
	AzureRBAC                    bool     // and the hub's roles say what they may do in it
	Extensions                   bool     // the hub installs charts in the cluster
}

// Proxy says how to get out of the cluster. Its URLs may hold a password: it prints as nothing.
type Proxy struct {
	HTTP, HTTPS, None string
	CA                []byte // PEM of a proxy that ends TLS
}

// String hides the proxy's password.
func (Proxy) String() string { return "(proxy)" }

// FromEnvironment reads the settings of a pod. The error is a NotFound when there are none.
func FromEnvironment(getenv func(string) string) (Settings, error) {
	if getenv(fairlead.KeyResourceName) == "" || getenv(fairlead.KeyDataPlane) == "" {
		return Settings{}, fairlead.Errorf(fairlead.NotFound, "the environment holds no settings of a connected cluster")
	}
	return read(getenv)
}

// FromCluster reads the settings from the objects of the chart in a namespace.
func FromCluster(ctx context.Context, client *kube.Client, namespace string) (Settings, error) {
	var config, authority corev1.ConfigMap
	if err := client.Get(ctx, kube.ConfigMaps(namespace), fairlead.ClusterConfigMap, &config); err != nil {
		return Settings{}, fmt.Errorf("read the settings of the connected cluster: %w", err)
	}
	if err := optional(client.Get(ctx, kube.ConfigMaps(namespace), hubCAConfigMap, &authority)); err != nil {
		return Settings{}, fmt.Errorf("read the hub's authority: %w", err)
	}
	var proxy corev1.Secret
	if err := optional(client.Get(ctx, kube.Secrets(namespace), proxySecret, &proxy)); err != nil {
		return Settings{}, fmt.Errorf("read the proxy's settings: %w", err)
	}
	all := config.Data
	if all == nil {
		all = map[string]string{}
	}
	all[HubCA] = authority.Data[hubCAKey]
	for key, value := range proxy.Data {
		all[key] = string(value)
	}
	return read(func(key string) string { return all[key] })
}

// IdentityFromCluster reads which connected cluster this is, for agents that need no way to the hub and may not read its proxy.
func IdentityFromCluster(ctx context.Context, client *kube.Client, namespace string) (Settings, error) {
	var config corev1.ConfigMap
	if err := client.Get(ctx, kube.ConfigMaps(namespace), fairlead.ClusterConfigMap, &config); err != nil {
		return Settings{}, fmt.Errorf("read which connected cluster this is: %w", err)
	}
	return read(func(key string) string { return config.Data[key] })
}

func optional(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func read(get func(string) string) (Settings, error) {
	s := Settings{
		Cluster:  clusterID(get(fairlead.KeyClusterType))(get(fairlead.KeySubscription), get(fairlead.KeyResourceGroup), get(fairlead.KeyResourceName)),
		TenantID: get(fairlead.KeyTenant), Region: get(fairlead.KeyRegion),
		HubURL: strings.TrimRight(get(fairlead.KeyDataPlane), "/"), HubCA: []byte(get(HubCA)),
		Proxy:        Proxy{HTTP: get(ProxyHTTP), HTTPS: get(ProxyHTTPS), None: skip(get(ProxyNone), get(fairlead.KeyDataPlane)), CA: []byte(get(ProxyCertificate))},
		Distribution: get(fairlead.KeyDistribution), Infrastructure: get(fairlead.KeyInfra),
		AgentVersion: or(get(AgentVersion), fairlead.Version),
		ReleaseName:  or(get(ReleaseName), fairlead.ReleaseName), ReleaseNamespace: or(get(ReleaseNamespace), fairlead.ReleaseNamespace),
		Workloads:      strings.FieldsFunc(get(Workloads), func(r rune) bool { return r == ',' }),
		ClusterConnect: get(ClusterConnect) == "true", AzureRBAC: get(AzureRBAC) == "true",
		Extensions: get(Extensions) == "true",
	}
	return s, s.check()
}

func clusterID(kind string) func(subscription, group, name string) fairlead.ResourceID {
	if strings.EqualFold(kind, fairlead.ClusterManaged) {
		return fairlead.ManagedClusterID
	}
	return fairlead.ConnectedClusterID
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func (s Settings) check() error {
	if _, err := fairlead.ParseResourceID(s.Cluster.String()); err != nil {
		return fmt.Errorf("the settings name no connected cluster: %w", err)
	}
	if !strings.HasPrefix(s.HubURL, "https://") {
		return errors.New("the hub's URL in the settings does not begin with https://")
	}
	return nil
}
