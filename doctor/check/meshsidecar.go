package check

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

// meshSidecar is the container that the injector adds.
const meshSidecar = "envoy"

func meshNoSidecar() doctor.Check {
	return doctor.Check{
		ID: "OSM-23", Severity: doctor.Medium, Eval: judgeMeshNoSidecar,
		Needs: []snapshot.Need{snapshot.Everywhere(snapshot.Namespaces), snapshot.Everywhere(snapshot.Pods)},
		Uses:  append(meshInjectionNeeds(), snapshot.Everywhere(snapshot.ReplicaSets)),
	}
}

// judgeMeshNoSidecar finds pods that are older than their namespace's membership: only new pods get a sidecar.
func judgeMeshNoSidecar(s *snapshot.Snapshot) []doctor.Finding {
	var found []doctor.Finding
	for _, namespace := range meshMembers(s) {
		var pods []*corev1.Pod
		for i := range s.Pods {
			if s.Pods[i].Namespace == namespace.Name && meshBare(namespace, &s.Pods[i]) {
				pods = append(pods, &s.Pods[i])
			}
		}
		if len(pods) > 0 {
			found = append(found, meshBareFinding(s, namespace.Name, pods))
		}
	}
	return found
}

// meshBare reports whether a pod should have a sidecar and has none.
func meshBare(namespace *corev1.Namespace, pod *corev1.Pod) bool {
	said := meshSays(pod.Annotations)
	wanted := said == meshEnabled || said == meshUnsaid && meshSays(namespace.Annotations) == meshEnabled
	return wanted && !meshEnded(pod) && !pod.Spec.HostNetwork && meshEnvoy(pod) == nil
}

func meshEnvoy(pod *corev1.Pod) *corev1.Container {
	for i := range pod.Spec.Containers {
		if pod.Spec.Containers[i].Name == meshSidecar {
			return &pod.Spec.Containers[i]
		}
	}
	return nil
}

func meshBareFinding(s *snapshot.Snapshot, namespace string, pods []*corev1.Pod) doctor.Finding {
	finding := doctor.Finding{
		Status: doctor.Warn, Key: "bare", Scope: namespace, After: append(meshInjectionFaults(s), "OSM-17"),
		Args: map[string]string{"namespace": namespace, "count": fmt.Sprint(len(pods))},
	}
	for _, pod := range pods {
		object := doctor.Object{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name}
		finding.Objects = append(finding.Objects, object)
		finding.Evidence = append(finding.Evidence, meshSeen("spec", object, "containers: "+meshContainerNames(pod.Spec.Containers))...)
	}
	finding.Remedies = meshAnew(s, pods)
	return finding
}

// meshAnew says how pods are made anew: those of workloads by a rollout, others by whoever made them.
func meshAnew(s *snapshot.Snapshot, pods []*corev1.Pod) []doctor.Remedy {
	restart := doctor.Remedy{Key: "rollout", Risk: doctor.Ask}
	other := doctor.Remedy{Key: "recreate", Risk: doctor.Manual}
	for _, pod := range pods {
		owner := workload.Owner(s, pod)
		plural, ok := map[string]string{"Deployment": "deployments", "DaemonSet": "daemonsets", "StatefulSet": "statefulsets"}[owner.Kind]
		if !ok {
			other.Commands = append(other.Commands, "kubectl get pod "+pod.Name+" -n "+pod.Namespace+" -o yaml")
			continue
		}
		command := "kubectl rollout restart " + strings.ToLower(owner.Kind) + " " + owner.Name + " -n " + pod.Namespace
		if !slices.Contains(restart.Commands, command) {
			restart.Commands = append(restart.Commands, command)
			restart.Actions = append(restart.Actions, doctor.Action{
				Verb: doctor.Restart, APIVersion: "apps/v1", Resource: plural, Namespace: pod.Namespace, Name: owner.Name,
			})
		}
	}
	var remedies []doctor.Remedy
	for _, remedy := range []doctor.Remedy{restart, other} {
		if len(remedy.Commands) > 0 {
			remedies = append(remedies, remedy)
		}
	}
	return remedies
}

