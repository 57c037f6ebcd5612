package check

import (
	"cmp"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func helmJob() doctor.Check {
	return doctor.Check{
		ID: "HLM-02", Severity: doctor.High, Needs: []snapshot.Need{snapshot.Everywhere(snapshot.Jobs)},
		Uses: append(helmSourceNeeds(), snapshot.Everywhere(snapshot.Pods)), Eval: judgeHelmJobs,
		Logs: []snapshot.LogNeed{{Namespace: arcSpace, Which: snapshot.Crashed, Lines: 200}},
	}
}

func judgeHelmJobs(s *snapshot.Snapshot) []doctor.Finding {
	var found []doctor.Finding
	managed := extOwners(s)
	for i := range s.Jobs {
		job := &s.Jobs[i]
		failed, ok := helmGaveUp(job)
		if ok && helmOwnJob(managed, job) && !helmHistory(s, managed, job, failed.LastTransitionTime.Time) {
			found = append(found, helmJobFinding(s, job, failed))
		}
	}
	for _, said := range helmFindings(helmAbout(s, "HLM-02"), helmSaidJob) {
		if !slices.ContainsFunc(found, func(f doctor.Finding) bool { return helmSameJob(f, said) }) {
			found = append(found, said)
		}
	}
	return found
}

func helmSaidJob(said *helmSaid) doctor.Finding {
	job := said.Captures["job"]
	if said.Target.Kind == "Job" {
		job = said.Target.Name
	}
	return doctor.Finding{
		Status: doctor.Fail, Key: "said", Args: map[string]string{"job": cmp.Or(job, "-")}, Remedies: []doctor.Remedy{{Key: "keep", Risk: doctor.Manual}},
	}
}

// helmSameJob reports whether a Job that was found is the one of which something is said; where that is not named, any of the namespace.
func helmSameJob(found, said doctor.Finding) bool {
	if at := slices.IndexFunc(said.Objects, func(o doctor.Object) bool { return o.Kind == "Job" }); at >= 0 {
		return slices.Contains(found.Objects, said.Objects[at])
	}
	return found.Scope == said.Scope || said.Scope == ""
}

// helmGaveUp returns the condition of a Job that was tried as often as it may be.
func helmGaveUp(job *batchv1.Job) (batchv1.JobCondition, bool) {
	for _, c := range job.Status.Conditions {
		final := c.Type == batchv1.JobFailed || c.Type == batchv1.JobFailureTarget
		if final && c.Status == corev1.ConditionTrue && (c.Reason == batchv1.JobReasonBackoffLimitExceeded || c.Reason == batchv1.JobReasonPodFailurePolicy) {
			return c, true
		}
	}
	return batchv1.JobCondition{}, false
}

func helmOwnJob(managed owners, job *batchv1.Job) bool {
	switch job.Namespace {
	case arcSpace, fairlead.ReleaseNamespace, extFlux, extMesh:
		return true
	}
	return managed[doctor.Object{Kind: "Job", Namespace: job.Namespace, Name: job.Name}] != ""
}

// helmHistory reports whether the failure was overcome: the release was deployed afterwards, or a later run of the same CronJob succeeded.
func helmHistory(s *snapshot.Snapshot, managed owners, job *batchv1.Job, failed time.Time) bool {
	release := managed[doctor.Object{Kind: "Job", Namespace: job.Namespace, Name: job.Name}]
	for _, r := range s.Releases {
		same := release == r.Namespace+"/"+r.Name || (release == extSomeRelease || release == "") && helmSpace(r) == job.Namespace
		if same && r.Status == "deployed" && r.Updated.After(failed) {
			return true
		}
	}
	for i := range s.Jobs {
		other := &s.Jobs[i]
		if other.Namespace == job.Namespace && other.Status.Succeeded > 0 && other.CreationTimestamp.After(job.CreationTimestamp.Time) && helmSameCron(job, other) {
			return true
		}
	}
	return false
}

func helmSameCron(a, b *batchv1.Job) bool {
	for _, owner := range a.OwnerReferences {
		if owner.Kind == "CronJob" && slices.ContainsFunc(b.OwnerReferences, func(o metav1.OwnerReference) bool { return o.Kind == owner.Kind && o.Name == owner.Name }) {
			return true
		}
	}
	return false
}

func helmJobFinding(s *snapshot.Snapshot, job *batchv1.Job, failed batchv1.JobCondition) doctor.Finding {
	object := doctor.Object{Kind: "Job", Namespace: job.Namespace, Name: job.Name}
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "job", Scope: job.Namespace, Objects: []doctor.Object{object}, Args: map[string]string{"job": job.Name, "namespace": job.Namespace},
		Evidence: []doctor.Evidence{{
			Source: "status", Object: object.String(), Text: failed.Reason + ": " + failed.Message, Time: failed.LastTransitionTime.Time,
		}},
		Remedies: []doctor.Remedy{{Key: "logs", Risk: doctor.Manual, Commands: []string{
			"kubectl logs job/" + job.Name + " -n " + job.Namespace + " --all-containers --tail=50", "kubectl describe job " + job.Name + " -n " + job.Namespace,
		}}},
	}
	var pods []doctor.Object
	for i := range s.Pods {
		if pod := &s.Pods[i]; pod.Namespace == job.Namespace && slices.ContainsFunc(pod.OwnerReferences, func(o metav1.OwnerReference) bool { return o.Kind == "Job" && o.Name == job.Name }) {
			pods = append(pods, doctor.Object{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name})
			finding.Evidence = helmLastWords(s, finding.Evidence, pods[len(pods)-1])
		}
	}
	finding.Objects = append(finding.Objects, pods...)
	finding.After = extLogCauses(s, pods)
	return finding
}

// helmLastWords adds the last lines of a pod's log.
func helmLastWords(s *snapshot.Snapshot, evidence []doctor.Evidence, pod doctor.Object) []doctor.Evidence {
	const few = 3
	for _, log := range s.LogsOf(pod.Namespace, pod.Name, "") {
		lines := strings.Split(strings.TrimSpace(log.Text), "\n")
		evidence = arcSay(evidence, doctor.Evidence{Source: "log", Object: pod.String(), Text: strings.Join(lines[max(0, len(lines)-few):], "\n")})
	}
	return evidence
}
