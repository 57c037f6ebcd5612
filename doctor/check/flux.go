package check

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

// flux returns the checks of GitOps with Flux, of either version.
func flux() []doctor.Check {
	return []doctor.Check{
		fluxForbidden(), fluxNoRoom(), fluxLeftovers(), fluxFeature(), fluxIntercepted(), fluxFailed(), fluxWebhook(), fluxKubelet(), fluxOld(), fluxNotReady(),
	}
}

// fluxPart completes a check that is about Flux: it is skipped where there is not even a part of it, unless somebody asks.
func fluxPart(check doctor.Check) doctor.Check {
	check.Asked = true
	check.Applies = func(s *snapshot.Snapshot) string {
		if fluxPresent(s) {
			return ""
		}
		return doctor.NotInstalled
	}
	check.AppliesNeeds = []snapshot.Need{snapshot.One("", snapshot.Namespaces, extFlux), snapshot.Everywhere(snapshot.ExtensionConfigs)}
	check.Uses = append(check.Uses, snapshot.In(extFlux, snapshot.Deployments), snapshot.In(extFlux, snapshot.Pods))
	return check
}

// fluxPresent reports whether Flux is installed, at least in part.
func fluxPresent(s *snapshot.Snapshot) bool {
	if _, ok := fluxSpace(s); ok || len(fluxObjects(s)) > 0 || slices.ContainsFunc(s.Releases, fluxRelease) {
		return true
	}
	statuses := extStatuses(s)
	return slices.ContainsFunc(statuses, func(e extStatus) bool { return e.flux() }) ||
		slices.ContainsFunc(s.Pods, func(p corev1.Pod) bool { return p.Namespace == extFlux })
}

func fluxSpace(s *snapshot.Snapshot) (*corev1.Namespace, bool) {
	for i := range s.Namespaces {
		if s.Namespaces[i].Name == extFlux {
			return &s.Namespaces[i], true
		}
	}
	return nil, false
}

// fluxRelease reports whether a release is the one of the extension.
func fluxRelease(r snapshot.Release) bool {
	return r.Name == "flux" || r.Namespace == extFlux
}

// fluxAbsent reports whether there is no controller, not even one that is broken.
func fluxAbsent(s *snapshot.Snapshot) bool {
	for i := range s.Deployments {
		if s.Deployments[i].Namespace == extFlux {
			return false
		}
	}
	return true
}

// fluxRuns reports whether all that there is of Flux has the pods that it asks for: then it has room, and no policy is in its way.
func fluxRuns(s *snapshot.Snapshot) bool {
	for i := range s.Deployments {
		d := &s.Deployments[i]
		if d.Namespace == extFlux && (workload.Desired(d) == 0 || d.Status.AvailableReplicas < workload.Desired(d)) {
			return false
		}
	}
	return !fluxAbsent(s)
}

// fluxController reports whether a Deployment anywhere is a controller of Flux.
func fluxController(s *snapshot.Snapshot) bool {
	for i := range s.Deployments {
		d := &s.Deployments[i]
		if d.Labels["app.kubernetes.io/part-of"] == "flux" || d.Namespace == extFlux {
			return true
		}
		for _, c := range d.Spec.Template.Spec.Containers {
			for _, name := range []string{"kustomize-controller", "source-controller", "helm-controller"} {
				if strings.Contains(c.Image, name) || c.Name == name {
					return true
				}
			}
		}
	}
	return false
}

func fluxOld() doctor.Check {
	return doctor.Check{
		ID: "FLX-09", Severity: doctor.Medium, Asked: true, Needs: []snapshot.Need{snapshot.Everywhere(snapshot.GitConfigs)},
		Uses: []snapshot.Need{snapshot.Everywhere(snapshot.Deployments)}, AppliesNeeds: []snapshot.Need{snapshot.Everywhere(snapshot.GitConfigs)},
		Applies: func(s *snapshot.Snapshot) string {
			if c := s.Coverage[snapshot.GitConfigs]; c != nil && c.Served || len(fluxOldOperators(s)) > 0 || len(s.Custom[snapshot.GitConfigs]) > 0 {
				return ""
			}
			return doctor.NotInstalled
		},
		Eval: judgeFluxOld,
	}
}

func judgeFluxOld(s *snapshot.Snapshot) []doctor.Finding {
	objects := fluxOldOperators(s)
	for i := range s.Custom[snapshot.GitConfigs] {
		u := &s.Custom[snapshot.GitConfigs][i]
		objects = append(objects, doctor.Object{Kind: "GitConfig", Namespace: u.GetNamespace(), Name: u.GetName()})
	}
	if len(objects) == 0 {
		return nil
	}
	return []doctor.Finding{{
		Status: doctor.Warn, Key: "inUse", Objects: objects, Evidence: []doctor.Evidence{{Source: "spec", Object: objects[0].String(), Text: objects[0].String()}},
		Remedies: []doctor.Remedy{{Key: "migrate", Risk: doctor.Manual, Commands: []string{"az k8s-configuration flux create <parameters> --debug"}}},
	}}
}

// fluxOldOperators are Deployments of Flux v1, by their images.
func fluxOldOperators(s *snapshot.Snapshot) []doctor.Object {
	var found []doctor.Object
	for i := range s.Deployments {
		d := &s.Deployments[i]
		for _, c := range d.Spec.Template.Spec.Containers {
			name, _, _ := strings.Cut(c.Image, ":")
			if strings.HasSuffix(name, "fluxcd/flux") || strings.HasSuffix(name, "fluxcd/helm-operator") {
				found = append(found, doctor.Object{Kind: "Deployment", Namespace: d.Namespace, Name: d.Name})
			}
		}
	}
	return found
}
