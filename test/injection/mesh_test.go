package injection_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead/test/injection/stage"
)

const (
	controller = "osm-controller"
	injector   = "osm-injector"
	validating = "ValidatingWebhookConfiguration/osm-validator-mesh-osm"
	mutating   = "MutatingWebhookConfiguration/arc-osm-webhook-osm"
)

// mesh is the fixture of the cases below.
type mesh struct{ *stage.Mesh }

// runMesh installs the mesh, breaks it in turn, and takes it away again.
func (b *bench) runMesh() {
	made, err := stage.NewMesh()
	b.must(err)
	m := &mesh{made}
	b.t.Cleanup(func() { m.uninstall(b) })
	b.must(b.InstallMesh(b.t.Context(), made))
	b.healthy()
	cases := map[string]injection{}
	for _, part := range []map[string]injection{m.programs(), m.services(), m.webhooks(), m.configuration(), m.members(), m.definitions(), m.authorities()} {
		maps.Copy(cases, part)
	}
	b.run(cases)
}

// uninstall leaves the definitions: a mesh that is gone leaves them, too, and nobody minds.
func (m *mesh) uninstall(b *bench) {
	b.must(b.Remove(context.WithoutCancel(b.t.Context()), strings.ToLower(validating), strings.ToLower(mutating),
		"namespace/"+stage.MeshNamespace, "namespace/"+stage.MeshMember, "namespace/bookstore"))
}

// renew makes objects of the fixture anew, given as Kind/name.
func (m *mesh) renew(names ...string) func(*bench) {
	return func(b *bench) {
		b.t.Helper()
		b.must(b.Renew(b.t.Context(), m.Of(names...)))
	}
}

// merge patches an object of the mesh, given as Kind/name.
func (m *mesh) merge(object, patch string) func(*bench) {
	return func(b *bench) { b.kubectl("patch", object, "-n", stage.MeshNamespace, "--type=merge", "-p", patch) }
}

func (m *mesh) json(object, patch string) func(*bench) {
	return func(b *bench) { b.kubectl("patch", object, "-n", stage.MeshNamespace, "--type=json", "-p", patch) }
}

func (m *mesh) scale(name, replicas string) func(*bench) {
	return func(b *bench) {
		b.kubectl("scale", "deployment", name, "-n", stage.MeshNamespace, "--replicas="+replicas)
	}
}

func (m *mesh) remove(object string) func(*bench) {
	return func(b *bench) { b.kubectl("delete", object, "-n", stage.MeshNamespace) }
}

// change patches a program so that its old pod does not go on serving.
func (m *mesh) change(name, patch string) func(*bench) {
	return func(b *bench) {
		m.merge("Deployment/"+name, `{"spec":{"strategy":{"type":"Recreate","rollingUpdate":null}}}`)(b)
		m.json("Deployment/"+name, patch)(b)
	}
}

const (
	crashPatch  = `[{"op":"replace","path":"/spec/template/spec/containers/0/args","value":["crash","cannot reach the API server"]}]`
	pullPatch   = `[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"mcr.microsoft.com/oss/openservicemesh/osm:v1.2.4"}]`
	sleepPatch  = `[{"op":"replace","path":"/spec/template/spec/containers/0/args","value":["sleep"]}]`
	unreadyPath = `[{"op":"add","path":"/spec/template/spec/containers/0/readinessProbe","value":{"httpGet":{"path":"/health/ready","port":9999},"periodSeconds":1}}]`
	envoyPatch  = `[{"op":"add","path":"/spec/template/spec/containers/-","value":{"name":"envoy","image":"` + stage.Image + `","args":["sleep"]}}]`
)

