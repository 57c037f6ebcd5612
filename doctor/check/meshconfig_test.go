package check

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/catalogue"
	"github.com/fairlead/fairlead/doctor/probe/wire"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func splitMeshPath(path string) []string { return strings.Split(path, ".") }

func containsAny(text string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
}

func TestMeshKeys(t *testing.T) {
	if keys := meshKeys(); len(keys) != 23 {
		t.Errorf("%d keys, want 23", len(keys))
	}
	w := meshHealthy(t)
	for _, key := range meshKeys() {
		if flaw := key.judge(w.Snapshot, key.fallback); flaw != nil {
			t.Errorf("the default of %s is said to be wrong: %s", key.path, flaw.reason)
		}
		wrong := any("maybe")
		if key.kind == meshString {
			wrong = false // as YAML reads off
		}
		if flaw := key.judge(w.Snapshot, wrong); flaw == nil || flaw.reason != "type" {
			t.Errorf("%s takes %v", key.path, wrong)
		}
	}
}

func TestMeshValues(t *testing.T) {
	cases := map[string]struct {
		path   string
		value  any
		key    string
		status doctor.Status
		patch  string // what the remedy sets
	}{
		"BooleanInQuotes":     {"spec.featureFlags.enableWASMStats", "true", "type", doctor.Fail, `{"spec":{"featureFlags":{"enableWASMStats":true}}}`},
		"BooleanInWords":      {"spec.traffic.enableEgress", "sure", "type", doctor.Fail, `{"spec":{"traffic":{"enableEgress":false}}}`},
		"PolicyInQuotes":      {"spec.traffic.enablePermissiveTrafficPolicyMode", "false", "type", doctor.Fail, `{"spec":{"traffic":{"enablePermissiveTrafficPolicyMode":false}}}`},
		"PolicyInWords":       {"spec.traffic.enablePermissiveTrafficPolicyMode", "strict", "type", doctor.Fail, `{"spec":{"traffic":{"enablePermissiveTrafficPolicyMode":true}}}`},
		"NumberInQuotes":      {"spec.certificate.certKeyBitSize", "4096", "type", doctor.Fail, `{"spec":{"certificate":{"certKeyBitSize":4096}}}`},
		"SmallNumberInQuotes": {"spec.certificate.certKeyBitSize", "1024", "type", doctor.Fail, `{"spec":{"certificate":{"certKeyBitSize":2048}}}`},
		"SmallKey":            {"spec.certificate.certKeyBitSize", int64(1024), "bits", doctor.Fail, `{"spec":{"certificate":{"certKeyBitSize":2048}}}`},
		"NobodyMayTalk":       {"spec.traffic.enablePermissiveTrafficPolicyMode", false, "denied", doctor.Warn, `{"spec":{"traffic":{"enablePermissiveTrafficPolicyMode":true}}}`},
		"PortTwice":           {"spec.traffic.outboundPortExclusionList", []any{int64(6379), int64(6379)}, "ports", doctor.Fail, `{"spec":{"traffic":{"outboundPortExclusionList":[6379]}}}`},
		"PortTooBig":          {"spec.traffic.inboundPortExclusionList", []any{int64(8080), int64(70000)}, "ports", doctor.Fail, `{"spec":{"traffic":{"inboundPortExclusionList":[8080]}}}`},
		"RangeOfNoAddress":    {"spec.traffic.outboundIPRangeExclusionList", []any{"10.0.0.0/8", "999.1.1.1/24"}, "ranges", doctor.Fail, `{"spec":{"traffic":{"outboundIPRangeExclusionList":["10.0.0.0/8"]}}}`},
		"RangeTooLong":        {"spec.traffic.outboundIPRangeExclusionList", []any{"10.0.0.0/99"}, "ranges", doctor.Fail, `{"spec":{"traffic":{"outboundIPRangeExclusionList":[]}}}`},
		"RangeWithHostBits":   {"spec.traffic.outboundIPRangeExclusionList", []any{"10.0.0.0/32", "1.1.1.1/24"}, "hostBits", doctor.Warn, `{"spec":{"traffic":{"outboundIPRangeExclusionList":["10.0.0.0/32","1.1.1.0/24"]}}}`},
		"DurationInWords":     {"spec.certificate.serviceCertValidityDuration", "1 day", "duration", doctor.Fail, `{"spec":{"certificate":{"serviceCertValidityDuration":"24h"}}}`},
		"DurationOfNothing":   {"spec.certificate.serviceCertValidityDuration", "0s", "duration", doctor.Fail, `{"spec":{"certificate":{"serviceCertValidityDuration":"24h"}}}`},
		"DebugServer":         {"spec.observability.enableDebugServer", true, "debug", doctor.Warn, `{"spec":{"observability":{"enableDebugServer":false}}}`},
		"LogLevel":            {"spec.observability.osmLogLevel", "verbose", "choice", doctor.Fail, `{"spec":{"observability":{"osmLogLevel":"info"}}}`},
		"MisplacedLogLevel":   {"spec.observability.tracing.osmLogLevel", "debug", "misplaced", doctor.Warn, `{"spec":{"observability":{"osmLogLevel":"debug","tracing":{"osmLogLevel":null}}}}`},
		"TracingToNowhere":    {"spec.observability.tracing.enable", true, "tracing", doctor.Warn, `{"spec":{"observability":{"tracing":{"enable":false}}}}`},
		"EnvoyLogLevel":       {"spec.sidecar.logLevel", "fatal", "choice", doctor.Fail, `{"spec":{"sidecar":{"logLevel":"error"}}}`},
		"EnvoyLogLevelOff":    {"spec.sidecar.logLevel", false, "type", doctor.Fail, `{"spec":{"sidecar":{"logLevel":"error"}}}`},
		"ResyncTooOften":      {"spec.sidecar.configResyncInterval", "30s", "ignored", doctor.Warn, `{"spec":{"sidecar":{"configResyncInterval":"0s"}}}`},
		"ResyncNoDuration":    {"spec.sidecar.configResyncInterval", "soon", "duration", doctor.Fail, `{"spec":{"sidecar":{"configResyncInterval":"0s"}}}`},
		"ResourcesInMetres":   {"spec.sidecar.resources", map[string]any{"limits": map[string]any{"cpu": "5 metres"}}, "resources", doctor.Fail, `{"spec":{"sidecar":{"resources":{}}}}`},
		"RequestOverLimit":    {"spec.sidecar.resources", map[string]any{"limits": map[string]any{"cpu": "1"}, "requests": map[string]any{"cpu": int64(2)}}, "resources", doctor.Fail, `{"spec":{"sidecar":{"resources":{}}}}`},
		"NobodyToAsk":         {"spec.traffic.inboundExternalAuthorization", map[string]any{"enable": true}, "authorization", doctor.Fail, `{"spec":{"traffic":{"inboundExternalAuthorization":{"enable":false,"failureModeAllow":false,"statPrefix":"inboundExtAuthz","timeout":"1s"}}}}`},
		"TimeoutInWords":      {"spec.traffic.inboundExternalAuthorization", map[string]any{"timeout": "a second"}, "field", doctor.Fail, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := meshHealthy(t)
			w.set(t, tc.value, tc.path)
			found := judgeMeshConfig(w.Snapshot)
			if len(found) != 1 || found[0].Key != tc.key || found[0].Status != tc.status || found[0].Args["key"] != tc.path {
				t.Fatalf("got %+v", found)
			}
			command := "kubectl patch meshconfig osm-mesh-config -n arc-osm-system -p '" + tc.patch + "' --type=merge"
			if remedy := found[0].Remedies[0]; tc.patch != "" && remedy.Commands[0] != command {
				t.Errorf("command %s\nwant    %s", remedy.Commands[0], command)
			}
			for _, action := range found[0].Remedies[0].Actions {
				if string(action.Body) != tc.patch {
					t.Errorf("body %s", action.Body)
				}
			}
			if secure := slices.Contains([]string{"denied", "authorization", "field"}, tc.key) || name == "PolicyInWords"; secure != (len(found[0].Remedies[0].Actions) == 0) {
				t.Errorf("doctor must leave to a person what opens something, and nothing else: %v", found[0].Remedies[0].Actions)
			}
			assertMeshSpoken(t, doctor.Evaluate(mesh(), w.Snapshot, nil))
		})
	}
}

