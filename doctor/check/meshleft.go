package check

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// meshTraces are what a mesh that is installed has in its namespace.
func meshTraces() []snapshot.Need {
	return []snapshot.Need{snapshot.In(meshSpace, snapshot.Deployments), snapshot.In(meshSpace, snapshot.Services)}
}

// meshRemoved tells what is left of a mesh that was deleted, its namespace perhaps and its webhooks, from a mesh that has lost its programs.
func meshRemoved(s *snapshot.Snapshot) bool {
	for _, need := range meshTraces() {
		if !s.Known(need) {
			return false
		}
	}
	return !slices.ContainsFunc(s.Deployments, func(d appsv1.Deployment) bool { return d.Namespace == meshSpace }) &&
		!slices.ContainsFunc(s.Services, func(service corev1.Service) bool { return service.Namespace == meshSpace }) &&
		!slices.ContainsFunc(s.Releases, func(release snapshot.Release) bool { return release.Namespace == meshSpace })
}

// left are the webhooks of a mesh that was deleted. The mesh makes them itself and gives them the label of its version, which an upgrade
// does not change: what removes a mesh that was upgraded does not find them.
func (p meshPart) left(s *snapshot.Snapshot) []meshHook {
	if !meshRemoved(s) {
		return nil
	}
	return slices.DeleteFunc(meshHooks(s, p), func(hook meshHook) bool { return !hook.points() })
}

// leftApplies lets webhooks be judged that are left where there is no mesh.
func (p meshPart) leftApplies(s *snapshot.Snapshot) string {
	if len(p.left(s)) > 0 {
		return ""
	}
	return doctor.NotInstalled
}

// judgeLeft tells of a webhook that nobody answers any more: the API server refuses what it would have to ask about.
func (p meshPart) judgeLeft(hook meshHook) doctor.Finding {
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "left", Args: p.args(), Objects: []doctor.Object{hook.object()},
		Evidence: meshSeen("spec", hook.object(), "there is no Deployment, no Service and no Helm release in namespace "+meshSpace),
		Remedies: []doctor.Remedy{{Key: "remove", Risk: doctor.Manual, Commands: []string{"kubectl delete " + p.kind + " " + hook.config}}},
	}
	finding.Args["config"], finding.Remedies[0].Args = hook.config, finding.Args
	return finding
}