func (m *mesh) programs() map[string]injection {
	control, inject := m.renew("Deployment/"+controller), m.renew("Deployment/"+injector)
	return map[string]injection{
		"ControllerScaledToZero": {"0/0 is no health", "OSM-01", m.scale(controller, "0"), m.scale(controller, "1"), nil, nil},
		"ControllerDeleted":      {"somebody deleted it", "OSM-01", m.remove("Deployment/" + controller), control, nil, nil},
		"ControllerImage":        {"the registry cannot be reached", "ARC-07", m.change(controller, pullPatch), control, nil, nil},
		"ControllerCrash":        {"it ends with an error", "OSM-02", m.change(controller, crashPatch), control, nil, nil},
		"ControllerNotReady":     {"its readiness probe fails", "OSM-02", m.change(controller, unreadyPath), control, nil, nil},
		"ControllerRolloutStuck": {"the old pod serves on", "OSM-02", m.stuckRollout, control, nil, nil},
		"ControllerSidecar":      {"it has a container too many", "OSM-04", m.json("Deployment/"+controller, envoyPatch), control, nil, nil},
		"EvictedLeftover":        {"an eviction long ago is no problem", "", m.evicted, m.remove("Pod/" + controller + "-evicted"), nil, nil},
		"InjectorScaledToZero":   {"0/0 is no health", "OSM-07", m.scale(injector, "0"), m.scale(injector, "1"), nil, nil},
		"InjectorCrash":          {"it ends with an error", "OSM-08", m.change(injector, crashPatch), inject, nil, nil},
		"InjectorImage":          {"the registry cannot be reached", "ARC-07", m.change(injector, pullPatch), inject, nil, nil},
		"InjectorThreefold":      {"each error hides the next", "OSM-08 OSM-14 OSM-15", m.threefold, m.renew("Deployment/"+injector, mutating), nil, nil},
		"ControllerTwofold":      {"a dead controller cannot register its webhook", "OSM-01", m.twofold, m.renew("Deployment/"+controller, validating), nil, nil},
		"InjectorDeaf":           {"its pod is ready, and nobody listens", "OSM-17", m.change(injector, sleepPatch), inject, nil, nil},
	}
}

func (m *mesh) stuckRollout(b *bench) {
	m.json("Deployment/"+controller, crashPatch)(b)
	b.eventually(patience, func() string {
		for _, f := range b.doctor().Of("OSM-02") {
			if f.Status == "warn" {
				return ""
			}
		}
		return "no warning of a rollout that is stuck"
	})
}

func (m *mesh) threefold(b *bench) {
	m.json(mutating, bundle("not a cert"))(b)
	m.json(mutating, `[{"op":"replace","path":"/webhooks/0/clientConfig/service/port","value":9099}]`)(b)
	m.change(injector, crashPatch)(b)
}

func (m *mesh) twofold(b *bench) {
	m.remove(validating)(b)
	m.scale(controller, "0")(b)
	b.eventually(patience, func() string {
		if found := b.doctor().Of("OSM-11"); len(found) != 1 || found[0].Status != "skipped" || found[0].CausedBy != "OSM-01" {
			return fmt.Sprintf("OSM-11 is not skipped for OSM-01: %v", found)
		}
		return ""
	})
}

// evicted leaves a pod behind as an eviction does, and waits until doctor speaks of it.
func (m *mesh) evicted(b *bench) {
	b.apply(`apiVersion: v1
kind: Pod
metadata: {name: osm-controller-evicted, namespace: arc-osm-system, labels: {app: osm-controller}}
spec: {schedulerName: nobody, containers: [{name: osm-controller, image: "` + stage.Image + `"}]}
`)
	b.kubectl("patch", "pod", controller+"-evicted", "-n", stage.MeshNamespace, "--subresource=status", "--type=merge", "-p",
		`{"status":{"phase":"Failed","reason":"Evicted","message":"The node was low on resource: ephemeral-storage."}}`)
	b.eventually(patience, func() string {
		for _, f := range b.doctor().Of("OSM-03") {
			if f.Status == "pass" && len(f.Objects) == 1 && f.Objects[0].Name == controller+"-evicted" {
				return ""
			}
		}
		return "doctor does not speak of the pod"
	})
}

