package injection_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/fairlead/fairlead/test/injection/stage"
)

const fluxChart = "fixture/flux"

// runFluxAbsent keeps Flux from being installed.
func (b *bench) runFluxAbsent() {
	b.run(map[string]injection{
		"NamespaceForbidden":   {"a policy forbids the namespace", "FLX-03", forbidFluxNamespace, dropFluxPolicy, []string{"FLX"}, nil},
		"NamespaceTerminating": {"an object with a finalizer keeps it from going", "FLX-04", stickyNamespace, releaseNamespace, nil, nil},
	})
}

// fluxPolicy is a policy that denies; doctor's own trial is how the tests know that it is in force.
func fluxPolicy(resource, selector, expression string) string {
	return fmt.Sprintf(`apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-gitops}
spec:
  failurePolicy: Fail
  matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [%s]}]}
  validations: [{expression: %q, message: "GitOps is not wanted here"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-gitops}
spec:
  policyName: no-gitops
  validationActions: [Deny]
  matchResources: %s
`, resource, expression, selector)
}

func forbidFluxNamespace(b *bench) {
	b.apply(fluxPolicy("namespaces", "{}", "object.metadata.name != 'flux-system'"))
}

func dropFluxPolicy(b *bench) {
	b.kubectl("delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", "no-gitops")
}

func stickyNamespace(b *bench) {
	b.apply(`apiVersion: v1
kind: Namespace
metadata: {name: flux-system}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: kept, namespace: flux-system, finalizers: [harbour.example.com/kept]}
`)
	b.kubectl("delete", "namespace", stage.FluxNamespace, "--wait=false")
}

