package check

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

const (
	meshConfigName = "osm-mesh-config"
	meshPreset     = "preset-mesh-config" // what the mesh makes its MeshConfig from
)

// meshConfig returns the one MeshConfig that counts.
func meshConfig(s *snapshot.Snapshot) *unstructured.Unstructured {
	for i := range s.Custom[snapshot.MeshConfigs] {
		if config := &s.Custom[snapshot.MeshConfigs][i]; config.GetName() == meshConfigName && config.GetNamespace() == meshSpace {
			return config
		}
	}
	return nil
}

func meshConfigPresent() doctor.Check {
	return doctor.Check{
		ID: "OSM-18", Severity: doctor.High, After: []string{"OSM-26"}, Eval: judgeMeshConfigPresent,
		Needs: []snapshot.Need{snapshot.In(meshSpace, snapshot.MeshConfigs)},
		Uses:  []snapshot.Need{snapshot.Everywhere(snapshot.Definitions), meshPresetNeed()},
	}
}

func judgeMeshConfigPresent(s *snapshot.Snapshot) []doctor.Finding {
	if meshConfig(s) != nil {
		return nil
	}
	if s.Known(snapshot.Everywhere(snapshot.Definitions)) && meshDefinition(s, meshConfigDefinition) == nil {
		return []doctor.Finding{meshBehind("OSM-26")}
	}
	restart := doctor.Remedy{Key: "restore", Risk: doctor.Manual, Commands: []string{"kubectl rollout restart deployment " + meshBootstrap(s) + " -n " + meshSpace}}
	return []doctor.Finding{{
		Status: doctor.Fail, Key: "missing", Args: map[string]string{"name": meshConfigName, "namespace": meshSpace},
		Objects: []doctor.Object{meshObject("MeshConfig", meshConfigName)}, Remedies: []doctor.Remedy{restart},
	}}
}

// meshBootstrap is the Deployment that makes what the mesh begins with; versions before 0.11 have none.
func meshBootstrap(s *snapshot.Snapshot) string {
	for i := range s.Deployments {
		if s.Deployments[i].Namespace == meshSpace && s.Deployments[i].Name == "osm-bootstrap" {
			return "osm-bootstrap"
		}
	}
	return meshController().app
}

func meshConfigValues() doctor.Check {
	return doctor.Check{
		ID: "OSM-20", Severity: doctor.Medium, Eval: judgeMeshConfig, Needs: []snapshot.Need{snapshot.In(meshSpace, snapshot.MeshConfigs)},
		Uses: []snapshot.Need{snapshot.Everywhere(snapshot.TrafficTargets), snapshot.Everywhere(snapshot.Definitions)},
	}
}

// judgeMeshConfig does not rely on the API server: it lets pass what no definition forbids, and objects can be older than their definition.
func judgeMeshConfig(s *snapshot.Snapshot) []doctor.Finding {
	config := meshConfig(s)
	if config == nil {
		return []doctor.Finding{meshBehind("OSM-18")}
	}
	var found []doctor.Finding
	for _, key := range meshKeys() {
		value, ok := meshValue(config, key.path)
		if !ok {
			continue // then the default counts
		}
		if flaw := key.judge(s, value); flaw != nil {
			found = append(found, key.finding(config, value, flaw))
		}
	}
	if misplaced, wrong := judgeMeshMisplaced(config); wrong {
		found = append(found, misplaced)
	}
	return found
}

func meshValue(config *unstructured.Unstructured, path string) (any, bool) {
	value, ok, err := unstructured.NestedFieldNoCopy(config.Object, strings.Split(path, ".")...)
	return value, ok && err == nil && value != nil
}

// meshFlaw is what is wrong with a value.
type meshFlaw struct {
	reason string
	status doctor.Status
	detail string
	better any  // the value to set instead
	choice bool // that a person has to make: doctor would open what somebody closed
	after  []string
	needs  []snapshot.Need // of a flaw that could not be judged
	mild   bool
}