func meshSidecarVersion() doctor.Check {
	return doctor.Check{
		ID: "OSM-28", Severity: doctor.Low, Eval: judgeMeshSidecars,
		Needs: []snapshot.Need{snapshot.Everywhere(snapshot.Namespaces), snapshot.Everywhere(snapshot.Pods), snapshot.In(meshSpace, snapshot.Deployments)},
		Uses: []snapshot.Need{
			snapshot.In(meshSpace, snapshot.MeshConfigs), meshPresetNeed(), snapshot.Everywhere(snapshot.ReplicaSets), meshInjector().hookNeed(),
		},
	}
}

func meshPresetNeed() snapshot.Need { return snapshot.One(meshSpace, snapshot.ConfigMaps, meshPreset) }

// judgeMeshSidecars compares the sidecars with the image that new pods would get. Windows nodes have an image of their own.
func judgeMeshSidecars(s *snapshot.Snapshot) []doctor.Finding {
	wanted := meshImage(s)
	var found []doctor.Finding
	for _, namespace := range meshMembers(s) {
		var pods []*corev1.Pod
		image := ""
		for i := range s.Pods {
			pod := &s.Pods[i]
			if pod.Namespace != namespace.Name || meshEnded(pod) || meshEnvoy(pod) == nil || pod.Spec.NodeSelector[corev1.LabelOSStable] == "windows" {
				continue
			}
			if wanted == "" {
				return []doctor.Finding{meshNoImage(s)}
			}
			if meshImageName(meshEnvoy(pod).Image) != meshImageName(wanted) {
				pods, image = append(pods, pod), meshEnvoy(pod).Image
			}
		}
		if len(pods) > 0 {
			found = append(found, meshOldSidecars(s, namespace.Name, pods, image, wanted))
		}
	}
	return found
}

// meshImage returns the sidecar's image: of MeshConfig up to 1.0, of the injector's environment since; both may be in the preset.
func meshImage(s *snapshot.Snapshot) string {
	if config := meshConfig(s); config != nil {
		if image, ok, err := unstructured.NestedString(config.Object, "spec", "sidecar", "envoyImage"); err == nil && ok && image != "" {
			return image
		}
	}
	if d := meshInjector().find(s); d != nil {
		for i := range d.Spec.Template.Spec.Containers {
			for _, variable := range d.Spec.Template.Spec.Containers[i].Env {
				if variable.Name == "OSM_DEFAULT_ENVOY_IMAGE" || variable.Name == "OSM_DEFAULT_SIDECAR_IMAGE" {
					return variable.Value
				}
			}
		}
	}
	return meshPresetImage(s)
}

func meshPresetImage(s *snapshot.Snapshot) string {
	for i := range s.ConfigMaps {
		if s.ConfigMaps[i].Namespace != meshSpace || s.ConfigMaps[i].Name != meshPreset {
			continue
		}
		var preset struct {
			Sidecar struct {
				EnvoyImage string `json:"envoyImage"`
			} `json:"sidecar"`
		}
		if err := json.Unmarshal([]byte(s.ConfigMaps[i].Data["preset-mesh-config.json"]), &preset); err == nil {
			return preset.Sidecar.EnvoyImage
		}
	}
	return ""
}

func meshImageName(image string) string {
	return strings.TrimPrefix(strings.TrimPrefix(image, "docker.io/"), "library/")
}

func meshNoImage(s *snapshot.Snapshot) doctor.Finding {
	config := snapshot.In(meshSpace, snapshot.MeshConfigs)
	if s.Known(config) && s.Known(meshPresetNeed()) {
		return doctor.Finding{Status: doctor.Skipped, Key: "noReference"}
	}
	return meshUnknown(s, config, meshPresetNeed())
}

func meshOldSidecars(s *snapshot.Snapshot, namespace string, pods []*corev1.Pod, image, wanted string) doctor.Finding {
	finding := doctor.Finding{
		Status: doctor.Warn, Key: "differs", Scope: namespace, Remedies: meshAnew(s, pods),
		Args: map[string]string{"namespace": namespace, "image": image, "wanted": wanted, "count": fmt.Sprint(len(pods))},
	}
	for i := range finding.Remedies { // the catalogue leaves this to a person
		finding.Remedies[i].Risk, finding.Remedies[i].Actions = doctor.Manual, nil
	}
	for _, pod := range pods {
		object := doctor.Object{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, Container: meshSidecar}
		finding.Objects = append(finding.Objects, object)
		finding.Evidence = append(finding.Evidence, meshSeen("spec", object, "image "+meshEnvoy(pod).Image)...)
	}
	return finding
}