func releaseNamespace(b *bench) {
	b.kubectl("patch", "configmap", "kept", "-n", stage.FluxNamespace, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	b.kubectl("wait", "--for=delete", "namespace/"+stage.FluxNamespace, "--timeout=60s")
}

// flux is what the cases below have in common.
type flux struct{}

// runFlux installs Flux, breaks it in turn, and takes it away again.
func (b *bench) runFlux() {
	f := flux{}
	b.t.Cleanup(func() { f.uninstall(b) })
	f.install(b)
	cases := f.controllers()
	maps.Copy(cases, f.objects())
	b.run(cases)
}

// uninstall leaves the definitions, as Flux does when somebody deletes its namespace.
func (f flux) uninstall(b *bench) {
	b.must(b.Remove(context.WithoutCancel(b.t.Context()), "namespace/"+stage.FluxNamespace))
}

// A source, what is made of it, and what waits for that.
const fluxObjects = `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: fleet, namespace: flux-system}
spec: {interval: 10m, url: "https://git.harbour.example.com/fleet"}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: base, namespace: flux-system}
spec: {interval: 10m, path: ./base, prune: true, sourceRef: {kind: GitRepository, name: fleet}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec: {interval: 10m, path: ./apps, prune: true, sourceRef: {kind: GitRepository, name: fleet}, dependsOn: [{name: base}]}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: crane, namespace: flux-system}
spec: {interval: 10m, chart: {spec: {chart: crane, sourceRef: {kind: GitRepository, name: fleet}}}}
`

func (f flux) install(b *bench) {
	b.t.Helper()
	b.must(b.Apply(b.t.Context(), stage.FluxDefinitions()))
	b.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
	f.put(b)
	b.apply(fluxObjects)
	f.reconciled(b)
	b.healthy()
}

// put installs the controllers and waits for them.
func (f flux) put(b *bench) {
	b.t.Helper()
	b.must(b.Install(b.t.Context(), stage.FluxNamespace, stage.FluxRelease, fluxChart, nil))
	b.kubectl("wait", "--for=condition=Available", "deployments", "--all", "-n", stage.FluxNamespace, "--timeout=60s")
}

// renew makes controllers anew.
func (f flux) renew(names ...string) func(*bench) {
	return func(b *bench) {
		b.t.Helper()
		b.kubectl(append([]string{"delete", "deployments", "-n", stage.FluxNamespace, "--ignore-not-found"}, names...)...)
		f.put(b)
	}
}

// reconciled writes the status of everything as Flux does when all is well.
func (f flux) reconciled(b *bench) {
	b.t.Helper()
	for _, name := range []string{"gitrepository/fleet", "kustomization/base", "kustomization/apps", "helmrelease/crane"} {
		f.ready(b, name, "True", "ReconciliationSucceeded", "Applied revision: main@sha1:0a1b2c3d")
	}
}

func (f flux) ready(b *bench, name, status, reason, message string) {
	b.t.Helper()
	generation := b.kubectl("get", name, "-n", stage.FluxNamespace, "-o", "jsonpath={.metadata.generation}")
	condition, err := json.Marshal(map[string]string{
		"type": "Ready", "status": status, "reason": reason, "message": message, "lastTransitionTime": "2026-01-02T03:04:05Z",
	})
	b.must(err)
	b.kubectl("patch", name, "-n", stage.FluxNamespace, "--subresource=status", "--type=merge", "-p",
		fmt.Sprintf(`{"status":{"observedGeneration":%s,"conditions":[%s]}}`, generation, condition))
}

func (f flux) fails(name, reason, message string) func(*bench) {
	return func(b *bench) { f.ready(b, name, "False", reason, message) }
}

// change patches a controller so that its old pod does not go on.
func (f flux) change(name, patch string) func(*bench) {
	return func(b *bench) {
		b.kubectl("patch", "deployment", name, "-n", stage.FluxNamespace, "--type=merge", "-p", `{"spec":{"strategy":{"type":"Recreate","rollingUpdate":null}}}`)
		b.kubectl("patch", "deployment", name, "-n", stage.FluxNamespace, "--type=json", "-p", patch)
	}
}

func (f flux) relabel(status string) func(*bench) {
	return func(b *bench) {
		b.kubectl("label", "secret", "-n", stage.FluxNamespace, "-l", "owner=helm,name=flux", "status="+status, "--overwrite")
	}
}

func (f flux) controllers() map[string]injection {
	const helm, source = "helm-controller", "source-controller"
	return map[string]injection{
		"ControllerCrash":        {"it ends with an error", "FLX-02", f.change(source, crashPatch), f.renew(source), nil, nil},
		"ControllerImage":        {"the registry cannot be reached", "ARC-07", f.change(source, pullPatch), f.renew(source), nil, nil},
		"ControllerScaledToZero": {"0/0 is no health", "FLX-02", f.scale(helm, "0"), f.scale(helm, "1"), nil, nil},
		"ReleaseFailed":          {"Helm's wait ran out", "FLX-02", f.relabel("failed"), f.relabel("deployed"), nil, nil},
		"PodsForbidden":          {"a policy forbids the pods", "FLX-03", f.forbidPods, f.allowPods, nil, nil},
		"LimitRange":             {"less is allowed than the controllers ask for", "FLX-08", f.limit, f.unlimit, nil, nil},
		"NoRoom":                 {"no node has 64 processors", "FLX-08", f.change(helm, `[{"op":"replace","path":"/spec/template/spec/containers/0/resources","value":{"requests":{"cpu":"64"}}}]`), f.renew(helm), nil, nil},
	}
}

func (f flux) scale(name, replicas string) func(*bench) {
	return func(b *bench) {
		b.kubectl("scale", "deployment", name, "-n", stage.FluxNamespace, "--replicas="+replicas)
	}
}

// refused deletes a controller's pod until no new one is made.
func (f flux) refused(b *bench, name string) {
	b.eventually(patience, func() string {
		b.kubectl("delete", "pods", "-n", stage.FluxNamespace, "-l", "app="+name, "--force")
		if b.kubectl("get", "pods", "-n", stage.FluxNamespace, "-l", "app="+name, "-o", "name") != "" {
			return "pods are still made"
		}
		return ""
	})
}

func (f flux) forbidPods(b *bench) {
	b.apply(fluxPolicy("pods", "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: flux-system}}}", "!object.metadata.generateName.startsWith('helm-controller-')"))
	f.refused(b, "helm-controller")
}

func (f flux) allowPods(b *bench) {
	dropFluxPolicy(b)
	f.renew("helm-controller")(b)
}

func (f flux) limit(b *bench) {
	b.apply(`apiVersion: v1
kind: LimitRange
metadata: {name: small, namespace: flux-system}
spec: {limits: [{type: Container, max: {cpu: 500m, memory: 512Mi}}]}
`)
	f.refused(b, "helm-controller")
}

func (f flux) unlimit(b *bench) {
	b.kubectl("delete", "limitrange", "small", "-n", stage.FluxNamespace)
	f.renew("helm-controller")(b)
}

const dryRunRefused = `dry-run failed (BadRequest): admission webhook "validate.demo.example.com" does not support dry run`

func (f flux) objects() map[string]injection {
	return map[string]injection{
		"DryRunRefused":   {"Flux was refused, and nobody knows the webhook any more", "FLX-01", f.fails("kustomization/base", "ReconciliationFailed", dryRunRefused), f.reconciled, nil, nil},
		"SideEffects":     {"a webhook from the days when that was allowed", "FLX-01", f.oldWebhook, f.dropWebhook, nil, nil},
		"Intercepted":     {"pod identity takes the agent's request", "FLX-06", interceptToken, letTokenGo, nil, nil},
		"KubeletIdentity": {"the registry does not know who asks", "FLX-07", f.privateRegistry, f.dropRegistry, nil, nil},
		"VersionOne":      {"Flux v1 is out of support", "FLX-09", useVersionOne, func(b *bench) { b.kubectl("delete", "crd", "gitconfigs.clusterconfig.azure.com") }, nil, nil},
		"SourceFails":     {"the password is wrong", "FLX-10", f.fails("gitrepository/fleet", "GitOperationFailed", "failed to checkout and determine revision: unable to clone 'https://git.harbour.example.com/fleet': authentication required"), f.reconciled, nil, nil},
		"Chain":           {"one fails, another waits for it", "FLX-10", f.chain, f.reconciled, nil, nil},
		"Suspended":       {"somebody stopped it", "FLX-10", f.suspend("true"), f.suspend("null"), nil, nil},
	}
}

// oldWebhook is one that the API server refuses today: its side effects are unknown.
func (f flux) oldWebhook(b *bench) {
	b.must(b.StoreRaw(b.t.Context(), "/registry/validatingwebhookconfigurations/demo", map[string]any{
		"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
		"metadata": map[string]any{"name": "demo", "uid": "5d3c1d9e-7d0b-4b5e-9d55-2f9f1f6c2a10", "creationTimestamp": "2020-01-02T03:04:05Z"},
		"webhooks": []map[string]any{{
			"name": "validate.demo.example.com", "admissionReviewVersions": []string{"v1"}, "sideEffects": "Some", "failurePolicy": "Ignore", "timeoutSeconds": 1,
			"matchPolicy": "Equivalent", "objectSelector": map[string]any{}, "namespaceSelector": map[string]any{"matchLabels": map[string]string{"kubernetes.io/metadata.name": "default"}},
			"clientConfig": map[string]any{"service": map[string]any{"namespace": "default", "name": "demo", "path": "/", "port": 443}},
			"rules":        []map[string]any{{"apiGroups": []string{""}, "apiVersions": []string{"v1"}, "operations": []string{"CREATE"}, "resources": []string{"configmaps"}, "scope": "*"}},
		}},
	}))
	b.eventually(patience, func() string {
		out, err := b.Cluster.Kubectl(b.t.Context(), "create", "configmap", "a", "--from-literal=a=b", "--dry-run=server", "-n", "default")
		if err == nil || !strings.Contains(out+err.Error(), "does not support dry run") {
			return fmt.Sprintf("the API server does not know the webhook: %v %s", err, out)
		}
		return ""
	})
	f.fails("kustomization/base", "ReconciliationFailed", dryRunRefused)(b)
}

func (f flux) dropWebhook(b *bench) {
	b.kubectl("delete", "validatingwebhookconfiguration", "demo")
	f.reconciled(b)
}

func (f flux) chain(b *bench) {
	f.fails("kustomization/base", "BuildFailed", "kustomize build failed: accumulating resources: no such file: './base/deck.yaml'")(b)
	f.fails("kustomization/apps", "DependencyNotReady", "dependency 'flux-system/base' is not ready")(b)
	b.eventually(patience, func() string {
		if found := b.doctor().Of("FLX-10"); len(found) != 1 || len(found[0].Objects) != 2 {
			return fmt.Sprintf("want one finding with both: %v", found)
		}
		return ""
	})
}

func (f flux) suspend(value string) func(*bench) {
	return func(b *bench) {
		b.kubectl("patch", "kustomization", "apps", "-n", stage.FluxNamespace, "--type=merge", "-p", `{"spec":{"suspend":`+value+`}}`)
		f.reconciled(b)
	}
}

// privateRegistry marks the node as one of AKS, where the kubelet has an identity.
func (f flux) privateRegistry(b *bench) {
	b.kubectl("label", "nodes", "--all", "kubernetes.azure.com/cluster=harbour")
	b.apply(`apiVersion: source.toolkit.fluxcd.io/v1beta2
kind: OCIRepository
metadata: {name: manifests, namespace: flux-system}
spec: {interval: 10m, provider: azure, url: "oci://harbour.azurecr.io/manifests"}
`)
	f.fails("ocirepository/manifests", "OCIArtifactPullFailed", "failed to determine artifact digest: GET https://harbour.azurecr.io/oauth2/token: UNAUTHORIZED: authentication required")(b)
}

func (f flux) dropRegistry(b *bench) {
	b.kubectl("delete", "ocirepository", "manifests", "-n", stage.FluxNamespace)
	b.kubectl("label", "nodes", "--all", "kubernetes.azure.com/cluster-")
}

func useVersionOne(b *bench) {
	b.apply(stage.Definition("gitconfigs", "GitConfig", "clusterconfig.azure.com", "v1beta1"))
	b.kubectl("wait", "--for=condition=Established", "crd/gitconfigs.clusterconfig.azure.com", "--timeout=30s")
	b.apply(`apiVersion: clusterconfig.azure.com/v1beta1
kind: GitConfig
metadata: {name: fleet, namespace: default}
spec: {gitUrl: "https://git.harbour.example.com/fleet"}
`)
}

const tokenRefused = `Error: in getting auth header : error {adal: Refresh request failed. Status Code = '404'. Response body: no azure identity found for request clientID <REDACTED>`

func interceptToken(b *bench) {
	b.apply(`apiVersion: apps/v1
kind: DaemonSet
metadata: {name: nmi, namespace: kube-system}
spec:
  selector: {matchLabels: {app: nmi}}
  template:
    metadata: {labels: {app: nmi}}
    spec: {terminationGracePeriodSeconds: 0, containers: [{name: nmi, image: "` + stage.Image + `", args: [sleep]}]}
`)
	args, err := json.Marshal([]string{"print", tokenRefused})
	b.must(err)
	b.patch("extension-manager", fmt.Sprintf(`[{"op":"replace","path":"/spec/template/spec/containers/0/args","value":%s}]`, args))
}

func letTokenGo(b *bench) {
	b.kubectl("delete", "daemonset", "nmi", "-n", "kube-system")
	renew("extension-manager")(b)
}
