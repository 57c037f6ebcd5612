package connect

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"

	"github.com/fairlead/fairlead"
)

// direct refuses a kubeconfig that reaches the cluster through the agents that are about to change or go.
func (k *Cluster) direct(id fairlead.ResourceID) error {
	server, err := url.Parse(k.Server)
	if err != nil {
		return nil //nolint:nilerr // reach says what is wrong with it
	}
	path := strings.ToLower(strings.TrimSuffix(server.Path, "/"))
	if path != "/kubernetes"+strings.ToLower(id.String()) && path != "/"+hashOf(id) {
		return nil
	}
	return fairlead.Errorf(fairlead.Invalid, "the context %q leads to %s through its own agents, which this would cut off: use a kubeconfig of the cluster itself (--kube-config, --kube-context)",
		k.Context, id.Name()).WithCode("ThroughAgents")
}

// hashOf is how local proxies, az's among them, name a cluster.
func hashOf(id fairlead.ResourceID) string {
	sum := sha256.Sum256([]byte(strings.ToLower(id.String())))
	return hex.EncodeToString(sum[:])
}