func (m *mesh) services() map[string]injection {
	control, inject := m.renew("Service/"+controller), m.renew("Service/"+injector)
	return map[string]injection{
		"ControllerServicePorts":    {"the port of the sidecars is not there", "OSM-05", m.json("Service/"+controller, `[{"op":"replace","path":"/spec/ports/0/port","value":15129}]`), control, nil, nil},
		"ControllerServiceMissing":  {"somebody deleted it", "OSM-05", m.remove("Service/" + controller), control, nil, nil},
		"ControllerServiceSelector": {"a typo in the selector", "OSM-06", m.merge("Service/"+controller, `{"spec":{"selector":{"app":"osm-controler"}}}`), control, nil, nil},
		"InjectorServicePort":       {"another port than the webhook calls", "OSM-09", m.json("Service/"+injector, `[{"op":"replace","path":"/spec/ports/0/port","value":9091}]`), inject, nil, nil},
		"InjectorServiceExposed":    {"the world could call it", "OSM-09", m.merge("Service/"+injector, `{"spec":{"type":"LoadBalancer"}}`), inject, nil, nil},
		"InjectorServiceMissing":    {"somebody deleted it", "OSM-09", m.remove("Service/" + injector), inject, nil, nil},
		"InjectorServiceSelector":   {"a typo in the selector", "OSM-10", m.merge("Service/"+injector, `{"spec":{"selector":{"app":"osm-inject"}}}`), inject, nil, nil},
		"InjectorTargetPort":        {"it leads to a port where nobody listens", "OSM-10", m.json("Service/"+injector, `[{"op":"replace","path":"/spec/ports/0/targetPort","value":9091}]`), inject, nil, nil},
	}
}

// bundle is a patch that gives a webhook other authorities.
func bundle(pem string) string {
	return fmt.Sprintf(`[{"op":"add","path":"/webhooks/0/clientConfig/caBundle","value":%q}]`, base64.StdEncoding.EncodeToString([]byte(pem)))
}

func (m *mesh) webhooks() map[string]injection {
	validate, mutate := m.renew(validating), m.renew(mutating)
	const noBundle = `[{"op":"remove","path":"/webhooks/0/clientConfig/caBundle"}]`
	return map[string]injection{
		"ValidatingWebhookDeleted": {"somebody deleted it", "OSM-11", m.remove(validating), validate, nil, nil},
		"MutatingWebhookDeleted":   {"somebody deleted it", "OSM-12", m.remove(mutating), mutate, nil, nil},
		"ValidatorOldName":         {"no Service has the name of version 0.8", "OSM-13", m.json(validating, `[{"op":"replace","path":"/webhooks/0/clientConfig/service/name","value":"osm-config-validator"}]`), validate, nil, nil},
		"ValidatorServiceMissing":  {"somebody deleted it", "OSM-13", m.remove("Service/osm-validator"), m.renew("Service/osm-validator"), nil, nil},
		"ValidatorPath":            {"another path", "OSM-13", m.json(validating, `[{"op":"replace","path":"/webhooks/0/clientConfig/service/path","value":"/"}]`), validate, nil, nil},
		"InjectorWebhookPort":      {"no such port at the Service", "OSM-14", m.json(mutating, `[{"op":"replace","path":"/webhooks/0/clientConfig/service/port","value":9099}]`), mutate, nil, nil},
		"InjectorWebhookPath":      {"another path", "OSM-14", m.json(mutating, `[{"op":"replace","path":"/webhooks/0/clientConfig/service/path","value":"/inject"}]`), mutate, nil, nil},
		"BundleEmpty":              {"nobody filled it in", "OSM-15", m.json(mutating, noBundle), mutate, nil, nil},
		"BundleOfValidatorEmpty":   {"nobody filled it in", "OSM-15", m.json(validating, noBundle), validate, nil, nil},
		"BundleNotPEM":             {"something else is in it", "OSM-15", m.json(mutating, bundle("not a cert")), mutate, nil, nil},
		"BundleForeign":            {"it is long enough, and of another authority", "OSM-16", m.foreignBundle, mutate, nil, nil},
	}
}

