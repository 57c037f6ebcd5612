package injection_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/injection/stage"
)

// TestInjection has one node for everything; its parts come one after another.
func TestInjection(t *testing.T) {
	b := start(t)
	for _, part := range []struct {
		name  string
		cases func() map[string]injection
	}{
		{"Extension", extensionCases},
		{"Helm", helmCases},
		{"Network", networkCases},
		{"Arc", arcCases},
		{"Machine", machineCases},
		{"Settings", settingCases},
	} {
		t.Run(part.name, func(t *testing.T) { b.on(t).run(part.cases()) })
	}
	for _, part := range []struct {
		name string
		run  func(*bench)
	}{
		{"Mesh", (*bench).runMesh},
		{"FluxAbsent", (*bench).runFluxAbsent},
		{"Flux", (*bench).runFlux},
		{"Monitor", (*bench).runMonitor},
		{"Unreachable", (*bench).runUnreachable},
		{"RefusedProbe", (*bench).runRefusedProbe},
		{"Callers", (*bench).runCallers},
		{"Bundles", (*bench).runBundles},
		{"Codes", (*bench).runCodes},
		{"Storage", (*bench).runStorage},
		{"Combinations", (*bench).runCombinations},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(b.on(t)) })
	}
}

func arcCases() map[string]injection {
	return map[string]injection{
		"ReleaseNotDeployed":      {"Helm was killed or its wait ran out", "ARC-02", relabelRelease("failed"), relabelRelease("deployed"), nil, nil},
		"DeploymentMissing":       {"somebody deleted an agent", "ARC-03", deleteDeployment("metrics-agent"), putBack, nil, nil},
		"NotReady":                {"a readiness probe fails", "ARC-04", unreadyAgent, renew("config-agent"), nil, nil},
		"ScaledToZero":            {"0/0 is no health", "ARC-04", scale("config-agent", "0"), scale("config-agent", "1"), nil, nil},
		"Crash":                   {"an agent ends with an error", "ARC-05", crashAgent, renew("metrics-agent"), nil, nil},
		"OutOfMemory":             {"an agent is killed for its memory limit", "ARC-05", smallAgent, renew("metrics-agent"), nil, nil},
		"Pending":                 {"no node has 64 processors", "ARC-06", hungryAgent("metrics-agent"), renew("metrics-agent"), nil, nil},
		"ImagesUnreachable":       {"twelve pods, one cause", "ARC-07", foreignImages, putBack, nil, nil},
		"IdentityMissing":         {"the identity was never installed", "ARC-08", deleteSecret("azure-identity-certificate"), restoreSecrets, nil, nil},
		"IdentityExpired":         {"the certificate ran out", "ARC-10", expireIdentity, restoreSecrets, nil, nil},
		"ProxyForbidden":          {"Pod Security forbids what kube-aad-proxy mounts", "ARC-11", forbidHostPath, allowHostPath, nil, nil},
		"ProxyCertificateMissing": {"kube-aad-proxy waits for its certificate", "ARC-12", dropProxyCertificate, restoreProxy, nil, nil},
		"ConnectDisabled":         {"cluster connect is switched off", "ARC-14", disableConnect, putBack, nil, nil},
		"AgentOld":                {"the agents are out of support", "ARC-16", oldChart, putBack, nil, nil},
		"ForeignDefinition":       {"another release owns a CRD", "ARC-17", foreignDefinition, dropDefinition, nil, nil},
		"Quota":                   {"a quota shuts the namespace", "EXT-02", shutByQuota("extension-manager"), openQuota("extension-manager"), nil, nil},
		"ManagerPending":          {"no room for the extension manager", "EXT-02", hungryAgent("extension-manager"), renew("extension-manager"), nil, nil},
		"Policy":                  {"a policy forbids the pod", "EXT-03", forbidByPolicy, dropPolicy, nil, nil},
		"ReleaseUninstalled":      {"somebody ran helm uninstall", "ARC-01", uninstallArc, restoreSecrets, nil, nil},
		"ReleaseForgotten":        {"the agents are there, and Helm knows nothing of them", "ARC-01", forgetRelease, restoreSecrets, nil, nil},
		"OpenShiftOld":            {"the agents do not know so old an OpenShift", "ARC-13", openShift("4.6.10", stage.ProxyAccount), closeShift, nil, nil},
		"OpenShiftAccount":        {"OpenShift forbids what kube-aad-proxy mounts, and nobody allowed it", "ARC-13", openShiftForbids, openShiftAllows, nil, nil},
		"StuckRollout":            {"the new pod crashes while the old one works", "ARC-05", stuckRollout, renew("metrics-agent"), nil, nil},
		"EvictedLeftover":         {"the record of a pod that was moved is no problem", "", evictedPod, func(b *bench) { b.kubectl("delete", "pod", "metrics-agent-moved", "-n", agents, "--force") }, nil, nil},
		"WrongSystem":             {"a Linux agent is meant for Windows", "HLM-04", selectWindows, renew("metrics-agent"), nil, nil},
	}
}

