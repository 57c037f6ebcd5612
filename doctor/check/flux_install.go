package check

import (
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/explain"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

// fluxPodNeeds are what it takes to judge the controllers, and for the words of the cluster.
func fluxPodNeeds() []snapshot.Need {
	var needs []snapshot.Need
	for _, r := range []snapshot.Resource{snapshot.Pods, snapshot.Deployments, snapshot.ReplicaSets, snapshot.Events, snapshot.Jobs, snapshot.DaemonSets} {
		needs = append(needs, snapshot.In(extFlux, r))
	}
	return needs
}

func fluxFailed() doctor.Check {
	return fluxPart(doctor.Check{
		ID: "FLX-02", Severity: doctor.High, Needs: []snapshot.Need{snapshot.In(extFlux, snapshot.Pods), snapshot.In(extFlux, snapshot.Deployments)},
		Uses: slices.Concat(fluxPodNeeds(), helmSourceNeeds()), Eval: judgeFluxInstall,
		Logs: []snapshot.LogNeed{{Namespace: extFlux, Which: snapshot.Crashed, Lines: 200}},
	})
}

func judgeFluxInstall(s *snapshot.Snapshot) []doctor.Finding {
	found := arcGather(extOf(s, "FLX-02"), func(t workload.Trouble) string { return string(t.Kind) })
	for i := range found {
		f := &found[i]
		f.Remedies = []doctor.Remedy{{Key: "look", Risk: doctor.Manual, Commands: arcEach(f.Objects, arcDescribe)}}
		switch workload.Kind(f.Key) {
		case workload.Crash, workload.NotReady, workload.StartError, workload.OutOfMemory:
			f.After = extLogCauses(s, f.Objects)
			f.Remedies = []doctor.Remedy{{Key: "logs", Risk: doctor.Manual, Commands: arcEach(f.Objects, arcLog)}}
		case workload.ScaledDown:
			f.Remedies = []doctor.Remedy{{Key: "scaleUp", Risk: doctor.Manual, Commands: arcEach(f.Objects, func(o doctor.Object) string {
				return "kubectl scale " + strings.ToLower(o.Kind) + "/" + o.Name + " -n " + o.Namespace + " --replicas=1"
			})}}
		default:
		}
	}
	failed := fluxInstallFailed(s)
	switch {
	case len(failed) == 0:
		return found
	case len(found) == 0:
		return failed
	}
	// The pods say why; the install is one more thing that shows it.
	found[0].Objects = append(found[0].Objects, failed[0].Objects...)
	for _, e := range failed[0].Evidence {
		found[0].Evidence = arcSay(found[0].Evidence, e)
	}
	return found
}

// fluxInstallFailed judges the release and the extension themselves.
func fluxInstallFailed(s *snapshot.Snapshot) []doctor.Finding {
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "failed", Scope: extFlux, After: []string{"FLX-03", "FLX-08", "FLX-04", "FLX-06", "HLM-02", "HLM-09", "HLM-07", "HLM-06", "EXT-01"},
		Remedies: []doctor.Remedy{{Key: "statuses", Risk: doctor.Manual, Commands: []string{
			"kubectl get pods -n " + extFlux,
			"az k8s-extension show -g <resource-group> -c <cluster-name> -n flux -t <connectedClusters or managedClusters>",
		}}},
	}
	for _, r := range s.Releases {
		if fluxRelease(r) && r.Status == "failed" {
			finding.Objects = append(finding.Objects, helmStorage(r))
			fluxSay(&finding, doctor.Evidence{Source: "status", Object: helmStorage(r).String(), Text: strings.TrimSpace("STATUS: failed " + r.Description), Time: r.Updated})
		}
	}
	for _, status := range extStatuses(s) {
		if !status.flux() || !status.Failed {
			continue
		}
		finding.Objects = append(finding.Objects, status.Object)
		fluxSay(&finding, doctor.Evidence{Source: "status", Object: status.Object.String(), Text: strings.Join(append([]string{"Failed"}, status.Messages...), ": ")})
	}
	if len(finding.Objects) == 0 {
		return nil
	}
	for _, c := range extCases(s) {
		if c.Owner == ownFlux && c.Entry != "" && c.Entry != "FLX-02" {
			finding.After = append(finding.After, c.Entry)
		}
	}
	if fluxRuns(s) {
		finding.Status, finding.Severity, finding.Key = doctor.Warn, doctor.Medium, "failedButRuns"
	}
	return []doctor.Finding{finding}
}

// fluxSay adds evidence, and the entry that it is about.
func fluxSay(finding *doctor.Finding, evidence doctor.Evidence) {
	finding.Evidence = append(finding.Evidence, evidence)
	if id, _, ok := explain.Classify(evidence.Text); ok && id != "FLX-02" {
		finding.After = append([]string{id}, finding.After...)
	}
}