func (m *mesh) foreignBundle(b *bench) {
	foreign, err := stage.NewAuthority("another mesh", time.Now().Add(-time.Hour), time.Now().Add(365*24*time.Hour))
	b.must(err)
	m.json(mutating, bundle(foreign.PEM))(b)
}

// configure patches MeshConfig.
func (m *mesh) configure(patch string) func(*bench) {
	return m.merge("meshconfig/osm-mesh-config", patch)
}

// spoilt patches MeshConfig and waits until doctor has one finding about each of the keys, and no other.
func (m *mesh) spoilt(patch string, keys ...string) func(*bench) {
	return func(b *bench) {
		m.configure(patch)(b)
		b.eventually(patience, func() string {
			var said []string
			for _, f := range b.doctor("OSM").Of("OSM-20") {
				if f.Status == "fail" || f.Status == "warn" {
					said = append(said, f.Reason)
				}
			}
			for _, key := range keys {
				if about := slices.DeleteFunc(slices.Clone(said), func(reason string) bool { return !strings.Contains(reason, key) }); len(about) != 1 {
					return fmt.Sprintf("%d findings about %s: %v", len(about), key, said)
				}
			}
			if len(said) != len(keys) {
				return fmt.Sprintf("%d findings instead of %d: %v", len(said), len(keys), said)
			}
			return ""
		})
	}
}

// configuration has a case for values that no mesh can work with, one for values that nobody can want, and so on: all of them are accepted by
// the API server.
func (m *mesh) configuration() map[string]injection {
	config := m.renew("MeshConfig/osm-mesh-config")
	wrong := m.spoilt(`{"spec":{
		"traffic":{"outboundIPRangeExclusionList":["999.1.1.1/24","10.0.0.0/99"],"outboundPortExclusionList":[6379,6379],"inboundPortExclusionList":[80,80],
			"inboundExternalAuthorization":{"enable":true}},
		"certificate":{"serviceCertValidityDuration":"1 day","certKeyBitSize":1024},
		"observability":{"osmLogLevel":"verbose"},
		"sidecar":{"configResyncInterval":"often","resources":{"requests":{"cpu":"2"},"limits":{"cpu":"1"}}}}}`,
		"spec.traffic.outboundIPRangeExclusionList", "spec.traffic.outboundPortExclusionList", "spec.traffic.inboundPortExclusionList",
		"spec.traffic.inboundExternalAuthorization", "spec.certificate.serviceCertValidityDuration", "spec.certificate.certKeyBitSize",
		"spec.observability.osmLogLevel", "spec.sidecar.configResyncInterval", "spec.sidecar.resources")
	unwanted := m.spoilt(`{"spec":{
		"traffic":{"outboundIPRangeExclusionList":["1.1.1.1/24"],"enablePermissiveTrafficPolicyMode":false},
		"observability":{"enableDebugServer":true,"tracing":{"enable":true}},
		"sidecar":{"configResyncInterval":"30s"},
		"featureFlags":{"enableEgressPolicy":false,"enableMulticlusterMode":true}}}`,
		"spec.traffic.outboundIPRangeExclusionList", "spec.traffic.enablePermissiveTrafficPolicyMode", "spec.observability.enableDebugServer",
		"spec.observability.tracing.enable", "spec.sidecar.configResyncInterval", "spec.featureFlags.enableEgressPolicy", "spec.featureFlags.enableMulticlusterMode")
	bounds := m.spoilt(`{"spec":{"certificate":{"serviceCertValidityDuration":"0s","certKeyBitSize":8192},"sidecar":{"configResyncInterval":"-1m"}}}`,
		"spec.certificate.serviceCertValidityDuration", "spec.certificate.certKeyBitSize", "spec.sidecar.configResyncInterval")
	return map[string]injection{
		"ConfigDeleted":  {"somebody deleted it", "OSM-18", m.remove("MeshConfig/osm-mesh-config"), config, nil, nil},
		"ValuesWrong":    {"the definition asks for types and patterns only", "OSM-20", wrong, config, nil, nil},
		"ValuesUnwanted": {"they work, and do harm or nothing", "OSM-20", unwanted, config, nil, nil},
		"ValuesBeyond":   {"the right form, and out of bounds", "OSM-20", bounds, config, nil, nil},
		"ValuesRefused":  {"the API server itself refuses the guide's quoted booleans", "", m.refusedValues, nil, nil, nil},
		"MeshInItself":   {"the mesh must not be in the mesh", "OSM-19", m.inItself, m.outOfItself, nil, nil},
	}
}