// judge returns what is wrong with a value, nil when nothing is.
func (k meshKey) judge(s *snapshot.Snapshot, value any) *meshFlaw {
	if is := meshType(value); is != k.kind {
		better := k.coerce(value)
		return &meshFlaw{reason: "type", status: doctor.Fail, detail: is, better: better, choice: k.opens(better)}
	}
	if k.rule == nil {
		return nil
	}
	flaw := k.rule(s, value)
	if flaw != nil && flaw.better == nil {
		flaw.better = k.fallback
	}
	return flaw
}

func (k meshKey) finding(config *unstructured.Unstructured, value any, flaw *meshFlaw) doctor.Finding {
	object := meshObject("MeshConfig", meshConfigName)
	finding := doctor.Finding{
		Status: flaw.status, Key: flaw.reason, After: flaw.after, Objects: []doctor.Object{object},
		Args:     map[string]string{"key": k.path, "value": meshText(value), "detail": flaw.detail, "type": k.kind, "default": meshText(k.fallback)},
		Evidence: meshSeen("spec", object, k.path+": "+meshText(value)),
	}
	if len(flaw.needs) > 0 {
		finding.Key, finding.Args["needs"] = "unknownForbidden", flaw.needs[0].String()
		return finding
	}
	if flaw.mild {
		finding.Severity = doctor.Low
	}
	remedy := doctor.Remedy{Key: "set", Args: map[string]string{"key": k.path, "value": meshText(flaw.better)}, Risk: doctor.Ask, Commands: []string{meshConfigPatch(k.path, flaw.better)}}
	if flaw.reason != "type" {
		remedy.Undo = []string{meshConfigPatch(k.path, value)}
	}
	if flaw.choice {
		remedy.Risk = doctor.Manual
		if flaw.reason != "type" {
			remedy.Key = flaw.reason
		}
	} else {
		remedy.Actions = []doctor.Action{meshConfigAction(config, meshNest(k.path, flaw.better))}
	}
	finding.Remedies = []doctor.Remedy{remedy}
	return finding
}

func meshText(value any) string { return string(meshJSON(value)) }

// meshNest makes of a path and a value the object that holds it.
func meshNest(path string, value any) map[string]any {
	parts := strings.Split(path, ".")
	for i := len(parts) - 1; i > 0; i-- {
		value = map[string]any{parts[i]: value}
	}
	return map[string]any{parts[0]: value}
}

func meshConfigPatch(path string, value any) string { return meshConfigCommand(meshNest(path, value)) }

func meshConfigCommand(patch map[string]any) string {
	return fmt.Sprintf("kubectl patch meshconfig %s -n %s -p %s --type=merge", meshConfigName, meshSpace, meshQuote(meshText(patch)))
}

func meshConfigAction(config *unstructured.Unstructured, patch map[string]any) doctor.Action {
	return doctor.Action{
		Verb: doctor.MergePatch, APIVersion: config.GetAPIVersion(), Resource: "meshconfigs", Namespace: meshSpace, Name: meshConfigName,
		Body: meshJSON(patch), Backup: true,
	}
}

// judgeMeshMisplaced finds the log level where the guide's own patch puts it, which only a server that keeps unknown fields does.
func judgeMeshMisplaced(config *unstructured.Unstructured) (doctor.Finding, bool) {
	const wrong, right = "spec.observability.tracing.osmLogLevel", "spec.observability.osmLogLevel"
	value, ok := meshValue(config, wrong)
	if !ok {
		return doctor.Finding{}, false
	}
	level, ok := value.(string)
	if !ok || judgeMeshLogLevel(nil, level) != nil {
		level = "info"
	}
	object := meshObject("MeshConfig", meshConfigName)
	patch := map[string]any{"spec": map[string]any{"observability": map[string]any{"osmLogLevel": level, "tracing": map[string]any{"osmLogLevel": nil}}}}
	remedy := doctor.Remedy{
		Key: "move", Args: map[string]string{"key": right, "value": meshText(level)}, Risk: doctor.Ask, Commands: []string{meshConfigCommand(patch)},
		Actions: []doctor.Action{meshConfigAction(config, patch)},
	}
	return doctor.Finding{
		Status: doctor.Warn, Key: "misplaced", Args: map[string]string{"key": wrong, "right": right, "value": meshText(value)},
		Objects: []doctor.Object{object}, Evidence: meshSeen("spec", object, wrong+": "+meshText(value)), Remedies: []doctor.Remedy{remedy},
	}, true
}