// putBack installs the chart again as it was.
func putBack(b *bench) {
	b.t.Helper()
	b.upgrade(nil)
	b.settled()
}

// renew makes agents anew: what kubectl changed in them Helm would leave as it is.
func renew(names ...string) func(*bench) {
	return func(b *bench) {
		b.t.Helper()
		b.kubectl(append([]string{"delete", "deployment", "-n", agents, "--ignore-not-found"}, names...)...)
		putBack(b)
	}
}

// settled waits until every agent is there.
func (b *bench) settled() {
	b.t.Helper()
	b.eventually(patience, func() string {
		out := b.kubectl("get", "deployments", "-n", agents, "-o", `jsonpath={range .items[*]}{.metadata.name}={.status.availableReplicas}/{.status.updatedReplicas}/{.status.replicas} {end}`)
		for one := range strings.FieldsSeq(out) {
			if !strings.HasSuffix(one, "=1/1/1") {
				return "not settled: " + out
			}
		}
		return ""
	})
}

func relabelRelease(status string) func(*bench) {
	return func(b *bench) {
		name := b.kubectl("get", "secrets", "-n", stage.Namespace, "-l", "owner=helm,name=azure-arc", "--sort-by=.metadata.creationTimestamp", "-o", "jsonpath={.items[-1:].metadata.name}")
		b.kubectl("label", "secret", name, "-n", stage.Namespace, "status="+status, "--overwrite")
	}
}

func deleteDeployment(name string) func(*bench) {
	return func(b *bench) { b.kubectl("delete", "deployment", name, "-n", agents) }
}

func scale(name, replicas string) func(*bench) {
	return func(b *bench) { b.kubectl("scale", "deployment", name, "-n", agents, "--replicas="+replicas) }
}

// patch changes an agent so that its old pod does not go on serving.
func (b *bench) patch(name, patch string) {
	b.t.Helper()
	b.kubectl("patch", "deployment", name, "-n", agents, "--type=merge", "-p", `{"spec":{"strategy":{"type":"Recreate","rollingUpdate":null}}}`)
	b.kubectl("patch", "deployment", name, "-n", agents, "--type=json", "-p", patch)
}

func unreadyAgent(b *bench) {
	b.patch("config-agent", `[{"op":"add","path":"/spec/template/spec/containers/0/readinessProbe","value":{"httpGet":{"path":"/readiness","port":9090},"periodSeconds":1}}]`)
}

func crashAgent(b *bench) {
	b.patch("metrics-agent", `[{"op":"replace","path":"/spec/template/spec/containers/0/args","value":["crash","cannot open the settings"]}]`)
}

func smallAgent(b *bench) {
	b.patch("metrics-agent", `[{"op":"replace","path":"/spec/template/spec/containers/0/args","value":["hoard"]},
		{"op":"replace","path":"/spec/template/spec/containers/0/resources","value":{"limits":{"memory":"24Mi"},"requests":{"memory":"4Mi"}}}]`)
}

func hungryAgent(name string) func(*bench) {
	return func(b *bench) {
		b.patch(name, `[{"op":"replace","path":"/spec/template/spec/containers/0/resources","value":{"requests":{"cpu":"64"}}}]`)
	}
}

