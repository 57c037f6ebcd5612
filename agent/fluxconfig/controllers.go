package fluxconfig

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// The controllers of Flux that a cluster may do without, by the names of their settings in extension microsoft.flux.
const (
	HelmController  = "helm-controller"
	ImageReflector  = "image-reflector-controller"
	ImageAutomation = "image-automation-controller"
)

// labelComponent is on the Deployments of Flux, whoever has installed them: its value is the controller.
const labelComponent = "app.kubernetes.io/component"

// Optional selects the Deployments of these controllers.
const Optional = labelComponent + " in (" + HelmController + "," + ImageReflector + "," + ImageAutomation + ")"

// Workload is what agents read of a Deployment.
type Workload struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Spec WorkloadSpec `json:"spec"`
}

// WorkloadSpec says how many pods a Deployment has; nil means one.
type WorkloadSpec struct {
	Replicas *int32 `json:"replicas,omitempty"`
}

// KeepWorkload removes what nobody reads.
func KeepWorkload(w *Workload) {
	w.Labels = map[string]string{labelComponent: w.Labels[labelComponent]}
	w.Annotations, w.ManagedFields = nil, nil
}

// Running are the controllers that some Deployment is to run, whether its pods are well or not.
func Running(all map[string]*Workload) map[string]bool {
	running := map[string]bool{}
	for _, one := range all {
		if one.Spec.Replicas == nil || *one.Spec.Replicas > 0 {
			running[one.Labels[labelComponent]] = true
		}
	}
	return running
}
