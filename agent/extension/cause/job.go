package cause

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
)

// gaveUp explains a Job that failed for good, and reports whether there is one.
func (i *inquiry) gaveUp(ctx context.Context) bool {
	for n := range i.world.Jobs {
		job := &i.world.Jobs[n]
		object := doctor.Object{Kind: "Job", Namespace: job.Namespace, Name: job.Name}
		condition, failed := final(job)
		if failed && i.world.made[object] && !condition.LastTransitionTime.Time.Before(i.Since.Truncate(1e9)) {
			i.job(ctx, object, condition.Reason, condition.Message)
			return true
		}
	}
	for _, one := range i.world.late {
		if one.Kind == "Job" && one.status == "Failed" {
			i.lateJob(ctx, one)
			return true
		}
	}
	if m := regexp.MustCompile(`job (\S+) failed: BackoffLimitExceeded`).FindStringSubmatch(i.text); m != nil {
		i.job(ctx, doctor.Object{Kind: "Job", Namespace: i.Namespace, Name: m[1]}, batchv1.JobReasonBackoffLimitExceeded, i.text)
		return true
	}
	return false
}

// endForm is how the waiting says how a Job ended.
var endForm = regexp.MustCompile(`(?s)^Job failed\. (\w+): (.*)$`)

// lateJob explains a Job that Helm found failed, and that has failed before the operation, or is not there any more.
func (i *inquiry) lateJob(ctx context.Context, one late) {
	for n := range i.world.Jobs {
		job := &i.world.Jobs[n]
		if condition, failed := final(job); failed && job.Namespace == one.Namespace && job.Name == one.Name {
			i.job(ctx, one.Object, condition.Reason, condition.Message)
			i.say(one.String(), "has failed at "+stamp(condition.LastTransitionTime.Time)+", before this operation; it is not run again as long as it is there")
			i.advise("kubectl delete " + resource(one.Object))
			return
		}
	}
	reason, message := "", one.message
	if m := endForm.FindStringSubmatch(message); m != nil {
		reason, message = m[1], m[2]
	}
	i.job(ctx, one.Object, reason, message)
	i.say(one.String(), "is not there any more: its chart has it deleted when it fails (helm.sh/hook-delete-policy), or is done (ttlSecondsAfterFinished)")
}

// final returns the condition with which a Job failed.
func final(job *batchv1.Job) (batchv1.JobCondition, bool) {
	for _, c := range job.Status.Conditions {
		if (c.Type == batchv1.JobFailed || c.Type == batchv1.JobFailureTarget) && c.Status == corev1.ConditionTrue {
			return c, true
		}
	}
	return batchv1.JobCondition{}, false
}

func (i *inquiry) job(ctx context.Context, job doctor.Object, reason, message string) {
	if reason == "" {
		reason = batchv1.JobReasonBackoffLimitExceeded
	}
	i.found.Code, i.found.Message = fairlead.CauseBackoffLimit, saysJob+reason
	i.found.Target, i.found.DoctorID = job.String(), "HLM-02"
	i.found.Cause = fmt.Sprintf("%s failed as often as it may be tried.", named(job))
	if reason != batchv1.JobReasonBackoffLimitExceeded {
		i.found.Code, i.found.Message = fairlead.CauseReadinessTimeout, saysTimeout+" "+saysJob+reason
		i.found.Cause = fmt.Sprintf("%s failed: %s.", named(job), strings.TrimSuffix(message, "."))
	}
	i.say(job.String(), reason+": "+message)
	i.jobPods(ctx, job)
	i.advise("kubectl logs job/"+job.Name+" -n "+job.Namespace+" --all-containers --tail=50", "kubectl describe "+resource(job))
}

// jobPods adds what the newest of the Job's failed pods said last.
func (i *inquiry) jobPods(ctx context.Context, job doctor.Object) {
	var failed []*corev1.Pod
	for n := range i.world.Pods {
		p := &i.world.Pods[n]
		owned := slices.ContainsFunc(p.OwnerReferences, func(o metav1.OwnerReference) bool { return o.Kind == "Job" && o.Name == job.Name })
		if owned && p.Namespace == job.Namespace {
			failed = append(failed, p)
		}
	}
	quoted := false
	if len(failed) > 0 {
		newest := slices.MaxFunc(failed, func(a, b *corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
		for _, status := range slices.Concat(newest.Status.InitContainerStatuses, newest.Status.ContainerStatuses) {
			object := doctor.Object{Kind: "Pod", Namespace: newest.Namespace, Name: newest.Name, Container: status.Name}
			quoted = i.jobContainer(ctx, object, &status) || quoted
		}
	}
	for _, seen := range i.Witness.of(job) {
		if !quoted { // the pods are gone, as the Job's controller removes those that still run, or say nothing any more
			i.quote(seen.pod, seen.words)
		}
	}
}

// jobContainer adds how a container has ended, and reports whether it said why.
func (i *inquiry) jobContainer(ctx context.Context, object doctor.Object, status *corev1.ContainerStatus) bool {
	ended := cmp.Or(status.State.Terminated, status.LastTerminationState.Terminated)
	if ended == nil || ended.ExitCode == 0 {
		return false
	}
	i.say(object.String(), fmt.Sprintf("ended with code %d (%s) %s", ended.ExitCode, ended.Reason, ended.Message))
	words := i.lastWords(ctx, object)
	if words != "" {
		i.quote(object, words)
	}
	return words != ""
}

func (i *inquiry) quote(container doctor.Object, words string) {
	i.say("log of "+container.String(), words)
	i.found.Cause += " Its pod said: " + telling(words)
}
