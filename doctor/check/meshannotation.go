package check

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func meshAnnotations() doctor.Check {
	return doctor.Check{
		ID: "OSM-22", Severity: doctor.Medium, Eval: judgeMeshAnnotations, Needs: []snapshot.Need{snapshot.Everywhere(snapshot.Namespaces)},
		Uses: append(meshHookNeeds(), snapshot.Everywhere(snapshot.Pods)),
	}
}

// judgeMeshAnnotations judges what namespaces say of sidecars, and pods that say something else.
func judgeMeshAnnotations(s *snapshot.Snapshot) []doctor.Finding {
	var found []doctor.Finding
	members := map[string]bool{}
	for _, namespace := range meshMembers(s) {
		members[namespace.Name] = true
		if finding, wrong := judgeMeshMember(namespace); wrong {
			found = append(found, finding)
		}
	}
	found = append(found, meshPodAnnotations(s, members)...)
	if len(found) == 0 && len(members) > 0 && !s.Known(snapshot.Everywhere(snapshot.Pods)) {
		return []doctor.Finding{meshUnknown(s, snapshot.Everywhere(snapshot.Pods))}
	}
	return found
}

func judgeMeshMember(namespace *corev1.Namespace) (doctor.Finding, bool) {
	object := meshNamespaceObject(namespace.Name)
	finding := doctor.Finding{Scope: namespace.Name, Objects: []doctor.Object{object}, Args: map[string]string{"namespace": namespace.Name}}
	command := "kubectl annotate namespace " + namespace.Name + " " + meshAnnotation
	remedy := doctor.Remedy{
		Key: "annotate", Args: finding.Args, Risk: doctor.Ask, Commands: []string{command + "=enabled --overwrite"}, Undo: []string{command + "-"},
		Actions: []doctor.Action{meshPatch(namespace.Name, "annotations", map[string]any{meshAnnotation: "enabled"})},
	}
	value := namespace.Annotations[meshAnnotation]
	switch meshSays(namespace.Annotations) {
	case meshUnsaid:
		finding.Status, finding.Key = doctor.Warn, "noAnnotation"
		finding.Evidence = meshSeen("spec", object, "label "+meshLabel+"="+namespace.Labels[meshLabel]+", no annotation "+meshAnnotation)
	case meshInvalid:
		finding.Status, finding.Severity, finding.Key = doctor.Fail, doctor.High, "invalid"
		finding.Args["value"] = value
		finding.Evidence = meshSeen("spec", object, "annotation "+meshAnnotation+"="+value)
		remedy.Undo = []string{command + "=" + meshQuote(value) + " --overwrite"}
	default:
		return finding, false
	}
	finding.Remedies = []doctor.Remedy{remedy}
	return finding, true
}

// meshPodAnnotations finds pods whose own word cannot be followed: it is not valid, or the mesh does not watch their namespace.
func meshPodAnnotations(s *snapshot.Snapshot, members map[string]bool) []doctor.Finding {
	type place struct{ key, namespace string }
	pods := map[place][]*corev1.Pod{}
	for i := range s.Pods {
		pod := &s.Pods[i]
		said := meshSays(pod.Annotations)
		switch {
		case meshEnded(pod):
		case members[pod.Namespace] && said == meshInvalid:
			pods[place{"podInvalid", pod.Namespace}] = append(pods[place{"podInvalid", pod.Namespace}], pod)
		case said == meshEnabled && !members[pod.Namespace] && meshSilent(s, pod.Namespace):
			pods[place{"podOutside", pod.Namespace}] = append(pods[place{"podOutside", pod.Namespace}], pod)
		}
	}
	byName := func(a, b place) int {
		if a.namespace+a.key < b.namespace+b.key {
			return -1
		}
		return 1
	}
	var found []doctor.Finding
	for _, at := range slices.SortedFunc(maps.Keys(pods), byName) {
		finding := doctor.Finding{Status: doctor.Warn, Key: at.key, Scope: at.namespace, Args: map[string]string{"namespace": at.namespace, "mesh": meshName(s)}}
		for _, pod := range pods[at] {
			object := doctor.Object{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name}
			finding.Objects = append(finding.Objects, object)
			finding.Evidence = append(finding.Evidence, meshSeen("spec", object, "annotation "+meshAnnotation+"="+pod.Annotations[meshAnnotation])...)
		}
		finding.Args["value"] = pods[at][0].Annotations[meshAnnotation]
		finding.Remedies = []doctor.Remedy{{Key: at.key, Args: finding.Args, Risk: doctor.Manual, Commands: []string{"kubectl get deployments -n " + at.namespace + " -o yaml"}}}
		found = append(found, finding)
	}
	return found
}

// meshSilent reports whether a namespace is seen and says nothing of any mesh; what it says wrong is told of the namespace.
func meshSilent(s *snapshot.Snapshot, name string) bool {
	return slices.ContainsFunc(s.Namespaces, func(n corev1.Namespace) bool {
		_, labelled := n.Labels[meshLabel]
		return n.Name == name && !labelled && meshSays(n.Annotations) == meshUnsaid && !meshOutside(&n)
	})
}

func meshEnded(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}
