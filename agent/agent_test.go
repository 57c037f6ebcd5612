package agent_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent"
)

const (
	clusterMetadata  = "/apis/arc.azure.com/v1beta1/namespaces/azure-arc/connectedclusters/clustermetadata"
	identityRequest  = "/apis/clusterconfig.azure.com/v1beta1/namespaces/azure-arc/azureclusteridentityrequests/cluster-identity-request"
	namespacePath    = "/api/v1/namespaces/azure-arc"
	definitionPath   = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
	proxyCertificate = "/apis/clusterconfig.azure.com/v1beta1/namespaces/azure-arc/arccertificates/kube-aad-proxy"
	proxySecret      = namespacePath + "/secrets/kube-aad-proxy-certificate"
	identitySecret   = namespacePath + "/secrets/azure-identity-certificate"
)

func deploymentPath(name string) string {
	return "/apis/apps/v1/namespaces/azure-arc/deployments/" + name
}

func TestUnknownAgentsAreRefused(t *testing.T) {
	for name, agents := range map[string][]string{"Unknown": {"conductor"}, "Twice": {fairlead.ConfigAgent, fairlead.ConfigAgent}} {
		if err := agent.Run(t.Context(), agent.Config{Agents: agents}); fairlead.KindOf(err) != fairlead.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// usual are the agents of the agents' chart that run whether or not people reach the cluster through the hub.
func usual() []string {
	others := []string{fairlead.ClusterConnectAgent, fairlead.KubeAADProxy, fairlead.FluxConfigAgent, fairlead.FluxConfigController}
	return slices.DeleteFunc(agent.Names(), func(name string) bool { return slices.Contains(others, name) })
}

// The controllers of a real control plane create the pods, so admission has its say.
func TestPodsPassRestrictedAdmission(t *testing.T) {
	for _, profile := range []string{"standard", "edge"} {
		t.Run(profile, func(t *testing.T) {
			c := newCluster(t, newHub(t, "admission"), profile)
			c.apply(namespacePath, map[string]any{
				"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{
					"name": fairlead.AgentNamespace, "labels": map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
				},
			})
			before := c.names(namespacePath+"/pods", "")
			for name := range before {
				c.delete(namespacePath + "/pods/" + name)
			}
			// The controllers may not have made any before, which is as good: then all are fresh.
			want := map[string]int{"standard": len(usual()), "edge": 1}[profile]
			eventually(t, "all pods are made under enforcement", 15*time.Second, func() bool {
				fresh := 0
				for name := range c.names(namespacePath+"/pods", "") {
					if !before[name] {
						fresh++
					}
				}
				return fresh >= want
			})
		})
	}
}

// Every agent runs as the service account that the chart gives it, so this also proves the roles.
func TestStandardAgentsOnARealCluster(t *testing.T) {
	h := newHub(t, "standard")
	c := newCluster(t, h, "standard")
	for _, name := range usual() {
		c.start(name, name)
	}
	h.eventually("the first heartbeat tells of the cluster", 5*time.Second, func(h *hub) bool {
		return len(h.beats) > 0 && h.beats[0].Metadata != nil && h.beats[0].Metadata.KubernetesVersion != ""
	})
	eventually(t, "the cluster's own object says Connected", 5*time.Second, func() bool {
		return c.field(clusterMetadata, "status.connectivityStatus") == "Connected" && c.field(clusterMetadata, "spec.location") == "local"
	})
	eventually(t, "the identity request says when it ends", 5*time.Second, func() bool {
		return c.field(identityRequest, "status.state") == "Succeeded" && c.field(identityRequest, "status.expirationTime") != "<nil>"
	})
	eventually(t, "az finds the certificate that it looks for", 5*time.Second, func() bool {
		return c.field(proxyCertificate, "status.state") == "Succeeded" && c.field(proxyCertificate, "status.expirationTime") != "<nil>"
	})
	eventually(t, "and the pods of cluster connect theirs", 5*time.Second, func() bool {
		return c.keys(proxySecret) == 7
	})
	c.delete(proxySecret)
	eventually(t, "also when somebody deletes them", 45*time.Second, func() bool { return c.keys(proxySecret) == 7 })
	h.eventually("the hub knows what was applied", 5*time.Second, func(h *hub) bool {
		return len(h.statuses) > 0 && h.statuses[0].Applied && h.statuses[0].Name == "clustermetadata"
	})
	h.eventually("the hub knows the agents", 5*time.Second, func(h *hub) bool { return len(h.agents) > 0 })
	h.set(func(h *hub) { h.spec = `{"location":"elsewhere"}` })
	eventually(t, "a change arrives", 2*time.Second, func() bool { return c.field(clusterMetadata, "spec.location") == "elsewhere" })
	if c.field(clusterMetadata, "status.connectivityStatus") != "Connected" {
		t.Error("config-agent took the status away")
	}
}

func TestEdgeAgentOnARealCluster(t *testing.T) {
	h := newHub(t, "edge")
	c := newCluster(t, h, "edge")
	log, stop := c.start(fairlead.EdgeAgent, usual()...)
	h.eventually("heartbeat with metadata", 5*time.Second, func(h *hub) bool { return len(h.beats) > 0 && h.beats[0].Metadata != nil })
	eventually(t, "the guides' line is logged", 5*time.Second, func() bool {
		return strings.Contains(log.String(), `"Message":"GET configurations returned response code {200}`)
	})

	h.set(func(h *hub) { h.down = true })
	eventually(t, "the loss is in the cluster's own object", 5*time.Second, func() bool {
		return c.field(clusterMetadata, "status.connectivityStatus") == "Offline"
	})
	eventually(t, "the guides' error is logged", 70*time.Second, func() bool {
		return strings.Contains(log.String(), `"Message":"Errorcode: 403, Message This traffic is not authorized., Target /subscriptions/0000/`)
	})
	h.set(func(h *hub) { h.down, h.beats = false, nil })
	h.eventually("heartbeats again", 31*time.Second, func(h *hub) bool { return len(h.beats) > 0 })

	c.delete(deploymentPath(fairlead.EdgeAgent))
	eventually(t, "the Deployment is back", 5*time.Second, func() bool { return c.get(deploymentPath(fairlead.EdgeAgent)) != nil })
	stop()
}

func TestIdentityIsRenewedAndReplaced(t *testing.T) {
	h := newHub(t, "identity")
	c := newCluster(t, h, "edge")
	h.set(func(h *hub) { h.lifetime = 6 * time.Second })
	log, _ := c.start(fairlead.EdgeAgent, fairlead.ClusterIdentityOperator, fairlead.ClusterMetadataOperator)
	h.eventually("a renewal at half-life", 8*time.Second, func(h *hub) bool { return h.issued >= 2 && len(h.beats) > 1 })

	h.set(func(h *hub) { h.lifetime = 24 * time.Hour })
	h.eventually("a long certificate", 8*time.Second, func(h *hub) bool { return h.issued >= 3 })
	eventually(t, "in the Secret, too", 5*time.Second, func() bool { return strings.Count(log.String(), "the identity certificate is stored") >= 3 })
	c.delete(identitySecret)
	h.eventually("a deleted Secret is obtained anew", 3*time.Second, func(h *hub) bool { return h.issued >= 4 })
	eventually(t, "and stored", 2*time.Second, func() bool { return c.get(identitySecret) != nil })

	h.set(func(h *hub) { h.skew, h.beats = time.Hour, nil })
	h.eventually("heartbeats although the clocks differ by an hour", 10*time.Second, func(h *hub) bool { return len(h.beats) > 1 })
}

func TestRepairsAndHandsOff(t *testing.T) {
	h := newHub(t, "repair")
	c := newCluster(t, h, "standard")
	c.start(fairlead.ControllerManager, fairlead.ControllerManager)

	c.delete(deploymentPath(fairlead.MetricsAgent))
	eventually(t, "a deleted agent is back", 5*time.Second, func() bool { return c.get(deploymentPath(fairlead.MetricsAgent)) != nil })
	c.change(fairlead.ConfigAgent, map[string]any{"replicas": 0})
	eventually(t, "a stopped agent runs again", 5*time.Second, func() bool { return c.field(deploymentPath(fairlead.ConfigAgent), "spec.replicas") == "1" })
	c.change(fairlead.ConfigAgent, map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": fairlead.ConfigAgent, "image": "evil.example.org/x:1"}},
	}}})
	const image = "spec.template.spec.containers.image"
	want := "registry.example.org/" + fairlead.ImageRepository + ":" + fairlead.Version
	eventually(t, "a changed agent is as before", 5*time.Second, func() bool { return c.field(deploymentPath(fairlead.ConfigAgent), image) == want })

	c.upgrade("standard", func(values map[string]any) {
		values["systemDefaultValues"].(map[string]any)["image"].(map[string]any)["tag"] = "next"
	})
	if got := c.field(deploymentPath(fairlead.ConfigAgent), image); !strings.HasSuffix(got, ":next") {
		t.Errorf("the upgrade left image %q", got)
	}
	c.delete(deploymentPath(fairlead.MetricsAgent))
	eventually(t, "repairs follow the upgrade", 5*time.Second, func() bool {
		return strings.HasSuffix(c.field(deploymentPath(fairlead.MetricsAgent), image), ":next")
	})

	c.uninstall()
	c.eventuallyGone(namespacePath)
	if left := c.names("/apis/rbac.authorization.k8s.io/v1/clusterroles", "app.kubernetes.io/part-of=azure-arc"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// A copy of a cluster is told by what its API server counts: no two processes of one cluster have the same epoch.
func TestEveryStartIsAnEpochOfItsOwn(t *testing.T) {
	h := newHub(t, "epochs")
	c := newCluster(t, h, "standard")
	identity := fairlead.ClusterIdentityOperator
	c.start(identity, identity)
	uid := c.field("/api/v1/namespaces/kube-system", "metadata.uid")
	for epoch := range int64(3) {
		log, stop := c.start(fairlead.ClusterMetadataOperator, fairlead.ClusterMetadataOperator)
		h.set(func(h *hub) { h.beats, h.warning = nil, "two clusters report as one" })
		h.eventually("a confirmed origin", 10*time.Second, func(h *hub) bool {
			return slices.ContainsFunc(h.beats, func(beat fairlead.Heartbeat) bool {
				return beat.Origin != nil && *beat.Origin == fairlead.Origin{
					ClusterUID: uid, Instance: beat.Origin.Instance, Epoch: epoch + 1, Sequence: beat.Origin.Sequence, Confirmed: true,
				}
			})
		})
		eventually(t, "the hub's warning is in the log", 10*time.Second, func() bool { return strings.Contains(log.String(), "two clusters report as one") })
		eventually(t, "the hub's warning is in the cluster", 10*time.Second, func() bool {
			return c.field(clusterMetadata, "status.message") == "two clusters report as one"
		})
		stop()
	}
}