func TestMeshPermissiveNeedsTargets(t *testing.T) {
	w := meshHealthy(t)
	w.set(t, false, "spec.traffic.enablePermissiveTrafficPolicyMode")
	w.Custom[snapshot.TrafficTargets] = []unstructured.Unstructured{{Object: map[string]any{}}}
	if found := judgeMeshConfig(w.Snapshot); len(found) != 0 {
		t.Errorf("with a target: %+v", found)
	}
	w.Custom[snapshot.TrafficTargets] = nil
	w.Coverage[snapshot.TrafficTargets] = &snapshot.Coverage{Served: true, Gaps: []snapshot.Gap{{Reason: snapshot.Forbidden}}}
	if found := judgeMeshConfig(w.Snapshot); len(found) != 1 || found[0].Status != doctor.Unknown || found[0].Args["needs"] == "" {
		t.Errorf("without the right to list targets: %+v", found)
	}
}

func TestMeshRetiredFlags(t *testing.T) {
	w := meshHealthy(t)
	w.set(t, true, "spec.featureFlags.enableMulticlusterMode")
	if found := judgeMeshConfig(w.Snapshot); len(found) != 0 {
		t.Errorf("1.0 still reads it: %+v", found)
	}
	w.deployment("osm-controller").Spec.Template.Spec.Containers[0].Image = "registry.example.test:5000/osm-controller:v1.2.3@sha256:00"
	if found := judgeMeshConfig(w.Snapshot); len(found) != 1 || found[0].Key != "retired" {
		t.Errorf("1.2 does not: %+v", found)
	}
}

