// Package extensionconfig is the custom resource that agents share of an extension: config-agent writes what is wanted,
// extension-manager what became of it, and both what has to be kept from others. It decides nothing.
package extensionconfig

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
)

// Object is an ExtensionConfig.
type Object struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Spec   fairlead.ExtensionSpec  `json:"spec"`
	Status fairlead.ExtensionState `json:"status,omitzero"`
}

// Going reports whether the object has been deleted and waits for its finalizers.
func (o *Object) Going() bool { return o.DeletionTimestamp != nil }

// State is the object's status.
func (o *Object) State() fairlead.ExtensionState { return o.Status }

// Held reports whether the object stays until extension-manager lets it go.
func (o *Object) Held() bool { return slices.Contains(o.Finalizers, fairlead.ExtensionFinalizer) }

// Final reports whether a state is one in which an operation ends.
func Final(state fairlead.ExtensionState) bool {
	return state.ProvisioningState == fairlead.ExtensionSucceeded || state.ProvisioningState == fairlead.ExtensionFailed
}

// SecretName returns the name of the Secret with an extension's protected settings.
func SecretName(extension string) string { return fairlead.ExtensionSecretPrefix + extension }
