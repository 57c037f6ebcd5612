package probe

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/doctor/probe/loader"
	"github.com/fairlead/fairlead/doctor/probe/wire"
)

const (
	containerName = "probe"
	modulesLoad   = "/etc/modules-load.d"
	hostFolder    = "/host"
	nobody        = 65532
	cleanAfter    = 60 // seconds that a pod is given beside its plan, before the node ends it
)

// job is one pod to be.
type job struct {
	name    string // also of its ConfigMap or Secret
	node    machine
	parts   int // that the program is in
	image   string
	folder  string // of the node, to be mounted; empty for none
	request Request
}

func (v *visit) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: name, Namespace: v.namespace,
		// A mesh would add a proxy that outlives the probe, and hide from it what the network does.
		Labels:      map[string]string{Label: LabelValue, labelRun: v.id, "sidecar.istio.io/inject": "false"},
		Annotations: map[string]string{"openservicemesh.io/sidecar-injection": "disabled", "linkerd.io/inject": "disabled"},
	}
}

func (v *visit) pod(job job) *corev1.Pod {
	spec := corev1.PodSpec{
		RestartPolicy:                 corev1.RestartPolicyNever,
		ActiveDeadlineSeconds:         new(int64(job.whole().Seconds()) + cleanAfter),
		TerminationGracePeriodSeconds: new(int64(1)),
		AutomountServiceAccountToken:  new(false),
		EnableServiceLinks:            new(false),
		Affinity:                      on(job.node.name),
		Tolerations:                   []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: new(true), RunAsUser: new(int64(nobody)), RunAsGroup: new(int64(nobody)),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{v.container(job)},
		Volumes:    []corev1.Volume{{Name: containerName, VolumeSource: corev1.VolumeSource{Projected: v.files(job)}}},
	}
	if job.request.Place == Node {
		ofNode(&spec, job.folder)
	}
	return &corev1.Pod{ObjectMeta: v.meta(job.name), Spec: spec}
}

func (v *visit) container(job job) corev1.Container {
	return corev1.Container{
		Name: containerName, Image: job.image, ImagePullPolicy: corev1.PullNever,
		Command: []string{loader.Folder + "/" + loaderKey}, WorkingDir: "/",
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false), ReadOnlyRootFilesystem: new(true),
			Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("32Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m"), corev1.ResourceMemory: resource.MustParse("128Mi")},
		},
		VolumeMounts: []corev1.VolumeMount{{Name: containerName, MountPath: loader.Folder, ReadOnly: true}},
	}
}

// files joins the parts, the loader and the plan in one folder.
func (v *visit) files(job job) *corev1.ProjectedVolumeSource {
	var sources []corev1.VolumeProjection
	add := func(name string, items ...corev1.KeyToPath) {
		reference := corev1.LocalObjectReference{Name: name}
		sources = append(sources, corev1.VolumeProjection{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: reference, Items: items}})
	}
	for i := range job.parts {
		add(v.partName(job.node.arch, i), corev1.KeyToPath{Key: partKey, Path: loader.Part(i)})
	}
	add(v.loaderName(job.node.arch), corev1.KeyToPath{Key: loaderKey, Path: loaderKey, Mode: new(int32(0o555))})
	plan := corev1.KeyToPath{Key: planKey, Path: planKey}
	if job.request.Plan.Secret() {
		reference := corev1.LocalObjectReference{Name: job.name}
		sources = append(sources, corev1.VolumeProjection{Secret: &corev1.SecretProjection{LocalObjectReference: reference, Items: []corev1.KeyToPath{plan}}})
	} else {
		add(job.name, plan)
	}
	return &corev1.ProjectedVolumeSource{DefaultMode: new(int32(0o444)), Sources: sources}
}

// on leaves the pod to the scheduler, so that it is the scheduler who says what is in the way, but to one node.
func on(node string) *corev1.Affinity {
	return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchFields: []corev1.NodeSelectorRequirement{{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{node}}},
		}}},
	}}
}

// ofNode moves the pod into the node's network, with the node's resolver. The kernel shows its tables to group 0, which has no
// other rights here.
func ofNode(spec *corev1.PodSpec, folder string) {
	spec.HostNetwork = true
	spec.DNSPolicy = corev1.DNSDefault
	spec.SecurityContext.RunAsGroup = new(int64(0))
	if folder == "" {
		return
	}
	source := corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: folder, Type: new(corev1.HostPathDirectory)}}
	spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "modules-load", VolumeSource: source})
	container := &spec.Containers[0]
	container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: "modules-load", MountPath: hostFolder + folder, ReadOnly: true})
}

// planMap gives the plan to the pod; a Secret holds it when it has a proxy's password.
func (v *visit) planMap(job job, plan []byte) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: v.meta(job.name), Immutable: new(true), Data: map[string]string{planKey: string(plan)}}
}

func (v *visit) planSecret(job job, plan []byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: v.meta(job.name), Immutable: new(true), Data: map[string][]byte{planKey: plan}}
}

// Rights is what a probe asks of the cluster's authorization: in the namespace, and beyond it.
func Rights(plans ...wire.Plan) (namespaced, cluster []Right) {
	namespaced = []Right{
		{"", "pods", []string{"create", "get", "list", "delete"}},
		{"", "pods/log", []string{"get"}},
		{"", "configmaps", []string{"create", "list", "delete"}},
		{"", "events", []string{"list"}},
	}
	for _, plan := range plans {
		if plan.Secret() {
			namespaced = append(namespaced, Right{"", "secrets", []string{"create", "list", "delete"}})
			break
		}
	}
	return namespaced, []Right{{"", "nodes", []string{"list"}}, {"", "namespaces", []string{"get"}}}
}

// Right is a resource, and what is done with it.
type Right struct {
	Group, Resource string
	Verbs           []string
}