func TestMeshLeftovers(t *testing.T) {
	w := meshHealthy(t)
	pod := w.addPod(meshSpace, "osm-controller", "osm-controller", "osm-controller")
	pod.Name = "osm-controller-7d4b9-moved"
	pod.Status = corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted"}
	findings := meshEvaluate(w.Snapshot)
	if roots := meshRoots(findings); len(roots) != 0 {
		t.Errorf("an evicted pod beside a running one is healthy, got %v", roots)
	}
	i := slices.IndexFunc(findings, func(f doctor.Finding) bool { return f.ID == "OSM-03" })
	if f := findings[i]; f.Status != doctor.Pass || f.Key != "leftovers" || len(f.Objects) != 1 || f.Objects[0].Name != pod.Name || f.Remedies[0].Actions[0].Verb != doctor.Delete {
		t.Errorf("got %+v", f)
	}
	w.lose(meshController())
	if found := judgeMeshLeftovers(w.Snapshot); len(found) != 0 {
		t.Errorf("nothing replaced the pod: %+v", found)
	}
}

func TestMeshProbeDecides(t *testing.T) {
	cases := map[string]struct {
		host   string
		secret bool
		root   []string
	}{
		"Right":                 {"osm-injector.arc-osm-system.svc", true, nil},
		"RightWithoutTheSecret": {"osm-injector.arc-osm-system.svc", false, nil},
		"OtherName":             {"elsewhere.example.test", true, []string{"OSM-16 fail foreign"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := meshHealthy(t)
			if !tc.secret {
				w.Certificates = nil
				w.deployment("osm-controller").Spec.Template.Spec.Containers[0].Args = []string{"--certificate-manager", "vault"}
			}
			result := func(name, host string) wire.TargetResult {
				return wire.TargetResult{Name: name, Stages: []wire.Stage{{Name: wire.StageTLS, Chain: [][]byte{w.authority.serve(t, host)}}}}
			}
			w.Probe = &snapshot.Probe{Pod: &snapshot.Place{Result: &wire.Result{Targets: []wire.TargetResult{
				result("osm-validator", "osm-validator.arc-osm-system.svc"), result("osm-injector", tc.host),
			}}}}
			if roots := meshRoots(meshEvaluate(w.Snapshot)); !slices.Equal(roots, tc.root) {
				t.Errorf("roots %v, want %v", roots, tc.root)
			}
		})
	}
}

func TestMeshBundleUndecided(t *testing.T) {
	w := meshHealthy(t)
	w.Certificates = nil
	if found := meshBundleRight().Eval(w.Snapshot); len(found) != 1 || found[0].Status != doctor.Skipped || found[0].Key != doctor.NeedsProbe {
		t.Errorf("nothing to compare with: %+v", found)
	}
	w.Coverage[snapshot.Certificates] = &snapshot.Coverage{Served: true, Gaps: []snapshot.Gap{{Need: meshSecretNeed(), Reason: snapshot.Forbidden}}}
	if found := meshBundleRight().Eval(w.Snapshot); len(found) != 1 || found[0].Status != doctor.Unknown {
		t.Errorf("not allowed to compare: %+v", found)
	}
}

