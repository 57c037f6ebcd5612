package check

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// Where cluster extensions live beside namespace azure-arc.
const (
	extSystem  = "kube-system"
	extFlux    = "flux-system"
	extMesh    = "arc-osm-system"
	extMonitor = "ama-logs"
)

// extension returns the checks of what installs cluster extensions, on AKS and on connected clusters.
func extension() []doctor.Check {
	return slices.Concat([]doctor.Check{
		extensionSilent(), extensionDown(), extensionRefused(), extensionTainted(), extensionCutOff(), extensionForbidden(),
	}, dataPlane(), []doctor.Check{extensionCritical(), extensionOnlyPool()})
}

// extensionAgent completes a check that is about the agents of extensions: it is skipped where there are none.
func extensionAgent(check doctor.Check) doctor.Check {
	check.Applies = func(s *snapshot.Snapshot) string {
		if arcInstalled(s) || extensionOnAKS(s) {
			return ""
		}
		return doctor.NotInstalled
	}
	check.AppliesNeeds = []snapshot.Need{snapshot.In(arcSpace, snapshot.Deployments), snapshot.In(extSystem, snapshot.Deployments)}
	return check
}

// extensionOnAKS reports whether the cluster is one of AKS, by its nodes or by the agents that only AKS has.
func extensionOnAKS(s *snapshot.Snapshot) bool {
	if slices.ContainsFunc(s.Nodes, func(n corev1.Node) bool { return n.Labels["kubernetes.azure.com/cluster"] != "" }) {
		return true
	}
	for i := range s.Deployments {
		if s.Deployments[i].Namespace == extSystem && extensionName(s.Deployments[i].Name) {
			return true
		}
	}
	return slices.ContainsFunc(s.Pods, func(p corev1.Pod) bool {
		return p.Namespace == extSystem && (strings.HasPrefix(p.Name, "extension-agent-") || strings.HasPrefix(p.Name, "extension-operator-"))
	})
}

// extensionName reports whether a Deployment of kube-system is an agent of extensions.
func extensionName(name string) bool {
	return name == "extension-agent" || name == "extension-operator"
}

// extensionPodNeeds are what it takes to judge the pods of everything that doctor knows or that Helm manages.
func extensionPodNeeds() []snapshot.Need {
	return []snapshot.Need{
		snapshot.Everywhere(snapshot.Pods), snapshot.Everywhere(snapshot.Deployments), snapshot.Everywhere(snapshot.DaemonSets),
	}
}

// extensionWordNeeds are for the words of the cluster, and to tell what belongs to Helm.
func extensionWordNeeds() []snapshot.Need {
	return []snapshot.Need{
		snapshot.Everywhere(snapshot.ReplicaSets), snapshot.Everywhere(snapshot.Events), snapshot.Everywhere(snapshot.Nodes),
		snapshot.Everywhere(snapshot.Jobs), snapshot.Everywhere(snapshot.Releases), snapshot.Everywhere(snapshot.Payloads),
	}
}
