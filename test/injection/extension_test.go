package injection_test

import (
	"fmt"
	"maps"
	"strings"

	"github.com/fairlead/fairlead/test/cluster/engine"

	"github.com/fairlead/fairlead/test/injection/stage"
)

const system = "kube-system"

func extensionCases() map[string]injection {
	return map[string]injection{
		"Taint":           {reason: "the only node that would do is kept for others", id: "EXT-04", inject: fencedNode("dedicated", "gpu", nil), heal: dropFence},
		"CriticalPending": {reason: "an agent waits for the only pool, which is for critical add-ons", id: "EXT-09", inject: fencedNode("CriticalAddonsOnly", "true", pool()), heal: dropFence},
		"CriticalPool":    {reason: "the only pool is for critical add-ons, and nothing waits yet", id: "EXT-10", inject: criticalPool, heal: dropNode},
		"Unauthorized":    {reason: "the data plane refuses a private address", id: "EXT-06", inject: extensionAgents(refusedLog()), heal: answeredAgain},
		"OperatorDown":    {reason: "an agent of AKS crashes", id: "EXT-02", inject: crashedOperator, heal: dropExtensionAgents},
	}
}

func pool() map[string]string {
	return map[string]string{"kubernetes.azure.com/agentpool": "system", "agentpool": "system"}
}

// fenced is a node that nobody runs; the scheduler does not know.
func (b *bench) fenced(key, value string, labels map[string]string) {
	b.t.Helper()
	all := map[string]string{"example.test/fenced": "yes"}
	maps.Copy(all, labels)
	b.must(b.Cluster.AddNode(b.t.Context(), engine.FakeNode{Name: "fenced", Labels: all, Taints: []map[string]string{{"key": key, "value": value, "effect": "NoSchedule"}}}))
}

func fencedNode(key, value string, labels map[string]string) func(*bench) {
	return func(b *bench) {
		b.fenced(key, value, labels)
		b.patch("metrics-agent", `[{"op":"add","path":"/spec/template/spec/nodeSelector","value":{"example.test/fenced":"yes"}}]`)
	}
}

func criticalPool(b *bench) { b.fenced("CriticalAddonsOnly", "true", pool()) }

func dropNode(b *bench) { b.kubectl("delete", "node", "fenced") }

func dropFence(b *bench) {
	dropNode(b)
	renew("metrics-agent")(b)
}

// refusedLog are the guide's lines; the first is broken as it is there.
func refusedLog() []string {
	const rest = `"ArmId": "/subscriptions/<subscription-id>/resourceGroups/<resource-group-name>/providers/Microsoft.ContainerService/managedclusters/<cluster-name>",  "CorrelationId": "",  "AgentName": "ConfigAgent",  "AgentVersion": "1.14.5",  "AgentTimestamp": "2024/02/07 06:04:43.672"  }`
	return []string{
		`{  "Message": "2024/02/07 06:04:43 \"Errorcode: 403, Message This traffic is not authorized., Target /subscriptions/<subscription-id>/resourceGroups/<resource-group-name>/provider/managedclusters/clusters/<cluster-name>/configurations/getPendingConfigs\"",  "LogType": "ConfigAgentTrace",  "LogLevel": "Information",  "Environment": "prod",  "Role": "ClusterConfigAgent",  "Location": "<region>,  ` + rest,
		`{  "Message": "2024/02/07 06:04:43 Failed to GET configurations with err : {\u003cnil\u003e}",  "LogType": "ConfigAgentTrace",  "LogLevel": "Information",  "Environment": "prod",  "Role": "ClusterConfigAgent",  "Location": "<region>",  ` + rest,
	}
}

// answeredLog is what an agent writes that was let through.
func answeredLog() string {
	return `{  "Message": "2024/02/07 06:14:43 GET configurations returned response code {200}",  "LogType": "ConfigAgentTrace",  "LogLevel": "Information",  "AgentName": "ConfigAgent",  "AgentVersion": "1.14.5",  "AgentTimestamp": "2024/02/07 06:14:43.672"  }`
}

// extensionAgents plays the agents of AKS; the first prints lines.
func extensionAgents(lines []string) func(*bench) {
	return func(b *bench) {
		b.apply(extensionAgent("extension-agent", append([]string{"print"}, lines...)) + "---\n" + extensionAgent("extension-operator", []string{"sleep"}))
	}
}

func extensionAgent(name string, args []string) string {
	quoted := make([]string, 0, len(args))
	for _, arg := range args {
		quoted = append(quoted, "'"+strings.ReplaceAll(arg, "'", "''")+"'")
	}
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: kube-system}
spec:
  strategy: {type: Recreate}
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - {name: %[1]s, image: %[2]s, imagePullPolicy: IfNotPresent, args: [%[3]s]}
        - {name: fluent-bit, image: %[2]s, imagePullPolicy: IfNotPresent, args: [sleep]}
`, name, stage.Image, strings.Join(quoted, ", "))
}

// answeredAgain lets the refusal become history: the agent was answered later.
func answeredAgain(b *bench) {
	defer dropExtensionAgents(b)
	extensionAgents(append(refusedLog(), answeredLog()))(b)
	b.kubectl("rollout", "status", "deployment/extension-agent", "-n", system, "--timeout=30s")
	b.healthy()
	b.eventually(patience, func() string {
		if status := b.doctor("--show", "all").Of("EXT-06"); len(status) != 1 || status[0].Status != "pass" {
			return fmt.Sprintf("an old refusal is history: %v", status)
		}
		return ""
	})
}

func dropExtensionAgents(b *bench) {
	b.kubectl("delete", "deployments", "extension-agent", "extension-operator", "-n", system, "--ignore-not-found")
}

func crashedOperator(b *bench) {
	b.apply(extensionAgent("extension-agent", []string{"print", answeredLog()}) + "---\n" + extensionAgent("extension-operator", []string{"crash", "cannot read the configuration"}))
}
