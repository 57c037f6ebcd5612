package check

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// What makes a namespace a member of the mesh.
const (
	meshLabel      = "openservicemesh.io/monitored-by"
	meshAnnotation = "openservicemesh.io/sidecar-injection"
	meshIgnore     = "openservicemesh.io/ignore"
)

// injection is what an annotation about sidecars says.
type meshInjection int

const (
	meshUnsaid meshInjection = iota
	meshEnabled
	meshDisabled
	meshInvalid
)

// meshSays reads an annotation as the injector does: without regard to case, and with an error for any other word.
func meshSays(annotations map[string]string) meshInjection {
	value, ok := annotations[meshAnnotation]
	if !ok {
		return meshUnsaid
	}
	switch strings.ToLower(value) {
	case "enabled", "yes", "true":
		return meshEnabled
	case "disabled", "no", "false":
		return meshDisabled
	}
	return meshInvalid
}

// meshName is what the mesh calls itself in the label of its namespaces.
func meshName(s *snapshot.Snapshot) string {
	for _, hook := range meshHooks(s, meshInjector()) {
		if hook.selector != nil && hook.selector.MatchLabels[meshLabel] != "" {
			return hook.selector.MatchLabels[meshLabel]
		}
	}
	if d := meshController().find(s); d != nil && d.Labels["meshName"] != "" {
		return d.Labels["meshName"]
	}
	return "osm"
}

// meshOutside are namespaces that no mesh can take in.
func meshOutside(namespace *corev1.Namespace) bool {
	_, ignored := namespace.Labels[meshIgnore]
	return ignored || namespace.Status.Phase == corev1.NamespaceTerminating || slices.Contains([]string{meshSpace, "kube-system", "kube-public"}, namespace.Name)
}

// meshMembers returns the namespaces that the mesh watches.
func meshMembers(s *snapshot.Snapshot) []*corev1.Namespace {
	var found []*corev1.Namespace
	name := meshName(s)
	for i := range s.Namespaces {
		if namespace := &s.Namespaces[i]; namespace.Labels[meshLabel] == name && !meshOutside(namespace) {
			found = append(found, namespace)
		}
	}
	return found
}

func meshNamespaceObject(name string) doctor.Object {
	return doctor.Object{Kind: "Namespace", Name: name}
}

// meshPatch changes labels or annotations of a namespace; nil removes one.
func meshPatch(name, field string, values map[string]any) doctor.Action {
	return doctor.Action{
		Verb: doctor.MergePatch, APIVersion: "v1", Resource: "namespaces", Name: name,
		Body: meshJSON(map[string]any{"metadata": map[string]any{field: values}}),
	}
}

// meshOwnNamespace keeps the mesh out of itself.
func meshOwnNamespace() doctor.Check {
	return doctor.Check{
		ID: "OSM-19", Severity: doctor.High, Eval: judgeMeshOwnNamespace, Needs: []snapshot.Need{snapshot.Everywhere(snapshot.Namespaces)},
	}
}