// refusedValues tries the guide's own patches, which doctor must not propose: strings for booleans.
func (m *mesh) refusedValues(b *bench) {
	flags := map[string]string{}
	for _, flag := range []string{
		"enableWASMStats", "enableEgressPolicy", "enableMulticlusterMode", "enableSnapshotCacheMode", "enableAsyncProxyServiceMapping",
		"enableIngressBackendPolicy", "enableEnvoyActiveHealthChecks",
	} {
		flags[flag] = "true"
	}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"featureFlags": flags}})
	b.must(err)
	out, err := b.Cluster.Kubectl(b.t.Context(), "patch", "meshconfig", "osm-mesh-config", "-n", stage.MeshNamespace, "--type=merge", "-p", string(patch))
	said := fmt.Sprint(out, err)
	for flag := range flags {
		if !strings.Contains(said, "spec.featureFlags."+flag+" in body must be of type boolean") {
			b.t.Errorf("%s is not refused: %s", flag, said)
		}
	}
}

func (m *mesh) inItself(b *bench) {
	b.kubectl("label", "namespace", stage.MeshNamespace, "openservicemesh.io/monitored-by=osm")
	b.kubectl("annotate", "namespace", stage.MeshNamespace, "openservicemesh.io/sidecar-injection=enabled")
}

func (m *mesh) outOfItself(b *bench) {
	b.kubectl("label", "namespace", stage.MeshNamespace, "openservicemesh.io/monitored-by-")
	b.kubectl("annotate", "namespace", stage.MeshNamespace, "openservicemesh.io/sidecar-injection-")
}

// marked labels and annotates the member's namespace; each mark is KEY=VALUE or KEY-.
func marked(verb, mark string) func(*bench) {
	return func(b *bench) {
		b.kubectl(verb, "namespace", stage.MeshMember, "openservicemesh.io/"+mark, "--overwrite")
	}
}

func (m *mesh) members() map[string]injection {
	label, annotation := marked("label", "monitored-by=osm"), marked("annotate", "sidecar-injection=enabled")
	return map[string]injection{
		"LabelRemoved":        {"the mesh does not watch it", "OSM-21", marked("label", "monitored-by-"), label, nil, nil},
		"LabelOfAnotherMesh":  {"no mesh has that name", "OSM-21", marked("label", "monitored-by=oms"), label, nil, nil},
		"AnnotationRemoved":   {"nobody gets a sidecar", "OSM-22", marked("annotate", "sidecar-injection-"), annotation, nil, nil},
		"AnnotationMisspelt":  {"the injector takes it for an error", "OSM-22", marked("annotate", "sidecar-injection=Enabledd"), annotation, nil, nil},
		"PodOlderThanTheJoin": {"only new pods get a sidecar", "OSM-23", m.joinLate, func(b *bench) { b.kubectl("delete", "namespace", "bookstore", "--wait=false") }, nil, nil},
		"SidecarOutdated":     {"the release brings another Envoy", "OSM-28", m.newSidecar("fairlead.test/envoy:2"), m.newSidecar(stage.Image), nil, nil},
	}
}

func (m *mesh) joinLate(b *bench) {
	b.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: bookstore}\n---\n" + `apiVersion: apps/v1
kind: Deployment
metadata: {name: bookstore, namespace: bookstore}
spec:
  selector: {matchLabels: {app: bookstore}}
  template:
    metadata: {labels: {app: bookstore}}
    spec: {terminationGracePeriodSeconds: 0, containers: [{name: bookstore, image: "` + stage.Image + `", args: [sleep]}]}
