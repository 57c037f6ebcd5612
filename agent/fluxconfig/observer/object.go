package observer

import (
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig"
)

// Object is what this agent reads of an object of Flux, whatever its kind.
type Object struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Spec   Spec   `json:"spec"`
	Status Status `json:"status"`

	Missing string `json:"-"` // the controller that would work on it, when that does not run
}

// Spec is of sources, kustomizations, releases and images alike; each kind has some of it.
type Spec struct {
	Suspend   bool       `json:"suspend"`
	Image     string     `json:"image"`     // of an ImageRepository: HOST/PATH
	SecretRef *Reference `json:"secretRef"` // what authenticates at a server
}

// Reference names a Secret in the namespace of the object.
type Reference struct {
	Name string `json:"name"`
}

// Status is of sources, kustomizations, releases and images alike; each kind has some of it.
type Status struct {
	ObservedGeneration int64              `json:"observedGeneration"`
	Conditions         []metav1.Condition `json:"conditions"`
	LastHandled        string             `json:"lastHandledReconcileAt"` // the last request to look at it that was carried out

	Artifact            *Artifact  `json:"artifact"`            // of a source
	Inventory           *Inventory `json:"inventory"`           // of a kustomization
	LastAppliedRevision string     `json:"lastAppliedRevision"` // of a kustomization

	// Of a release.
	HelmChart       string    `json:"helmChart"` // NAMESPACE/NAME
	Failures        int64     `json:"failures"`
	InstallFailures int64     `json:"installFailures"`
	UpgradeFailures int64     `json:"upgradeFailures"`
	History         []Release `json:"history"` // the newest first
}

// Artifact is what a source has fetched.
type Artifact struct {
	Revision       string      `json:"revision"`
	LastUpdateTime metav1.Time `json:"lastUpdateTime"`
}

// Inventory is what a kustomization has applied.
type Inventory struct {
	Entries []Entry `json:"entries"`
}

// Entry is one object of an inventory: its ID is NAMESPACE_NAME_GROUP_KIND.
type Entry struct {
	ID string `json:"id"`
}

// Release is one of a HelmRelease's.
type Release struct {
	Version int64 `json:"version"`
}

// keep removes what nobody reads.
func keep(object *Object) {
	object.OwnerReferences = nil
	maps.DeleteFunc(object.Annotations, func(name, _ string) bool { return name != fluxconfig.AnnotationRequested })
}

const ready, reconciling = "Ready", "Reconciling"

// readiness is the condition by which an object says how it is; nil when it has said nothing.
func (o *Object) readiness() *metav1.Condition {
	i := slices.IndexFunc(o.Status.Conditions, func(c metav1.Condition) bool { return c.Type == ready })
	if i < 0 {
		return nil
	}
	return &o.Status.Conditions[i]
}

// optional are the controllers that one may do without, by the kinds on which they work.
var optional = map[string]string{ //nolint:gochecknoglobals // a constant
	"HelmRelease": fluxconfig.HelmController, imageRepository: fluxconfig.ImageReflector, imagePolicy: fluxconfig.ImageReflector, imageAutomation: fluxconfig.ImageAutomation,
}

// lacks notes that nobody works on the object, when its controller is not among those that run.
func (o *Object) lacks(running map[string]bool) {
	o.Missing = ""
	if controller := optional[o.Kind]; !running[controller] {
		o.Missing = controller
	}
}

// said is what is to be told of an object that fails.
func (o *Object) said() string {
	if o.Missing != "" {
		return o.Missing + " does not run, and nobody else works on this object"
	}
	return o.readiness().Message
}

