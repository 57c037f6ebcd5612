package check

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

// arcRegistryUsers are the namespaces whose images come from the platform's registry.
func arcRegistryUsers() []string {
	return []string{arcSpace, "kube-system", "flux-system", "arc-osm-system"}
}

func arcUnpulled() doctor.Check {
	check := doctor.Check{
		ID: "ARC-07", Severity: doctor.Critical,
		Uses: append(arcWorkloadNeeds(), arcConfigNeed()),
		Applies: func(s *snapshot.Snapshot) string {
			if arcInstalled(s) || slices.ContainsFunc(s.Pods, arcRegistryPod) {
				return ""
			}
			return doctor.NotInstalled
		},
		Eval: judgeArcImages,
	}
	for _, namespace := range arcRegistryUsers() {
		need := snapshot.In(namespace, snapshot.Pods)
		check.Uses = append(check.Uses, need)
		check.AppliesNeeds = append(check.AppliesNeeds, need)
	}
	return check
}

// arcRegistryPod reports whether a pod belongs to a component of the platform.
func arcRegistryPod(pod corev1.Pod) bool {
	if !slices.Contains(arcRegistryUsers(), pod.Namespace) {
		return false
	}
	if pod.Namespace != "kube-system" {
		return true
	}
	return slices.ContainsFunc([]string{"extension-agent-", "extension-operator-", "ama-logs-"}, func(prefix string) bool {
		return strings.HasPrefix(pod.Name, prefix)
	})
}

func judgeArcImages(s *snapshot.Snapshot) []doctor.Finding {
	keep := map[string]bool{}
	for _, pod := range s.Pods {
		if arcRegistryPod(pod) {
			keep[pod.Namespace+"/"+pod.Name] = true
		}
	}
	var troubles []workload.Trouble
	for _, t := range workload.Find(s, "", nil) {
		if t.Kind == workload.Pull && !extForeign(s, t) && keep[t.Pod.Namespace+"/"+t.Pod.Name] {
			troubles = append(troubles, t)
		}
	}
	found := arcGather(troubles, func(t workload.Trouble) string { return t.Detail })
	for i := range found {
		arcExplainPull(s, &found[i])
	}
	if len(found) == 0 {
		return arcUnseenPods(s)
	}
	return found
}

// arcUnseenPods makes unknown of a pass when the pods that decide could not be read: the agents' where Arc is, else all others'.
func arcUnseenPods(s *snapshot.Snapshot) []doctor.Finding {
	var gaps []snapshot.Gap
	for _, namespace := range arcRegistryUsers() {
		if namespace != arcSpace && arcInstalled(s) {
			break
		}
		if gap, missing := s.Missing(snapshot.In(namespace, snapshot.Pods)); missing {
			gaps = append(gaps, gap)
		}
	}
	if len(gaps) == 0 {
		return nil
	}
	return []doctor.Finding{arcUnknown(gaps...)}
}

func arcExplainPull(s *snapshot.Snapshot, f *doctor.Finding) {
	hosts := arcRegistries(s, f.Objects)
	f.Args["registry"] = strings.Join(hosts, ", ")
	remedy := doctor.Remedy{Key: f.Key, Risk: doctor.Manual, Args: map[string]string{"registry": f.Args["registry"]}, Commands: arcEach(f.Objects, arcDescribe)}
	switch f.Key {
	case "dns":
		f.After = []string{"NET-01", "NET-02"}
		remedy.Key = "reach"
	case "network":
		f.After = []string{"NET-02", "NET-03"}
		remedy.Key = "reach"
	case "tls":
		f.After = []string{"NET-04", "NET-07"}
	case "notFound", "name", "never":
		remedy.Key = "image"
	case "auth", "disk":
	default:
		remedy.Key = "image"
	}
	f.Remedies = []doctor.Remedy{remedy}
}

// arcRegistries returns the registries that the images of containers come from.
func arcRegistries(s *snapshot.Snapshot, objects []doctor.Object) []string {
	var hosts []string
	for _, object := range objects {
		if host := arcRegistry(arcImage(s, object)); !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	slices.Sort(hosts)
	return hosts
}

func arcImage(s *snapshot.Snapshot, object doctor.Object) string {
	for i := range s.Pods {
		if s.Pods[i].Namespace != object.Namespace || s.Pods[i].Name != object.Name {
			continue
		}
		for _, container := range slices.Concat(s.Pods[i].Spec.InitContainers, s.Pods[i].Spec.Containers) {
			if container.Name == object.Container {
				return container.Image
			}
		}
	}
	return ""
}

// arcRegistry reads the registry off an image's name as the runtime does.
func arcRegistry(image string) string {
	host, _, more := strings.Cut(image, "/")
	if !more || !strings.ContainsAny(host, ".:") && host != "localhost" {
		return "docker.io"
	}
	return host
}