func judgeMeshOwnNamespace(s *snapshot.Snapshot) []doctor.Finding {
	i := slices.IndexFunc(s.Namespaces, func(n corev1.Namespace) bool { return n.Name == meshSpace })
	if i < 0 {
		return nil
	}
	namespace := &s.Namespaces[i]
	var marks []string
	remedy := doctor.Remedy{Key: "remove", Args: map[string]string{"namespace": meshSpace}, Risk: doctor.Safe}
	if value, ok := namespace.Labels[meshLabel]; ok {
		marks = append(marks, "label "+meshLabel+"="+value)
		remedy.Commands = append(remedy.Commands, "kubectl label namespace "+meshSpace+" "+meshLabel+"-")
		remedy.Undo = append(remedy.Undo, "kubectl label namespace "+meshSpace+" "+meshLabel+"="+meshQuote(value))
		remedy.Actions = append(remedy.Actions, meshPatch(meshSpace, "labels", map[string]any{meshLabel: nil}))
	}
	if value, ok := namespace.Annotations[meshAnnotation]; ok {
		marks = append(marks, "annotation "+meshAnnotation+"="+value)
		remedy.Commands = append(remedy.Commands, "kubectl annotate namespace "+meshSpace+" "+meshAnnotation+"-")
		remedy.Undo = append(remedy.Undo, "kubectl annotate namespace "+meshSpace+" "+meshAnnotation+"="+meshQuote(value))
		remedy.Actions = append(remedy.Actions, meshPatch(meshSpace, "annotations", map[string]any{meshAnnotation: nil}))
	}
	if len(marks) == 0 {
		return nil
	}
	object, text := meshNamespaceObject(meshSpace), strings.Join(marks, ", ")
	return []doctor.Finding{{
		Status: doctor.Warn, Key: "member", Args: map[string]string{"namespace": meshSpace, "marks": text},
		Objects: []doctor.Object{object}, Evidence: meshSeen("spec", object, text), Remedies: []doctor.Remedy{remedy},
	}}
}

func meshLabels() doctor.Check {
	return doctor.Check{
		ID: "OSM-21", Severity: doctor.Medium, Eval: judgeMeshLabels, Needs: []snapshot.Need{snapshot.Everywhere(snapshot.Namespaces)}, Uses: meshHookNeeds(),
	}
}

// judgeMeshLabels looks for namespaces that ask for sidecars and that the mesh does not watch.
func judgeMeshLabels(s *snapshot.Snapshot) []doctor.Finding {
	var found []doctor.Finding
	mesh, known := meshName(s), meshNames(s)
	for i := range s.Namespaces {
		namespace := &s.Namespaces[i]
		watched := namespace.Labels[meshLabel]
		if meshOutside(namespace) || meshSays(namespace.Annotations) != meshEnabled || slices.Contains(known, watched) {
			continue
		}
		finding := doctor.Finding{Status: doctor.Warn, Key: "noLabel", Scope: namespace.Name, Objects: []doctor.Object{meshNamespaceObject(namespace.Name)}}
		finding.Args = map[string]string{"namespace": namespace.Name, "mesh": mesh, "label": watched}
		finding.Evidence = meshSeen("spec", finding.Objects[0], "annotation "+meshAnnotation+"="+namespace.Annotations[meshAnnotation]+", label "+meshLabel+"="+watched)
		join := doctor.Remedy{
			Key: "label", Args: finding.Args, Risk: doctor.Ask, Commands: []string{"kubectl label namespace " + namespace.Name + " " + meshLabel + "=" + mesh + " --overwrite"},
			Undo:    []string{"kubectl label namespace " + namespace.Name + " " + meshLabel + "-"},
			Actions: []doctor.Action{meshPatch(namespace.Name, "labels", map[string]any{meshLabel: mesh})},
		}
		if watched != "" {
			finding.Key = "otherMesh"
			join.Undo = []string{"kubectl label namespace " + namespace.Name + " " + meshLabel + "=" + watched + " --overwrite"}
		}
		leave := doctor.Remedy{Key: "leave", Args: finding.Args, Risk: doctor.Manual, Commands: []string{"kubectl annotate namespace " + namespace.Name + " " + meshAnnotation + "-"}}
		finding.Remedies = []doctor.Remedy{join, leave}
		found = append(found, finding)
	}
	return found
}

// meshNames returns the names of all meshes in the cluster: another beside Arc's watches its own namespaces.
func meshNames(s *snapshot.Snapshot) []string {
	names := map[string]bool{meshName(s): true}
	for i := range s.MutatingWebhooks {
		for j := range s.MutatingWebhooks[i].Webhooks {
			if selector := s.MutatingWebhooks[i].Webhooks[j].NamespaceSelector; selector != nil && selector.MatchLabels[meshLabel] != "" {
				names[selector.MatchLabels[meshLabel]] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}