func foreignImages(b *bench) {
	b.kubectl("delete", "deployments", "--all", "-n", agents)
	b.upgrade(map[string]any{"image": "mcr.microsoft.com/azurearck8s/agent:1.29.3"})
}

func deleteSecret(name string) func(*bench) {
	return func(b *bench) { b.kubectl("delete", "secret", name, "-n", agents) }
}

func restoreSecrets(b *bench) {
	b.must(b.InstallArc(context.WithoutCancel(b.t.Context()), chart, nil))
}

func expireIdentity(b *bench) {
	certificate, err := stage.Certificate("harbour", time.Now().Add(-90*24*time.Hour), time.Now().Add(-time.Hour))
	b.must(err)
	b.apply(stage.Secret(agents, "azure-identity-certificate", map[string]string{"tls.crt": certificate}))
}

func forbidHostPath(b *bench) {
	b.kubectl("patch", "deployment", "kube-aad-proxy", "-n", agents, "--type=json", "-p",
		`[{"op":"add","path":"/spec/template/spec/volumes/-","value":{"name":"h","hostPath":{"path":"/etc"}}}]`)
	b.kubectl("rollout", "status", "deployment/kube-aad-proxy", "-n", agents, "--timeout=30s")
	b.kubectl("label", "namespace", agents, "pod-security.kubernetes.io/enforce=baseline", "--overwrite")
	b.kubectl("delete", "pods", "-n", agents, "-l", "app.kubernetes.io/component=kube-aad-proxy", "--force")
}

func allowHostPath(b *bench) {
	b.kubectl("label", "namespace", agents, "pod-security.kubernetes.io/enforce-")
	renew("kube-aad-proxy")(b)
}

func dropProxyCertificate(b *bench) {
	b.kubectl("delete", "secret", "kube-aad-proxy-certificate", "-n", agents)
	b.kubectl("delete", "pods", "-n", agents, "-l", "app.kubernetes.io/component=kube-aad-proxy", "--force")
}

func restoreProxy(b *bench) {
	restoreSecrets(b)
	b.kubectl("delete", "pods", "-n", agents, "-l", "app.kubernetes.io/component=kube-aad-proxy", "--force")
	b.settled()
}

func disableConnect(b *bench) {
	b.upgrade(map[string]any{
		"systemDefaultValues": map[string]any{"clusterconnect-agent": map[string]any{"enabled": false}},
		"agents":              map[string]any{"clusterconnect-agent": nil, "kube-aad-proxy": nil},
	})
}

func oldChart(b *bench) {
	b.must(b.InstallVersion(b.t.Context(), chart, "1.2.0"))
}

