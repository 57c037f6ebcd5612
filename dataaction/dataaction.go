// Package dataaction says which Azure data action a request to a Kubernetes API server needs, and
// whether what somebody was granted allows it. Names of actions are Azure's, below
// Microsoft.Kubernetes/connectedClusters. It knows nothing of tokens, stores and connections.
package dataaction

// Grant is what one role assignment grants, in the whole cluster or in one namespace. Patterns are Azure's: a *
// stands for any text, and case does not matter.
type Grant struct {
	Namespace      string   `json:"namespace,omitempty"` // empty: the cluster and all namespaces
	DataActions    []string `json:"dataActions"`
	NotDataActions []string `json:"notDataActions,omitempty"`
}
