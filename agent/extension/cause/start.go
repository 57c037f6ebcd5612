package cause

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/workload"
)

// ends is a container that ends again and again, or runs and is not ready: its log knows why.
func (i *inquiry) ends(ctx context.Context, t workload.Trouble) {
	i.found.DoctorID = "HLM-05"
	words := i.lastWords(ctx, t.Pod)
	if words != "" {
		i.say("log of "+t.Pod.String(), words)
	}
	switch {
	case t.Kind == workload.OutOfMemory:
		i.found.Cause = fmt.Sprintf("Container %s of %s needs more memory than its limit allows, and is killed for that.", t.Pod.Container, pods(t.Pod))
		i.advise("Raise the memory limit with a configuration setting.")
	case regexp.MustCompile(`(?i)exec format error`).MatchString(t.Message + words):
		i.found.DoctorID = "HLM-04"
		i.found.Cause = fmt.Sprintf("The image of container %s of %s is built for another processor than its node has: the nodes are %s.", t.Pod.Container, pods(t.Pod), i.world.systems())
		i.advise("kubectl get nodes -L kubernetes.io/os,kubernetes.io/arch")
	case t.Kind == workload.NotReady:
		i.found.DoctorID = "HLM-01"
		i.found.Cause = fmt.Sprintf("Container %s of %s runs, and its readiness probe fails: %s.", t.Pod.Container, pods(t.Pod), strings.TrimSuffix(t.Message, "."))
	default:
		i.found.Cause = fmt.Sprintf("Container %s of %s %s.", t.Pod.Container, pods(t.Pod), strings.TrimSuffix(t.Message, "."))
		i.advise("kubectl logs " + t.Pod.Name + " -n " + t.Pod.Namespace + " -c " + t.Pod.Container + " --previous")
		return
	}
	i.advise("kubectl logs " + t.Pod.Name + " -n " + t.Pod.Namespace + " -c " + t.Pod.Container)
}

// pods is a pod in a sentence that has named its container already.
func pods(o doctor.Object) string {
	o.Container = ""
	return named(o)
}

// unpulled is an image that cannot be had.
func (i *inquiry) unpulled(t workload.Trouble) {
	i.found.DoctorID = "HLM-05"
	image := i.imageOf(t)
	reasons := map[string]string{
		"dns":      "the name of its registry cannot be resolved on the node",
		"network":  "its registry cannot be reached from the node",
		"tls":      "the node does not trust the certificate of its registry",
		"auth":     "its registry asks for credentials, or refuses those that it got",
		"notFound": "its registry has no such image",
		"platform": "there is none for the processor of the node",
		"disk":     "the node's disk is full",
		"name":     "that is no name of an image",
		"never":    "the node does not have it, and the pull policy forbids to fetch it",
	}
	reason := reasons[t.Detail]
	if reason == "" {
		reason = "the evidence says why"
	}
	i.found.Cause = fmt.Sprintf("Image %s of %s cannot be pulled: %s.", image, pods(t.Pod), reason)
	switch t.Detail {
	case "platform":
		i.found.DoctorID = "HLM-04"
		i.advise("kubectl get nodes -L kubernetes.io/os,kubernetes.io/arch")
	case "dns", "network", "tls":
		i.found.DoctorID = "ARC-07"
		i.advise("fairlead doctor NET --probe")
	case "auth":
		i.advise("kubectl get serviceaccounts -n " + t.Pod.Namespace + " -o custom-columns=NAME:.metadata.name,SECRETS:.imagePullSecrets")
	default:
		i.advise("Correct the image with a configuration setting, and update the extension.")
	}
}

func (i *inquiry) imageOf(t workload.Trouble) string {
	pod := i.world.podOf(t)
	if pod == nil {
		return "of container " + t.Pod.Container
	}
	for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if container.Name == t.Pod.Container {
			return container.Image
		}
	}
	return "of container " + t.Pod.Container
}

// unbound explains a pod that waits for a volume, and reports whether it is one.
func (i *inquiry) unbound(t workload.Trouble, pod *corev1.Pod) bool {
	if pod == nil || !strings.Contains(strings.ToLower(t.Message), "persistentvolumeclaim") {
		return false
	}
	for n := range pod.Spec.Volumes {
		source := pod.Spec.Volumes[n].PersistentVolumeClaim
		if source == nil {
			continue
		}
		at := slices.IndexFunc(i.world.claims, func(c corev1.PersistentVolumeClaim) bool {
			return c.Namespace == pod.Namespace && c.Name == source.ClaimName
		})
		switch {
		case at < 0:
			i.found.Target = "PersistentVolumeClaim/" + pod.Namespace + "/" + source.ClaimName
			i.found.Cause = fmt.Sprintf("%s mounts volume claim %s, which is not there.", named(t.Pod), source.ClaimName)
			return true
		case i.world.claims[at].Status.Phase != corev1.ClaimBound:
			i.claim(&i.world.claims[at])
			return true
		}
	}
	return false
}

// blameClaim explains a volume claim of the release that is not bound, and reports whether there is one.
func (i *inquiry) blameClaim() bool {
	for n := range i.world.claims {
		claim := &i.world.claims[n]
		object := doctor.Object{Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name}
		if i.world.made[object] && claim.Status.Phase != corev1.ClaimBound {
			i.claim(claim)
			return true
		}
	}
	return false
}

func (i *inquiry) claim(claim *corev1.PersistentVolumeClaim) {
	object := doctor.Object{Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name}
	i.found.Target = object.String()
	i.found.Cause = fmt.Sprintf("Volume claim %s has no volume: %s.", claim.Name, i.world.unprovisioned(claim))
	for _, reason := range []string{"ProvisioningFailed", "FailedBinding"} {
		if event, ok := workload.Latest(&i.world.Snapshot, object.Kind, object.Namespace, object.Name, reason); ok {
			i.say(object.String(), event.Message)
		}
	}
	i.advise("kubectl describe pvc "+claim.Name+" -n "+claim.Namespace, "kubectl get storageclasses")
}

// unprovisioned says why a claim has no volume, as far as its class tells.
func (w *world) unprovisioned(claim *corev1.PersistentVolumeClaim) string {
	class := claim.Spec.StorageClassName
	var names []string
	fallback := false
	for n := range w.classes {
		names = append(names, w.classes[n].Name)
		fallback = fallback || w.classes[n].Annotations["storageclass.kubernetes.io/is-default-class"] == "true"
	}
	have := "this cluster has no storage class"
	if len(names) > 0 {
		have = "this cluster has " + strings.Join(names, ", ")
	}
	switch {
	case class == nil && !fallback:
		return "it names no storage class, and none is the default; " + have
	case class != nil && *class == "":
		return "it asks for a volume that somebody made by hand, and none fits"
	case class != nil && !slices.Contains(names, *class):
		return "it asks for storage class " + *class + ", which is not there; " + have
	}
	return "its storage class has not made one yet"
}