func fluxForbidden() doctor.Check {
	return fluxPart(doctor.Check{
		ID: "FLX-03", Severity: doctor.High, Uses: append(fluxPodNeeds(), snapshot.In(extFlux, snapshot.Trials), snapshot.Everywhere(snapshot.ExtensionConfigs)),
		Eval: judgeFluxPolicy,
	})
}

// fluxRefusal names the entry that a refusal of a pod of Flux belongs to.
func fluxRefusal(message string) string {
	switch {
	case strings.Contains(message, "being terminated"):
		return "FLX-04"
	case regexp.MustCompile(`(?i)validation\.gatekeeper\.sh.*\b(cpu|memory)\b|resource limits should not exceed`).MatchString(message):
		return "FLX-08"
	}
	return "FLX-03"
}

func judgeFluxPolicy(s *snapshot.Snapshot) []doctor.Finding {
	found := arcGather(extOf(s, "FLX-03"), func(t workload.Trouble) string { return "pods/" + workload.PolicyName(t.Message) })
	for i := range found {
		_, policy, _ := strings.Cut(found[i].Key, "/")
		found[i].Key = "pods"
		fluxPolicyFinding(&found[i], policy)
	}
	if fluxRuns(s) || len(found) > 0 {
		return found
	}
	for _, trial := range s.Trials {
		key := map[string]string{snapshot.TrialFluxNamespace: "namespace", snapshot.TrialFluxPod: "trialPod"}[trial.Name]
		if key == "" || trial.Allowed || !fluxPolicyMessage(trial.Message) || trial.Name == snapshot.TrialFluxPod && fluxTrialEntry(trial.Message) != "FLX-03" {
			continue
		}
		finding := doctor.Finding{
			Status: doctor.Fail, Key: key, Scope: extFlux, Args: map[string]string{},
			Evidence: []doctor.Evidence{{Source: "api", Object: trial.Object, Text: trial.Message}},
		}
		fluxPolicyFinding(&finding, workload.PolicyName(trial.Message))
		found = append(found, finding)
		break // the same policy may forbid both
	}
	if len(found) == 0 {
		found = fluxPolicySaid(s)
	}
	return unlessUnseen(s, found, snapshot.In(extFlux, snapshot.Deployments), snapshot.In(extFlux, snapshot.Trials))
}

// fluxPolicyMessage reports whether a refusal is a policy's, and not for want of rights of whoever asks.
func fluxPolicyMessage(message string) bool {
	return message != "" && !regexp.MustCompile(`cannot create resource|already exists|being terminated|not found`).MatchString(message)
}

// fluxTrialEntry names the entry that the refusal of a tried pod belongs to.
func fluxTrialEntry(message string) string {
	switch workload.Admission(message) {
	case workload.Quota, workload.LimitRange:
		return "FLX-08"
	default:
		return fluxRefusal(message)
	}
}

func fluxPolicyFinding(f *doctor.Finding, policy string) {
	f.Args["policy"] = policy
	if policy == "" {
		f.Args["policy"] = "-"
	}
	look := "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations"
	switch message := f.Evidence[0].Text; {
	case strings.Contains(message, "ValidatingAdmissionPolicy"):
		look = "kubectl describe validatingadmissionpolicy " + arcQuote(policy)
	case strings.Contains(message, "PodSecurity"):
		look = "kubectl get namespace " + extFlux + " --show-labels"
	}
	f.Remedies = []doctor.Remedy{{Key: "exclude", Risk: doctor.Manual, Commands: []string{look}}}
}

// fluxPolicySaid goes by what the extension was told.
func fluxPolicySaid(s *snapshot.Snapshot) []doctor.Finding {
	for _, status := range extStatuses(s) {
		for _, message := range status.about("FLX-03") {
			finding := doctor.Finding{
				Status: doctor.Fail, Key: "namespace", Scope: extFlux, Args: map[string]string{}, Objects: []doctor.Object{status.Object},
				Evidence: []doctor.Evidence{{Source: "status", Object: status.Object.String(), Text: message}},
			}
			fluxPolicyFinding(&finding, workload.PolicyName(message))
			return []doctor.Finding{finding}
		}
	}
	return nil
}

func fluxLeftovers() doctor.Check {
	return fluxPart(doctor.Check{
		ID: "FLX-04", Severity: doctor.High, After: []string{"FLX-03", "FLX-08", "HLM-02", "HLM-08"},
		Needs: []snapshot.Need{snapshot.One("", snapshot.Namespaces, extFlux), snapshot.In(extFlux, snapshot.Deployments)},
		Uses:  slices.Concat(helmReleaseNeeds(), fluxObjectNeeds(), []snapshot.Need{snapshot.Everywhere(snapshot.Deployments)}), Eval: judgeFluxLeftovers,
	})
}

