package check

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// arcHelmPatience is how long a Helm operation may run before it counts as dead.
const arcHelmPatience = 10 * time.Minute

func arcMissingRelease() doctor.Check {
	return doctor.Check{
		ID: "ARC-01", Severity: doctor.High, After: []string{"CLI-05", "ARC-13", "ARC-17"}, Asked: true,
		Uses: append(arcReleaseNeeds(), snapshot.In(arcSpace, snapshot.Deployments), arcConfigNeed()),
		Applies: func(s *snapshot.Snapshot) string {
			if !arcInstalled(s) && arcNeighbour(s) {
				return doctor.NotInstalled
			}
			return ""
		},
		AppliesNeeds: []snapshot.Need{
			snapshot.In(arcSpace, snapshot.Deployments), arcConfigNeed(), snapshot.In("kube-system", snapshot.Deployments),
			snapshot.In("kube-system", snapshot.DaemonSets), snapshot.Everywhere(snapshot.Namespaces),
		},
		Eval: judgeArcRelease,
	}
}

// arcNeighbour reports whether something else that doctor knows is in the cluster: then it need not be meant for Arc.
func arcNeighbour(s *snapshot.Snapshot) bool {
	for i := range s.Namespaces {
		if name := s.Namespaces[i].Name; name == "flux-system" || name == "arc-osm-system" {
			return true
		}
	}
	for i := range s.Deployments {
		if name := s.Deployments[i].Name; s.Deployments[i].Namespace == "kube-system" && (name == "extension-agent" || name == "extension-operator") {
			return true
		}
	}
	for i := range s.DaemonSets {
		if s.DaemonSets[i].Namespace == "kube-system" && strings.HasPrefix(s.DaemonSets[i].Name, "ama-logs") {
			return true
		}
	}
	return false
}

func judgeArcRelease(s *snapshot.Snapshot) []doctor.Finding {
	release, found := arcRelease(s)
	if found && release.Status != "uninstalled" {
		return nil
	}
	if gap, missing := s.Missing(snapshot.Everywhere(snapshot.Releases)); missing && !found {
		return []doctor.Finding{arcUnseenRelease(s, gap)}
	}
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "notConnected", Args: map[string]string{"release": fairlead.ReleaseName},
		Remedies: []doctor.Remedy{
			{Key: "connect", Risk: doctor.Manual, Commands: []string{arcCommand(s, "connect")}},
		},
	}
	switch {
	case found:
		finding.Key, finding.Objects = "uninstalled", []doctor.Object{{Kind: release.Storage, Namespace: release.Namespace, Name: release.Object}}
	case arcInstalled(s):
		finding.Key, finding.After = "orphaned", []string{"SELF-03"}
		for _, d := range arcDeployments(s) {
			finding.Objects = append(finding.Objects, arcObject("Deployment", d.Name))
		}
	default:
		finding.Remedies = append(finding.Remedies, doctor.Remedy{
			Key: "connectFairlead", Risk: doctor.Manual, Commands: []string{"fairlead connectedk8s connect -n <cluster-name> -g <resource-group>"},
		})
	}
	return []doctor.Finding{finding}
}

// arcUnseenRelease falls back on what else shows that the cluster was connected, without claiming that the release is in order.
func arcUnseenRelease(s *snapshot.Snapshot, gap snapshot.Gap) doctor.Finding {
	finding := arcUnknown(gap)
	if arcConfig(s) != nil {
		finding.Evidence = append(finding.Evidence, doctor.Evidence{
			Source: "api", Object: arcObject("ConfigMap", fairlead.ClusterConfigMap).String(), Text: "ConfigMap " + fairlead.ClusterConfigMap + " is there",
		})
	}
	return finding
}

func arcBrokenRelease() doctor.Check {
	return arcAgent(doctor.Check{
		ID: "ARC-02", Severity: doctor.High,
		After: []string{"ARC-08", "ARC-13", "ARC-15", "HLM-02", "HLM-09", "HLM-10", "HLM-07", "HLM-06", "ARC-10", "ARC-09", "ARC-17"},
		Uses:  slices.Concat(arcReleaseNeeds(), arcPods(), arcWorkloadNeeds()),
		Eval:  judgeArcStatus,
	})
}

