package kube

import "net/url"

// Collection is where objects of one kind are: a namespace's, or the cluster's when Namespace is empty.
type Collection struct {
	Group, Version, Plural string
	Namespace              string
}

// Path returns the collection's path on the API server.
func (c Collection) Path() string {
	root := "/apis/" + c.Group + "/" + c.Version
	if c.Group == "" {
		root = "/api/" + c.Version
	}
	if c.Namespace != "" {
		root += "/namespaces/" + url.PathEscape(c.Namespace)
	}
	return root + "/" + c.Plural
}

// Object returns the path of one object.
func (c Collection) Object(name string) string { return c.Path() + "/" + url.PathEscape(name) }

// Status returns the path of an object's status.
func (c Collection) Status(name string) string { return c.Object(name) + "/status" }

// Secrets returns a namespace's Secrets.
func Secrets(namespace string) Collection {
	return Collection{Version: "v1", Plural: "secrets", Namespace: namespace}
}

// ConfigMaps returns a namespace's ConfigMaps.
func ConfigMaps(namespace string) Collection {
	return Collection{Version: "v1", Plural: "configmaps", Namespace: namespace}
}

// Pods returns a namespace's pods.
func Pods(namespace string) Collection {
	return Collection{Version: "v1", Plural: "pods", Namespace: namespace}
}

// Nodes returns the cluster's nodes.
func Nodes() Collection { return Collection{Version: "v1", Plural: "nodes"} }

// Deployments returns a namespace's Deployments.
func Deployments(namespace string) Collection {
	return Collection{Group: "apps", Version: "v1", Plural: "deployments", Namespace: namespace}
}

// ConnectedClusters returns a namespace's ConnectedClusters.
func ConnectedClusters(namespace string) Collection {
	return Collection{Group: "arc.azure.com", Version: "v1beta1", Plural: "connectedclusters", Namespace: namespace}
}

// IdentityRequests returns a namespace's AzureClusterIdentityRequests.
func IdentityRequests(namespace string) Collection {
	return Collection{Group: "clusterconfig.azure.com", Version: "v1beta1", Plural: "azureclusteridentityrequests", Namespace: namespace}
}