`)
	b.kubectl("rollout", "status", "deployment/bookstore", "-n", "bookstore", "--timeout=30s")
	b.kubectl("label", "namespace", "bookstore", "openservicemesh.io/monitored-by=osm")
	b.kubectl("annotate", "namespace", "bookstore", "openservicemesh.io/sidecar-injection=enabled")
}

func (m *mesh) newSidecar(image string) func(*bench) {
	return func(b *bench) {
		b.kubectl("set", "env", "deployment/"+injector, "-n", stage.MeshNamespace, "OSM_DEFAULT_SIDECAR_IMAGE="+image)
	}
}

func (m *mesh) definitions() map[string]injection {
	const routes, targets, split = "tcproutes.specs.smi-spec.io", "traffictargets.access.smi-spec.io", "trafficsplits.split.smi-spec.io"
	const retries, configs = "retries.policy.openservicemesh.io", "meshconfigs.config.openservicemesh.io"
	crd := func(name string) string { return "CustomResourceDefinition/" + name }
	return map[string]injection{
		"RoutesUndefined":   {"a definition is missing", "OSM-24", m.remove(crd(routes)), m.renew(crd(routes)), nil, nil},
		"TargetsUndefined":  {"a definition is missing", "OSM-24", m.remove(crd(targets)), m.renew(crd(targets)), nil, nil},
		"SplitOfOldVersion": {"another version than the mesh asks for", "OSM-25", m.oldSplit, m.renew(crd(split)), nil, nil},
		"PolicyUndefined":   {"a definition of policies is missing", "OSM-26", m.remove(crd(retries)), m.renew(crd(retries)), nil, nil},
		"ConfigUndefined":   {"the definition of its configuration is missing", "OSM-26", m.remove(crd(configs)), m.redefine(configs), nil, nil},
	}
}

func (m *mesh) oldSplit(b *bench) {
	b.must(b.Renew(b.t.Context(), stage.Definition("trafficsplits", "TrafficSplit", "split.smi-spec.io", "v1alpha4")))
}

func (m *mesh) redefine(name string) func(*bench) {
	return func(b *bench) {
		b.apply(m.Of("CustomResourceDefinition/" + name))
		b.kubectl("wait", "--for=condition=Established", "crd/"+name, "--timeout=30s")
		b.apply(m.Of("MeshConfig/osm-mesh-config"))
	}
}

func (m *mesh) authorities() map[string]injection {
	secret := m.renew("Secret/osm-ca-bundle")
	return map[string]injection{
		"AuthorityExpired":   {"nobody can be vouched for", "OSM-27", m.ending(-time.Hour, false), secret, nil, nil},
		"AuthorityExpiring":  {"ten days are left", "OSM-27", m.ending(10*24*time.Hour, false), secret, nil, nil},
		"EverythingExpired":  {"the webhooks have the same authority", "OSM-27", m.ending(-time.Hour, true), m.renew("Secret/osm-ca-bundle", validating, mutating), nil, nil},
		"AuthorityOutlived":  {"a sidecar's certificate would last longer", "OSM-27", m.configure(`{"spec":{"certificate":{"serviceCertValidityDuration":"175200h"}}}`), m.renew("MeshConfig/osm-mesh-config"), nil, nil},
		"AuthorityIsMissing": {"somebody deleted it", "OSM-27", m.remove("Secret/osm-ca-bundle"), secret, nil, nil},
	}
}

// ending gives the authority another end, in its Secret and, when everywhere, in the webhooks too.
func (m *mesh) ending(left time.Duration, everywhere bool) func(*bench) { //nolint:revive // read by the table
	return func(b *bench) {
		other, err := m.Authority.Until(time.Now().Add(left))
		b.must(err)
		b.must(b.Renew(b.t.Context(), stage.Secret(stage.MeshNamespace, "osm-ca-bundle", map[string]string{"ca.crt": other.PEM})))
		for _, hook := range []string{validating, mutating} {
			if everywhere {
				m.json(hook, bundle(other.PEM))(b)
			}
		}
	}
}