func judgeArcStatus(s *snapshot.Snapshot) []doctor.Finding {
	release, found := arcRelease(s)
	gap, missing := s.Missing(snapshot.Everywhere(snapshot.Releases))
	switch {
	case !found && missing:
		return []doctor.Finding{arcUnknown(gap)}
	case !found, release.Status == "uninstalled":
		return []doctor.Finding{arcBehind("ARC-01")}
	case release.Status == "deployed":
		return nil
	}
	return []doctor.Finding{arcStatusFinding(s, release)}
}

func arcStatusFinding(s *snapshot.Snapshot, release snapshot.Release) doctor.Finding {
	object := doctor.Object{Kind: release.Storage, Namespace: release.Namespace, Name: release.Object}
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "other", Scope: arcSpace, Objects: []doctor.Object{object},
		Args:     map[string]string{"status": release.Status, "release": release.Name, "namespace": release.Namespace},
		Evidence: []doctor.Evidence{{Source: "status", Object: object.String(), Text: "STATUS: " + release.Status, Time: release.Updated}},
	}
	if release.Description != "" {
		finding.Evidence = append(finding.Evidence, doctor.Evidence{Source: "status", Object: object.String(), Text: release.Description, Time: release.Updated})
	}
	again := doctor.Remedy{Key: "again", Risk: doctor.Manual, Commands: []string{"kubectl get pods -n " + arcSpace, arcCommand(s, "update")}}
	switch {
	case arcBusy(s, release):
		return doctor.Finding{Status: doctor.Pass, Key: "busy", Args: finding.Args, Objects: finding.Objects}
	case release.Status == "failed" && arcAvailable(s):
		finding.Status, finding.Severity, finding.Key, finding.Remedies = doctor.Warn, doctor.Medium, "failedButRuns", []doctor.Remedy{again}
		finding.After = arcAilments(s)
	case release.Status == "failed":
		finding.Key, finding.Remedies, finding.After = "failed", []doctor.Remedy{again}, arcAilments(s)
	case strings.HasPrefix(release.Status, "pending"):
		// HLM-08 speaks of releases in its own scope; this is the same release.
		finding.Key, finding.Scope, finding.After, finding.Remedies = "pending", "", []string{"HLM-08"}, []doctor.Remedy{arcUnlock(release)}
	case release.Status == "uninstalling":
		finding.Key, finding.Remedies = "uninstalling", []doctor.Remedy{{Key: "uninstall", Risk: doctor.Manual, Commands: []string{
			"helm uninstall " + release.Name + " -n " + release.Namespace,
		}}}
	}
	return finding
}

// arcAilments names the entries that the agents' pods suffer from, the likeliest to keep an installation from its end first.
func arcAilments(s *snapshot.Snapshot) []string {
	var ids []string
	for _, id := range []string{"ARC-07", "ARC-06", "EXT-04", "EXT-09", "EXT-02", "EXT-03", "ARC-11", "ARC-12", "HLM-04", "ARC-05", "ARC-04"} {
		if len(arcOf(s, id)) > 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

// arcBusy reports whether Helm may still be at work on the release.
func arcBusy(s *snapshot.Snapshot, release snapshot.Release) bool {
	underway := strings.HasPrefix(release.Status, "pending") || release.Status == "uninstalling"
	return underway && s.Taken.Sub(release.Updated) < arcHelmPatience
}

// arcUnlock ends an operation that nobody works on any more.
func arcUnlock(release snapshot.Release) doctor.Remedy {
	revision := "<revision>" // an upgrade came after something, even if nothing tells any more after what
	if release.Deployed > 0 {
		revision = strconv.Itoa(release.Deployed)
	}
	if release.Deployed > 0 || release.Status != "pending-install" {
		return doctor.Remedy{Key: "rollback", Risk: doctor.Manual, Commands: []string{
			"helm history " + release.Name + " -n " + release.Namespace,
			"helm rollback " + release.Name + " " + revision + " -n " + release.Namespace,
		}}
	}
	return doctor.Remedy{Key: "uninstall", Risk: doctor.Manual, Commands: []string{"helm uninstall " + release.Name + " -n " + release.Namespace}}
}
