package kube

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Collection is where objects of one kind are: a namespace's, or the cluster's when Namespace is empty.
type Collection struct {
	schema.GroupVersionResource
	Namespace string
}

// Selection is a part of a collection. Its zero selectors take all.
type Selection struct {
	Collection
	Fields, Labels string
}

// Named selects one object. A role that is for a name allows to watch no more than that.
func (c Collection) Named(name string) Selection {
	return Selection{Collection: c, Fields: "metadata.name=" + name}
}

// Labelled selects by labels.
func (c Collection) Labelled(labels string) Selection {
	return Selection{Collection: c, Labels: labels}
}

// All selects all objects.
func (c Collection) All() Selection { return Selection{Collection: c} }

func (s Selection) narrow(options metav1.ListOptions) metav1.ListOptions {
	options.FieldSelector, options.LabelSelector = s.Fields, s.Labels
	return options
}

// TypeMeta says of what kind an object of the collection is, for an object that is to be applied.
func (c Collection) TypeMeta(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: c.GroupVersion().String(), Kind: kind}
}

func collection(group, version, resource, namespace string) Collection {
	return Collection{schema.GroupVersionResource{Group: group, Version: version, Resource: resource}, namespace}
}

// Secrets returns a namespace's Secrets.
func Secrets(namespace string) Collection { return collection("", "v1", "secrets", namespace) }

// ConfigMaps returns a namespace's ConfigMaps.
func ConfigMaps(namespace string) Collection { return collection("", "v1", "configmaps", namespace) }

// Pods returns a namespace's pods.
func Pods(namespace string) Collection { return collection("", "v1", "pods", namespace) }

// Events returns a namespace's events.
func Events(namespace string) Collection { return collection("", "v1", "events", namespace) }

// Nodes returns the cluster's nodes.
func Nodes() Collection { return collection("", "v1", "nodes", "") }

// Namespaces returns the cluster's namespaces.
func Namespaces() Collection { return collection("", "v1", "namespaces", "") }

// ServiceAccounts returns a namespace's ServiceAccounts.
func ServiceAccounts(namespace string) Collection {
	return collection("", "v1", "serviceaccounts", namespace)
}

// RoleBindings returns a namespace's RoleBindings.
func RoleBindings(namespace string) Collection {
	return collection("rbac.authorization.k8s.io", "v1", "rolebindings", namespace)
}

// ClusterRoleBindings returns the cluster's ClusterRoleBindings.
func ClusterRoleBindings() Collection {
	return collection("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "")
}

// Leases returns a namespace's Leases.
func Leases(namespace string) Collection {
	return collection("coordination.k8s.io", "v1", "leases", namespace)
}

// Deployments returns a namespace's Deployments.
func Deployments(namespace string) Collection {
	return collection("apps", "v1", "deployments", namespace)
}

// ConnectedClusters returns a namespace's ConnectedClusters.
func ConnectedClusters(namespace string) Collection {
	return collection("arc.azure.com", "v1beta1", "connectedclusters", namespace)
}

// IdentityRequests returns a namespace's AzureClusterIdentityRequests.
func IdentityRequests(namespace string) Collection {
	return collection("clusterconfig.azure.com", "v1beta1", "azureclusteridentityrequests", namespace)
}

// ArcCertificates returns a namespace's ArcCertificates.
func ArcCertificates(namespace string) Collection {
	return collection("clusterconfig.azure.com", "v1beta1", "arccertificates", namespace)
}

// ExtensionConfigs returns a namespace's ExtensionConfigs.
func ExtensionConfigs(namespace string) Collection {
	return collection("clusterconfig.azure.com", "v1beta1", "extensionconfigs", namespace)
}

// FluxConfigs returns a namespace's FluxConfigs.
func FluxConfigs(namespace string) Collection {
	return collection("clusterconfig.azure.com", "v1beta1", "fluxconfigs", namespace)
}