// compliance judges an object by itself.
func (o *Object) compliance() string {
	state := o.readiness()
	switch {
	case o.Spec.Suspend:
		return fairlead.FluxSuspended
	case o.Missing != "":
		return fairlead.FluxNonCompliant // what it says is of the time when somebody looked after it
	case state == nil || state.Status == metav1.ConditionUnknown || max(o.Status.ObservedGeneration, state.ObservedGeneration) < o.Generation:
		return fairlead.FluxPending // Flux counts a generation that has failed in the condition alone
	case o.Annotations[fluxconfig.AnnotationRequested] != o.Status.LastHandled && o.Annotations[fluxconfig.AnnotationRequested] != "":
		return fairlead.FluxPending // what it says is of before the request
	case state.Status == metav1.ConditionTrue:
		return fairlead.FluxCompliant
	case state.Reason == "DependencyNotReady" || state.Reason == "Progressing" || state.Reason == "ProgressingWithRetry":
		return fairlead.FluxPending
	}
	return fairlead.FluxNonCompliant
}

// after judges a kustomization by what its source has: it has done its part when the newest revision is applied, and is not at fault
// while there is none.
func (o *Object) after(source *Object) string {
	compliance := o.compliance()
	switch {
	case compliance == fairlead.FluxNonCompliant && o.waitsForSource() && (source == nil || source.compliance() != fairlead.FluxCompliant):
		return fairlead.FluxPending
	case compliance == fairlead.FluxCompliant && o.Status.LastAppliedRevision != "" && source != nil && source.Status.Artifact != nil &&
		o.Status.LastAppliedRevision != source.Status.Artifact.Revision:
		return fairlead.FluxPending
	}
	return compliance
}

// waitsForSource reports whether an object is not ready because its source has fetched nothing, which is the source's fault.
func (o *Object) waitsForSource() bool {
	state := o.readiness()
	return state != nil && state.Status == metav1.ConditionFalse &&
		slices.Contains([]string{"ArtifactFailed", "SourceNotFound", "SourceNotReady"}, state.Reason)
}

// failsByWhatItApplied reports whether a kustomization is not ready because of something that it has applied.
func (o *Object) failsByWhatItApplied() bool {
	state := o.readiness()
	return state != nil && state.Status == metav1.ConditionFalse && state.Reason == "HealthCheckFailed"
}

// report is the object as the hub is told of it.
func (o *Object) report(compliance string, appliedBy *fairlead.FluxReference) fairlead.FluxObject {
	told := fairlead.FluxObject{Name: o.Name, Namespace: o.Namespace, Kind: o.Kind, ComplianceState: compliance, AppliedBy: appliedBy}
	for _, c := range o.Status.Conditions {
		if o.Kind == imageRepository && c.Type == reconciling && compliance == fairlead.FluxCompliant {
			continue // it comes and goes with each look at the registry, and that is no news
		}
		told.Conditions = append(told.Conditions, fairlead.FluxCondition{
			Type: c.Type, Status: string(c.Status), Reason: c.Reason, Message: short(c.Message), LastTransitionTime: c.LastTransitionTime.UTC(),
		})
	}
	if o.Kind != "HelmRelease" {
		return told
	}
	told.HelmRelease = &fairlead.FluxHelm{
		FailureCount: o.Status.Failures, InstallFailureCount: o.Status.InstallFailures, UpgradeFailureCount: o.Status.UpgradeFailures,
	}
	if len(o.Status.History) > 0 {
		told.HelmRelease.LastRevisionApplied = o.Status.History[0].Version
	}
	if namespace, name, found := strings.Cut(o.Status.HelmChart, "/"); found {
		told.HelmRelease.HelmChartRef = &fairlead.FluxReference{Name: name, Namespace: namespace}
	}
	return told
}

// longest bounds a message: Flux puts all that a server answers into one.
const longest = 1024

func short(message string) string {
	if len(message) <= longest {
		return message
	}
	return strings.ToValidUTF8(message[:longest], "") + " …"
}

func (a *Artifact) updated() *time.Time {
	if a.LastUpdateTime.IsZero() {
		return nil
	}
	at := a.LastUpdateTime.UTC()
	return &at
}
