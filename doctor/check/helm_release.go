package check

import (
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/explain"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func helmPending() doctor.Check {
	return doctor.Check{ID: "HLM-08", Severity: doctor.High, Needs: []snapshot.Need{snapshot.Everywhere(snapshot.Releases)}, Uses: helmSourceNeeds(), Eval: judgeHelmPending}
}

// judgeHelmPending goes by the releases alone: when none is pending, whoever was told so can try again.
func judgeHelmPending(s *snapshot.Snapshot) []doctor.Finding {
	var found []doctor.Finding
	for _, r := range s.Releases {
		if !strings.HasPrefix(r.Status, "pending-") {
			continue
		}
		object := helmStorage(r)
		finding := doctor.Finding{
			Status: doctor.Pass, Key: "underway", Scope: r.Namespace, Objects: []doctor.Object{object},
			Args: map[string]string{"release": r.Name, "namespace": r.Namespace, "status": r.Status},
		}
		if age := s.Taken.Sub(r.Updated); age >= arcHelmPatience && !r.Updated.IsZero() {
			finding.Status, finding.Key = doctor.Fail, "stuck"
			finding.Evidence = []doctor.Evidence{{Source: "status", Object: object.String(), Text: "STATUS: " + r.Status, Time: r.Updated}}
			for _, said := range helmAbout(s, "HLM-08") {
				finding.Evidence = arcSay(finding.Evidence, said.evidence())
			}
			unlock := arcUnlock(r)
			unlock.Risk = doctor.Ask
			finding.Remedies = []doctor.Remedy{unlock}
		}
		found = append(found, finding)
	}
	return found
}

func helmFailed() doctor.Check {
	return doctor.Check{
		ID: "HLM-01", Severity: doctor.High, Needs: []snapshot.Need{snapshot.Everywhere(snapshot.Releases)},
		After: []string{"HLM-02", "HLM-09", "HLM-07", "HLM-06", "OSM-01", "OSM-02", "OSM-07", "OSM-08", "MON-01", "MON-02"},
		Uses:  slices.Concat(helmSourceNeeds(), extensionPodNeeds(), extensionWordNeeds()), Eval: judgeHelmReleases,
	}
}

func judgeHelmReleases(s *snapshot.Snapshot) []doctor.Finding {
	var found []doctor.Finding
	for _, r := range s.Releases {
		if r.Status == "failed" && r.Name != fairlead.ReleaseName && !fluxRelease(r) {
			found = append(found, helmReleaseFinding(s, r))
		}
	}
	found = append(found, helmExtensionTimeout(s, found)...)
	if arc, ok := arcRelease(s); !ok || arc.Status != "deployed" {
		found = append(found, helmClientTimeout(s)...)
	}
	return found
}

func helmReleaseFinding(s *snapshot.Snapshot, r snapshot.Release) doctor.Finding {
	object := helmStorage(r)
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "failed", Scope: r.Namespace, Objects: []doctor.Object{object}, Args: map[string]string{"release": r.Name, "namespace": r.Namespace},
		Evidence: []doctor.Evidence{{Source: "status", Object: object.String(), Text: strings.TrimSpace("STATUS: failed " + r.Description), Time: r.Updated}},
		Remedies: []doctor.Remedy{{Key: "look", Risk: doctor.Manual, Commands: []string{
			"helm status " + r.Name + " -n " + r.Namespace, "kubectl get pods -n " + r.Namespace, "kubectl get events -n " + r.Namespace + " --field-selector type=Warning",
		}}},
	}
	about, _, known := explain.Classify(r.Description)
	waited := known && about == "HLM-01" || strings.Contains(r.Description, "deadline exceeded")
	if waited {
		finding.Key = "timedOut"
	}
	troubled := helmTroubles(s, r, &finding)
	switch {
	case known && !waited:
		finding.After = append([]string{about}, finding.After...)
	case waited && !troubled && helmAvailable(s, r):
		finding.Status, finding.Severity, finding.Key = doctor.Warn, doctor.Low, "lateButReady"
	}
	return finding
}

