package extension_test

import (
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fairlead/fairlead"
)

// job is removed as soon as it is done.
const job = `apiVersion: batch/v1
kind: Job
metadata: {name: {{ .Release.Name }}-job}
spec:
  backoffLimit: 0
  ttlSecondsAfterFinished: 0
  template:
    spec: {restartPolicy: Never, containers: [{name: c, image: example.org/none:1}]}
`

// finish ends the pod of a Job, as a kubelet would: none runs here.
func (s *stage) finish(name string, how corev1.PodPhase) {
	s.t.Helper()
	pods := s.in(resource("", "v1", "pods"), s.releases)
	s.eventually(name+" has a pod that has ended", 20*time.Second, func() bool {
		found, err := pods.List(s.t.Context(), metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=" + name})
		if err != nil || len(found.Items) == 0 {
			return false
		}
		_, err = pods.Patch(s.t.Context(), found.Items[0].GetName(), types.MergePatchType, []byte(`{"status":{"phase":"`+string(how)+`"}}`), metav1.PatchOptions{}, "status")
		return err == nil
	})
}

// removed waits until a Job is gone.
func (s *stage) removed(name string) {
	s.t.Helper()
	s.eventually(name+" is gone", 30*time.Second, func() bool { return s.get(resource("batch", "v1", "jobs"), s.releases, name) == nil })
}

func TestJobsAreWaitedFor(t *testing.T) {
	s := newStage(t)
	s.publish("web", "1.0.0", map[string]string{"note.yaml": note, "job.yaml": job, "second.yaml": strings.ReplaceAll(job, "-job", "-second")})
	s.start()
	spec := s.spec("web", 1)
	spec.TimeoutSeconds = 60
	s.want("web", spec)
	s.waits("web", 1)
	s.finish("web-second", corev1.PodSucceeded)
	s.removed("web-second")
	if state, _ := s.state("web"); state.Operation == nil {
		t.Errorf("it ended before the other Job: %+v", state)
	}
	s.finish("web-job", corev1.PodSucceeded)
	if state := s.ends("web", 1, 20*time.Second); state.ProvisioningState != fairlead.ExtensionSucceeded {
		t.Errorf("state %+v, error %+v", state, state.ErrorInfo)
	}
	// A Job that is gone when it is done is not missing, and is not run again for nothing.
	s.removed("web-job")
	spec.Generation = 2
	s.want("web", spec)
	if state := s.ends("web", 2, 20*time.Second); state.ReleaseRevision != 1 || state.ProvisioningState != fairlead.ExtensionSucceeded {
		t.Errorf("state %+v", state)
	}
}

// A Job that gives up ends the operation, whatever else is waited for.
func TestAJobThatGivesUpEndsTheOperation(t *testing.T) {
	s := newStage(t)
	s.publish("barge", "1.0.0", map[string]string{"note.yaml": note, "never.yaml": never, "job.yaml": strings.Replace(job, "  ttlSecondsAfterFinished: 0\n", "", 1)})
	s.start()
	spec := s.spec("barge", 1)
	spec.TimeoutSeconds = 120
	s.want("barge", spec)
	s.waits("barge", 1)
	s.finish("barge-job", corev1.PodFailed)
	state := s.ends("barge", 1, 30*time.Second)
	if state.ProvisioningState != fairlead.ExtensionFailed || state.ErrorInfo.Code != fairlead.CauseBackoffLimit || state.ErrorInfo.Target != "Job/"+s.releases+"/barge-job" {
		t.Errorf("state %+v, error %+v", state, state.ErrorInfo)
	}
	if got := state.ErrorInfo.Message; got != "job failed: BackoffLimitExceeded" {
		t.Errorf("it says %q", got)
	}
}

// What pods wait for is in the journal, and from there on its way to whoever waits. No scheduler runs here.
func TestItIsToldWhichPodWaitsForWhat(t *testing.T) {
	s := newStage(t)
	s.publish("lone", "1.0.0", map[string]string{"never.yaml": never})
	s.start()
	spec := s.spec("lone", 1)
	spec.TimeoutSeconds = 60
	s.want("lone", spec)
	s.eventually("the journal tells of the pod", 30*time.Second, func() bool {
		state, _ := s.state("lone")
		return len(state.Statuses) == 1 && strings.Contains(state.Statuses[0].Message, "waiting for the objects to become ready: Pod lone-never-") &&
			strings.HasSuffix(state.Statuses[0].Message, " waits for the scheduler")
	})
}
