// Package fluxconfig is the custom resource that agents share of a Flux configuration: config-agent writes what is wanted,
// fluxconfig-controller what it has made of it, and fluxconfig-agent what has become of that. It decides nothing.
package fluxconfig

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
)

// Object is a FluxConfig.
type Object struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Spec   fairlead.FluxSpec `json:"spec"`
	Status Status            `json:"status,omitzero"`
}

// Status is what two agents say of a configuration, each in fields of its own: fluxconfig-agent all that the hub is told, and
// fluxconfig-controller what it has done.
type Status struct {
	fairlead.FluxState `json:",inline"`

	Applied *Applied `json:"applied,omitempty"`
}

// Applied is what fluxconfig-controller has done. Error is empty when the cluster has the objects of Generation.
type Applied struct {
	Generation int64     `json:"generation"`
	Error      string    `json:"error,omitempty"`
	PublicKey  string    `json:"publicKey,omitempty"` // of the key by which the repository is read over ssh
	Waiting    string    `json:"waiting,omitempty"`   // for what, while the configuration goes
	Time       time.Time `json:"time"`
}

// Going reports whether the object has been deleted and waits for its finalizers.
func (o *Object) Going() bool { return o.DeletionTimestamp != nil }

// State is what the hub is told of the object.
func (o *Object) State() fairlead.FluxState { return o.Status.FluxState }

// Held reports whether the object stays until fluxconfig-controller lets it go.
func (o *Object) Held() bool { return slices.Contains(o.Finalizers, fairlead.FluxConfigFinalizer) }

// Owns reports whether what was made for a configuration of this name was made for this one. Agents before LabelOwner left it out, and
// nothing of a configuration is outside its namespace: it cannot be moved, and one that seems to be has taken the place of another
// that was forgotten while the cluster was away.
func (o *Object) Owns(made metav1.Object) bool {
	owner := made.GetLabels()[LabelOwner]
	return made.GetNamespace() == o.Spec.Namespace && (owner == "" || owner == string(o.UID))
}

// SecretName returns the name of the Secret with a configuration's protected settings.
func SecretName(configuration string) string { return fairlead.FluxSecretPrefix + configuration }
