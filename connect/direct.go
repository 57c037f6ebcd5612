package connect

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"regexp"
	"strings"

	"github.com/fairlead/fairlead"
)

// direct refuses a kubeconfig that reaches the cluster through the agents that are about to change or go.
func (k *Cluster) direct(id fairlead.ResourceID) error {
	server, err := url.Parse(k.Server)
	if err != nil {
		return nil //nolint:nilerr // reach says what is wrong with it
	}
	path := pathOf(server)
	if path != "/kubernetes"+strings.ToLower(id.String()) && path != "/"+hashOf(id) {
		return nil
	}
	return fairlead.Errorf(fairlead.Invalid, "the context %q leads to %s through its own agents, which this would cut off: use a kubeconfig of the cluster itself (--kube-config, --kube-context)",
		k.Context, id.Name()).WithCode("ThroughAgents")
}

// throughHub is what the path of a context's server is when it leads to a cluster through a hub, or through a local proxy that does.
var throughHub = regexp.MustCompile(`^/(kubernetes/subscriptions/[^/]+/resourcegroups/[^/]+/providers/microsoft\.kubernetes/connectedclusters/[^/]+|[0-9a-f]{64})$`)

// throughNobody refuses a kubeconfig that reaches a cluster through a hub: what is connected already is not to be connected through
// itself.
func (k *Cluster) throughNobody() error {
	server, err := url.Parse(k.Server)
	if err != nil || !throughHub.MatchString(pathOf(server)) {
		return nil //nolint:nilerr // reach says what is wrong with it
	}
	return fairlead.Errorf(fairlead.Invalid, "the context %q leads to a cluster that is connected already, through a hub (%s): it cannot be connected through itself. "+
		"Use a kubeconfig of the cluster to be connected (--kube-config, --kube-context)", k.Context, k.Server).WithCode("ThroughAgents")
}

func pathOf(server *url.URL) string { return strings.ToLower(strings.TrimSuffix(server.Path, "/")) }

// hashOf is how local proxies, az's among them, name a cluster.
func hashOf(id fairlead.ResourceID) string {
	sum := sha256.Sum256([]byte(strings.ToLower(id.String())))
	return hex.EncodeToString(sum[:])
}