func TestMeshTrial(t *testing.T) {
	cases := map[string]struct {
		change func(w *meshWorld)
		status doctor.Status
		key    string
	}{
		"Quota": {func(w *meshWorld) {
			w.Trials[0] = snapshot.Trial{Name: snapshot.TrialMeshPod, Message: `pods "x" is forbidden: exceeded quota: q`}
		}, doctor.Pass, ""},
		"Other": {func(w *meshWorld) {
			w.Trials[0] = snapshot.Trial{Name: snapshot.TrialMeshPod, Message: "no service account"}
		}, doctor.Unknown, "otherRefusal"},
		"Ignore":      {func(w *meshWorld) { w.MutatingWebhooks[0].Webhooks[0].FailurePolicy = new(admissionv1.Ignore) }, doctor.Skipped, "ignored"},
		"NoNamespace": {func(w *meshWorld) { w.Trials, w.Namespaces = nil, w.Namespaces[:2] }, doctor.Skipped, "noNamespace"},
		"Untried":     {func(w *meshWorld) { w.Trials = nil }, doctor.Unknown, "untried"},
		"Forbidden": {func(w *meshWorld) {
			w.Trials = nil
			w.Coverage[snapshot.Trials] = &snapshot.Coverage{Served: true, Gaps: []snapshot.Gap{{Reason: snapshot.Forbidden}}}
		}, doctor.Unknown, "unknownForbidden"},
		"Silent": {func(w *meshWorld) { w.refuse("context deadline exceeded") }, doctor.Fail, "noAnswer"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := meshHealthy(t)
			tc.change(&w)
			found := doctor.Evaluate([]doctor.Check{meshOnly(meshAnswers())}, w.Snapshot, nil)
			if len(found) != 1 || found[0].Status != tc.status || found[0].Key != tc.key {
				t.Fatalf("got %+v", found)
			}
			if tc.status == doctor.Fail && found[0].Severity != doctor.Critical {
				t.Errorf("severity %s", found[0].Severity)
			}
		})
	}
}

func TestMeshActionsAreWhole(t *testing.T) {
	w := meshHealthy(t)
	w.Definitions = nil
	for _, finding := range append(meshRouteDefinitions().Eval(w.Snapshot), meshOwnDefinitions().Eval(w.Snapshot)...) {
		for _, action := range finding.Remedies[0].Actions {
			var definition struct {
				Metadata metav1.ObjectMeta
				Spec     struct {
					Group    string
					Names    struct{ Plural, Kind string }
					Versions []struct {
						Name            string
						Served, Storage bool
					}
				}
			}
			if err := json.Unmarshal(action.Body, &definition); err != nil {
				t.Fatal(err)
			}
			if spec := definition.Spec; spec.Names.Plural+"."+spec.Group != action.Name || definition.Metadata.Name != action.Name || spec.Names.Kind == "" || !spec.Versions[0].Storage {
				t.Errorf("%s: %s", action.Name, action.Body)
			}
		}
		if !strings.Contains(finding.Remedies[0].Commands[0], "/osm/release-v1.0/cmd/osm-bootstrap/crds/") {
			t.Errorf("%s: %v", finding.Key, finding.Remedies[0].Commands)
		}
	}
}

func FuzzMeshBundle(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	f.Add([]byte("not a cert"))
	f.Fuzz(func(t *testing.T, bundle []byte) {
		certificates, err := meshCertificates(bundle)
		if (err == nil) != (len(certificates) > 0) {
			t.Errorf("%d certificates and %v", len(certificates), err)
		}
		meshUsable(certificates, time.Now())
	})
}

func FuzzMeshValue(f *testing.F) {
	f.Add(`"1 day"`)
	f.Add(`["10.0.0.0/99", 1]`)
	f.Add(`{"limits": {"cpu": []}, "enable": true, "port": 1e99}`)
	f.Fuzz(func(t *testing.T, text string) {
		var value any
		if json.Unmarshal([]byte(text), &value) != nil || value == nil {
			t.Skip("no value")
		}
		s := &snapshot.Snapshot{Custom: map[snapshot.Resource][]unstructured.Unstructured{snapshot.MeshConfigs: {{Object: map[string]any{
			"metadata": map[string]any{"name": meshConfigName, "namespace": meshSpace},
		}}}}}
		for _, key := range meshKeys() {
			flaw := key.judge(s, value)
			if flaw == nil || len(flaw.needs) > 0 {
				continue
			}
			if again := key.judge(s, flaw.better); again != nil && again.status == doctor.Fail {
				t.Errorf("%s: %s is bettered to %s, which is no better", key.path, text, meshText(flaw.better))
			}
		}
	})
}

// assertMeshSpoken wants a sentence for all that is said, with no place left open.
func assertMeshSpoken(t *testing.T, findings []doctor.Finding) {
	t.Helper()
	words, err := catalogue.Open(catalogue.English)
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range doctor.NewReport(findings, words, doctor.Cluster{}, meshNow).Findings {
		texts := []string{result.Reason}
		for _, remedy := range result.Remedies {
			texts = append(texts, remedy.Text)
		}
		for _, text := range texts {
			if len(text) > 0 && text[0] == '[' || containsAny(text, "{", "}") && result.ID != "OSM-20" {
				t.Errorf("%s says %q", result.ID, text)
			}
		}
		if result.Problem() && (len(result.Objects) == 0 || len(result.Remedies) == 0) {
			t.Errorf("%s names no object or no remedy", result.ID)
		}
	}
}
