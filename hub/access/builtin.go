package access

import "github.com/fairlead/fairlead/dataaction"

// The GUIDs of the built-in roles. They, and what the roles grant, are those of
// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles.
const (
	Owner                      = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
	Contributor                = "b24988ac-6180-42a0-ab88-20f7382dd24c"
	Reader                     = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
	UserAccessAdministrator    = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
	AccessControlAdministrator = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
	ArcOnboarding              = "34e09817-6cbe-4d01-b1a2-e0eac5743d41"
	ArcClusterUser             = "00493d72-78f6-4148-b6c5-d3ce8e4799dd"
	ArcAdmin                   = "dffb1e0c-446f-4dde-a09f-99eb5cc68b96"
	ArcClusterAdmin            = "8393591c-06b9-48a2-a542-1bd6b377f6a2"
	ArcViewer                  = "63f0a09d-1495-4db4-a681-037d84835eb4"
	ArcWriter                  = "5b999177-9696-4545-85c7-50de3797e5a1"
	ArcCheckAccessReader       = "65a14201-8f6c-4c28-bec4-12619c5a9aaa"
	KubernetesExtensions       = "85cb6faf-e071-4c9b-8136-154b5a04f717"
)

const (
	anyAction  = "*"
	anyRead    = "*/read"
	readAccess = "Microsoft.Authorization/*/read"
	support    = "Microsoft.Support/*"
	alertRules = "Microsoft.Insights/alertRules/*"
	readGroups = "Microsoft.Resources/subscriptions/resourceGroups/read"
	inCluster  = "Microsoft.Kubernetes/connectedClusters/"
)

// Roles returns the built-in roles.
func Roles() []Role { return append(generalRoles(), arcRoles()...) }

func generalRoles() []Role {
	return []Role{
		builtIn(Owner, "Owner", "Full access to all resources, including the right to assign roles.", Permission{Actions: []string{anyAction}}),
		builtIn(Contributor, "Contributor", "Full access to all resources, without the right to assign roles.", Permission{
			Actions: []string{anyAction},
			NotActions: []string{
				"Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write", "Microsoft.Authorization/elevateAccess/Action",
			},
		}),
		builtIn(Reader, "Reader", "Sees all resources, changes none.", Permission{Actions: []string{anyRead}}),
		builtIn(UserAccessAdministrator, "User Access Administrator", "Sees all resources, and decides who has access to them.", Permission{
			Actions: []string{anyRead, "Microsoft.Authorization/*", support},
		}),
		builtIn(AccessControlAdministrator, "Role Based Access Control Administrator", "Sees all resources, and assigns roles.", Permission{
			Actions: []string{
				"Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete", anyRead, support,
			},
		}),
	}
}

func arcRoles() []Role {
	return []Role{
		builtIn(ArcOnboarding, "Kubernetes Cluster - Azure Arc Onboarding", "Connects clusters.", Permission{
			Actions: append(base(), inCluster+"Write", inCluster+"read"),
		}),
		builtIn(ArcClusterUser, "Azure Arc Enabled Kubernetes Cluster User Role", "Asks for credentials to reach connected clusters with.", Permission{
			Actions: append(base(), inCluster+"listClusterUserCredentials/action", inCluster+"listClusterUserCredential/action"),
		}),
		builtIn(ArcAdmin, dataaction.RoleAdmin().Name, "Manages what is in a cluster or namespace, except quotas and namespaces themselves.", Permission{
			Actions: base(), DataActions: dataaction.RoleAdmin().DataActions,
		}),
		builtIn(ArcClusterAdmin, dataaction.RoleClusterAdmin().Name, "Manages everything in a cluster.", Permission{
			Actions: base(), DataActions: dataaction.RoleClusterAdmin().DataActions,
		}),
		builtIn(ArcViewer, dataaction.RoleViewer().Name, "Sees what is in a cluster or namespace, except secrets.", Permission{
			Actions: base(), DataActions: dataaction.RoleViewer().DataActions,
		}),
		builtIn(ArcWriter, dataaction.RoleWriter().Name, "Changes what is in a cluster or namespace, except roles and role bindings.", Permission{
			Actions: base(), DataActions: dataaction.RoleWriter().DataActions,
		}),
		builtIn(ArcCheckAccessReader, "Connected Cluster Managed Identity CheckAccess Reader", "Lets a cluster's identity ask who may do what.", Permission{
			Actions: []string{readAccess},
		}),
		builtIn(KubernetesExtensions, "Kubernetes Extension Contributor", "Manages the extensions of clusters.", Permission{
			Actions: []string{
				readAccess, alertRules, "Microsoft.Resources/deployments/*", readGroups,
				"Microsoft.KubernetesConfiguration/extensions/write", "Microsoft.KubernetesConfiguration/extensions/read",
				"Microsoft.KubernetesConfiguration/extensions/delete", "Microsoft.KubernetesConfiguration/extensions/operations/read",
			},
		}),
	}
}

func builtIn(guid, name, description string, permission Permission) Role {
	return Role{GUID: guid, Name: name, Description: description, Permissions: []Permission{permission}}
}

// base is what every role for Arc lets its holder do around clusters.
func base() []string {
	return []string{
		readAccess, alertRules, "Microsoft.Resources/deployments/write", "Microsoft.Resources/subscriptions/operationresults/read",
		"Microsoft.Resources/subscriptions/read", readGroups, support,
	}
}
