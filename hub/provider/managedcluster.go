package provider

import (
	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/resource"
)

// managedType is the type of clusters that are managed as AKS': the same agents, in two pods in kube-system.
const managedType = fairlead.ManagedClusterType

// managedClusters have the identity and the life of connected clusters under another name. Nothing makes their control planes: a
// resource says that there is such a cluster, and which key its agents have.
func managedClusters(deps Deps) resource.Type {
	kind := connectedClusters(deps)
	kind.Name, kind.APIVersions, kind.Actions = managedType, managedVersions(), nil
	return kind
}

// managedVersions are those in which clients ask for clusters of AKS.
func managedVersions() []string {
	return []string{
		"2020-03-01", "2021-02-01", "2021-05-01", "2021-10-01", "2022-03-01", "2022-06-01", "2022-11-01", "2023-02-01", "2023-06-01", "2023-10-01", "2023-11-01",
		"2024-01-01", "2024-02-01", "2024-05-01", "2024-07-01", "2024-08-01", "2024-09-01", "2024-10-01", "2025-01-01", "2025-02-01", "2025-03-01", "2025-04-01",
		"2025-05-01", "2025-06-01", "2025-07-01", "2025-08-01",
	}
}