// helmTroubles adds what is wrong with the pods of a release, and the entries that this belongs to.
func helmTroubles(s *snapshot.Snapshot, r snapshot.Release, finding *doctor.Finding) bool {
	managed, troubled := extOwners(s), false
	for _, c := range extCases(s) {
		if managed[c.Workload] != r.Namespace+"/"+r.Name {
			continue
		}
		troubled = true
		if object := c.Object(); !slices.Contains(finding.Objects, object) {
			finding.Objects = append(finding.Objects, object)
		}
		finding.Evidence = arcSay(finding.Evidence, c.Evidence())
		if c.Object().Namespace != finding.Scope {
			finding.Scope = ""
		}
		if c.Entry != "" && !slices.Contains(finding.After, c.Entry) {
			finding.After = append(finding.After, c.Entry)
		}
	}
	return troubled
}

// helmAvailable reports whether all workloads of a release are seen and have the pods that they ask for.
func helmAvailable(s *snapshot.Snapshot, r snapshot.Release) bool {
	managed, seen := extOwners(s), 0
	for i := range s.Deployments {
		d := &s.Deployments[i]
		if managed[doctor.Object{Kind: "Deployment", Namespace: d.Namespace, Name: d.Name}] != r.Namespace+"/"+r.Name {
			continue
		}
		if seen++; d.Status.AvailableReplicas < d.Status.Replicas || d.Status.UpdatedReplicas < d.Status.Replicas || d.Status.Replicas == 0 {
			return false
		}
	}
	for _, o := range r.Objects {
		if o.Kind == "Deployment" {
			seen--
		}
	}
	return r.Read && seen >= 0 && len(r.Objects) > 0
}

// helmExtensionTimeout reports extensions whose agents waited in vain, when no release of theirs is there to say so: what a failed
// first installation made is taken back.
func helmExtensionTimeout(s *snapshot.Snapshot, found []doctor.Finding) []doctor.Finding {
	said := slices.DeleteFunc(helmAbout(s, "HLM-01"), func(said helmSaid) bool {
		return said.ID == "" || slices.ContainsFunc(found, func(f doctor.Finding) bool { return f.Args["namespace"]+"/"+f.Args["release"] == said.Release })
	})
	return helmFindings(said, func(said *helmSaid) doctor.Finding {
		finding := doctor.Finding{
			Status: doctor.Fail, Key: "extension", Args: map[string]string{"extension": said.Object.Name},
			Remedies: []doctor.Remedy{{Key: "look", Risk: doctor.Manual}},
		}
		if said.Scope != "" {
			finding.Remedies[0].Commands = []string{"kubectl get pods -n " + said.Scope, "kubectl get events -n " + said.Scope + " --field-selector type=Warning"}
		}
		return finding
	})
}

// helmClientTimeout reports what a client's log says of Helm's wait, as long as the release is not there.
func helmClientTimeout(s *snapshot.Snapshot) []doctor.Finding {
	var evidence []doctor.Evidence
	for _, said := range helmAbout(s, "HLM-01") {
		if said.Source == "client" {
			evidence = arcSay(evidence, said.evidence())
		}
	}
	if len(evidence) == 0 {
		return nil
	}
	return []doctor.Finding{{
		Status: doctor.Fail, Key: "clientLog", Evidence: evidence,
		After: []string{
			"ARC-07", "ARC-06", "EXT-04", "EXT-09", "ARC-08", "ARC-11", "ARC-12", "ARC-05", "ARC-04", "EXT-02", "EXT-03", "HLM-04", "ARC-02", "ARC-15", "ARC-01",
		},
		Remedies: []doctor.Remedy{{Key: "again", Risk: doctor.Manual, Commands: []string{"kubectl get pods -n " + arcSpace, arcCommand(s, "connect")}}},
	}}
}