func foreignDefinition(b *bench) {
	b.apply(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: extensionconfigs.clusterconfig.azure.com
  labels: {app.kubernetes.io/managed-by: Helm}
  annotations: {meta.helm.sh/release-name: someone-else, meta.helm.sh/release-namespace: default}
spec:
  group: clusterconfig.azure.com
  names: {kind: ExtensionConfig, listKind: ExtensionConfigList, plural: extensionconfigs, singular: extensionconfig}
  scope: Namespaced
  versions:
    - name: v1beta1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`)
}

// shutByQuota waits until the quota is enforced: it is not until its controller has counted, which can take half a minute after a
// custom resource definition went.
func shutByQuota(name string) func(*bench) {
	return func(b *bench) {
		b.kubectl("create", "quota", "shut", "-n", agents, "--hard=pods=0")
		b.eventually(90*time.Second, func() string {
			if b.kubectl("get", "quota", "shut", "-n", agents, "-o", "jsonpath={.status.hard.pods}") != "0" {
				return "the quota is not counted yet"
			}
			return ""
		})
		b.kubectl("delete", "pods", "-n", agents, "-l", "app.kubernetes.io/component="+name, "--force")
	}
}

func openQuota(name string) func(*bench) {
	return func(b *bench) {
		b.kubectl("delete", "quota", "shut", "-n", agents)
		renew(name)(b)
	}
}

func forbidByPolicy(b *bench) {
	b.apply(`apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-metrics}
spec:
  failurePolicy: Fail
  matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]}
  validations: [{expression: "!object.metadata.generateName.startsWith('metrics-agent-')", message: "agents of this kind are not wanted"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-metrics}
spec:
  policyName: no-metrics
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: azure-arc}}}
`)
	b.eventually(patience, func() string {
		b.kubectl("delete", "pods", "-n", agents, "-l", "app.kubernetes.io/component=metrics-agent", "--force")
		if b.kubectl("get", "pods", "-n", agents, "-l", "app.kubernetes.io/component=metrics-agent", "-o", "name") != "" {
			return "the policy is not in force yet"
		}
		return ""
	})
}

func dropPolicy(b *bench) {
	b.kubectl("delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", "no-metrics")
	renew("metrics-agent")(b)
}

func selectWindows(b *bench) {
	b.patch("metrics-agent", `[{"op":"add","path":"/spec/template/spec/nodeSelector","value":{"kubernetes.io/os":"windows"}}]`)
}

func uninstallArc(b *bench) { b.must(b.Uninstall(stage.Namespace, stage.Release)) }

func forgetRelease(b *bench) {
	b.kubectl("delete", "secrets", "-n", stage.Namespace, "-l", "owner=helm,name="+stage.Release)
}

// openShift makes a cluster look like one of OpenShift, on which SecurityContextConstraints name one account.
func openShift(version, account string) func(*bench) {
	return func(b *bench) {
		b.apply(stage.OpenShift)
		b.kubectl("wait", "--for=condition=Established", "--timeout=20s", "crd/clusterversions.config.openshift.io", "crd/securitycontextconstraints.security.openshift.io")
		b.eventually(patience, func() string {
			if err := b.Apply(b.t.Context(), stage.OpenShiftObjects(version, account)); err != nil {
				return err.Error()
			}
			return ""
		})
	}
}

func closeShift(b *bench) {
	b.kubectl("delete", "crd", "clusterversions.config.openshift.io", "securitycontextconstraints.security.openshift.io")
}

// openShiftForbids lets Pod Security refuse the pod as OpenShift would.
func openShiftForbids(b *bench) {
	openShift("4.16.3", "system:serviceaccount:other:other")(b)
	forbidHostPath(b)
}

func openShiftAllows(b *bench) {
	closeShift(b)
	allowHostPath(b)
}

func stuckRollout(b *bench) {
	b.kubectl("patch", "deployment", "metrics-agent", "-n", agents, "--type=json", "-p",
		`[{"op":"replace","path":"/spec/template/spec/containers/0/args","value":["crash","cannot open the settings"]}]`)
	b.warns("ARC-05")
}

// warns waits until an id has a warning, and no failure.
func (b *bench) warns(id string) {
	b.t.Helper()
	b.eventually(patience, func() string {
		report := b.doctor()
		found := report.Of(id)
		if len(found) != 1 || found[0].Status != "warn" {
			return "want one warning of " + id + ", doctor says:\n" + report.Problems()
		}
		return ""
	})
}

func evictedPod(b *bench) {
	owner := b.kubectl("get", "replicasets", "-n", agents, "-l", "app.kubernetes.io/component=metrics-agent", "-o", "jsonpath={range .items[?(@.spec.replicas==1)]}{.metadata.name} {.metadata.uid}{end}")
	name, uid, _ := strings.Cut(owner, " ")
	b.apply(`apiVersion: v1
kind: Pod
metadata:
  name: metrics-agent-moved
  namespace: azure-arc
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: ` + name + `, uid: ` + uid + `}]
spec:
  schedulerName: nobody
  terminationGracePeriodSeconds: 0
  containers: [{name: metrics-agent, image: ` + stage.Image + `}]
`)
	b.kubectl("patch", "pod", "metrics-agent-moved", "-n", agents, "--subresource=status", "--type=merge", "-p",
		`{"status":{"phase":"Failed","reason":"Evicted","message":"The node was low on resource: memory."}}`)
}