func judgeFluxLeftovers(s *snapshot.Snapshot) []doctor.Finding {
	found := fluxTerminating(s)
	if len(found) > 0 {
		return found // whatever else is left waits for this
	}
	for _, r := range s.Releases {
		gone := r.Status == "failed" || r.Status == "uninstalled" || r.Status == "deployed" || r.Status == "uninstalling"
		if r.Name != "flux" || !gone || !fluxAbsent(s) || !s.Known(snapshot.In(extFlux, snapshot.Deployments)) || s.Taken.Sub(r.Updated) < time.Minute {
			continue
		}
		found = append(found, doctor.Finding{
			Status: doctor.Fail, Key: "release", Scope: extFlux, Objects: []doctor.Object{helmStorage(r)}, Args: map[string]string{"release": r.Name, "status": r.Status, "namespace": r.Namespace},
			Evidence: []doctor.Evidence{{Source: "status", Object: helmStorage(r).String(), Text: "STATUS: " + r.Status, Time: r.Updated}},
			Remedies: []doctor.Remedy{fluxForce(), {Key: "uninstall", Risk: doctor.Manual, Commands: []string{"helm uninstall " + r.Name + " -n " + r.Namespace}}},
		})
	}
	return append(found, fluxOrphans(s)...)
}

func fluxForce() doctor.Remedy {
	return doctor.Remedy{Key: "force", Risk: doctor.Manual, Commands: []string{
		"az k8s-extension delete --force -g <resource-group> -c <cluster-name> -n flux -t <managedClusters or connectedClusters>",
	}}
}

// fluxTerminating judges a namespace that does not go. For a moment that is how a namespace goes.
func fluxTerminating(s *snapshot.Snapshot) []doctor.Finding {
	space, ok := fluxSpace(s)
	if !ok || space.DeletionTimestamp == nil {
		return nil
	}
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "terminating", Objects: []doctor.Object{{Kind: "Namespace", Name: extFlux}},
		Args: map[string]string{"since": space.DeletionTimestamp.UTC().Format(time.RFC3339)},
		Remedies: []doctor.Remedy{{Key: "finalizers", Risk: doctor.Manual, Commands: append(
			[]string{"kubectl get namespace " + extFlux + " -o yaml"}, fluxList(s, "-n "+extFlux)...,
		)}},
	}
	patience := time.Minute
	for _, c := range space.Status.Conditions {
		if c.Status != corev1.ConditionTrue || c.Type != corev1.NamespaceContentRemaining && c.Type != corev1.NamespaceFinalizersRemaining && c.Type != corev1.NamespaceDeletionContentFailure {
			continue
		}
		if c.Type == corev1.NamespaceFinalizersRemaining {
			patience = 15 * time.Second
		}
		finding.Evidence = append(finding.Evidence, doctor.Evidence{
			Source: "status", Object: "Namespace/" + extFlux, Text: string(c.Type) + ": " + c.Message, Time: c.LastTransitionTime.Time,
		})
	}
	if s.Taken.Sub(space.DeletionTimestamp.Time) < patience {
		return nil
	}
	return []doctor.Finding{finding}
}

// fluxOrphans are objects that only a controller can let go of, and there is none.
func fluxOrphans(s *snapshot.Snapshot) []doctor.Finding {
	if fluxController(s) || !s.Known(snapshot.Everywhere(snapshot.Deployments)) {
		return nil
	}
	finding := doctor.Finding{
		Status: doctor.Warn, Severity: doctor.Medium, Key: "orphans", Args: map[string]string{},
		Remedies: []doctor.Remedy{{Key: "reinstall", Risk: doctor.Manual, Commands: fluxList(s, "--all-namespaces")}},
	}
	for _, o := range fluxObjects(s) {
		if !slices.ContainsFunc(o.meta.GetFinalizers(), func(name string) bool { return strings.Contains(name, "fluxcd.io") }) {
			continue
		}
		finding.Objects = append(finding.Objects, o.Object)
		if o.meta.GetDeletionTimestamp() != nil {
			finding.Status, finding.Severity, finding.Key = doctor.Fail, "", "orphansStuck"
		}
		finding.Evidence = arcSay(finding.Evidence, doctor.Evidence{Source: "spec", Object: o.Object.String(), Text: "finalizers: " + strings.Join(o.meta.GetFinalizers(), ", ")})
	}
	if len(finding.Objects) == 0 {
		return nil
	}
	return []doctor.Finding{finding}
}

// fluxList makes the command that lists the objects of Flux, of the kinds that this cluster has.
func fluxList(s *snapshot.Snapshot, where string) []string {
	var kinds []string
	for _, kind := range fluxKinds() {
		if c := s.Coverage[kind]; len(s.Custom[kind]) > 0 || c != nil && c.Served {
			kinds = append(kinds, string(kind))
		}
	}
	if len(kinds) == 0 {
		return nil
	}
	return []string{"kubectl get " + strings.Join(kinds, ",") + " " + where}
}
