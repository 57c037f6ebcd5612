package connect

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
)

const (
	maxEvents   = 500
	logLines    = 5
	maxLog      = 64 << 10
	manyRestart = 4
)

// lostPull is what a registry says when it will say the same the next time.
const lostPull = `(?i)x509|certificate|\b40[134]\b|unauthorized|forbidden|not found|manifest unknown|name unknown|denied`

// events returns the warnings in the agents' namespace, newest last.
func (k *Cluster) events(ctx context.Context) ([]corev1.Event, error) {
	list, err := k.api.CoreV1().Events(fairlead.AgentNamespace).List(ctx, metav1.ListOptions{Limit: maxEvents, FieldSelector: "type=Warning"})
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	slices.SortStableFunc(list.Items, func(a, b corev1.Event) int { return moment(a).Compare(moment(b).Time) })
	return list.Items, nil
}

func moment(event corev1.Event) metav1.Time {
	switch {
	case event.Series != nil:
		return metav1.Time{Time: event.Series.LastObservedTime.Time}
	case !event.LastTimestamp.IsZero():
		return event.LastTimestamp
	case !event.EventTime.IsZero():
		return metav1.Time{Time: event.EventTime.Time}
	}
	return event.CreationTimestamp
}

// newest returns the message of the last event of a reason about an object.
func newest(events []corev1.Event, kind, name, reason string) string {
	for _, event := range slices.Backward(events) {
		about := event.InvolvedObject
		if event.Reason == reason && about.Kind == kind && about.Name == name {
			return event.Message
		}
	}
	return ""
}

// troubles says what is wrong with pods.
func troubles(pods []corev1.Pod, events []corev1.Event) []trouble {
	var found []trouble
	for i := range pods {
		if pods[i].DeletionTimestamp != nil {
			continue
		}
		found = append(found, podTroubles(&pods[i], events)...)
	}
	return found
}

func podTroubles(pod *corev1.Pod, events []corev1.Event) []trouble {
	object := "pod/" + pod.Name
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse && condition.Reason == corev1.PodReasonUnschedulable {
			return []trouble{{object, "no node takes it (Unschedulable)", condition.Message, true}}
		}
	}
	var found []trouble
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if t, wrong := containerTrouble(object, status); wrong {
			found = append(found, t.withEvent(pod, events, status.Image))
		}
	}
	if len(found) > 0 || pod.Status.Phase != corev1.PodPending {
		return found
	}
	for _, reason := range []string{"FailedMount", "FailedCreatePodSandBox", "FailedAttachVolume"} {
		if message := newest(events, "Pod", pod.Name, reason); message != "" {
			found = append(found, trouble{object, reason, firstLine(message), false})
		}
	}
	return found
}

func containerTrouble(object string, status corev1.ContainerStatus) (trouble, bool) {
	waiting := status.State.Waiting
	switch {
	case waiting == nil && status.State.Terminated == nil:
		return trouble{}, false
	case waiting == nil:
		ended := status.State.Terminated
		return trouble{object, fmt.Sprintf("container %s ended with code %d (%s)", status.Name, ended.ExitCode, ended.Reason), firstLine(ended.Message), false}, ended.ExitCode != 0
	}
	switch waiting.Reason {
	case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull":
		return trouble{object, "the image " + status.Image + " cannot be pulled", waiting.Message, waiting.Reason == "InvalidImageName"}, true
	case "CrashLoopBackOff":
		return trouble{object, fmt.Sprintf("container %s keeps ending (CrashLoopBackOff)", status.Name), lastEnd(status), status.RestartCount >= manyRestart}, true
	case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
		return trouble{object, waiting.Reason, firstLine(waiting.Message), false}, true
	}
	return trouble{}, false
}

func lastEnd(status corev1.ContainerStatus) string {
	ended := status.LastTerminationState.Terminated
	if ended == nil {
		return fmt.Sprintf("%d restarts", status.RestartCount)
	}
	text := fmt.Sprintf("%d restarts, last with code %d (%s)", status.RestartCount, ended.ExitCode, ended.Reason)
	if ended.Message != "" {
		text += ": " + firstLine(ended.Message)
	}
	return text
}

// withEvent adds to an image that cannot be pulled the runtime's own words where the container's status lacks
// them: between two attempts older kubelets only say that they wait.
func (t trouble) withEvent(pod *corev1.Pod, events []corev1.Event, image string) trouble {
	if !strings.HasPrefix(t.what, "the image ") {
		return t
	}
	if t.detail == "" || t.detail == fmt.Sprintf("Back-off pulling image %q", image) {
		t.detail = first(pullFailure(events, pod.Name), t.detail)
	}
	// The image's name may hold anything, such as a tag 404.
	said := strings.ReplaceAll(t.detail, image, "")
	t.fatal = t.fatal || regexp.MustCompile(lostPull).MatchString(said)
	return t
}

func first(preferred, otherwise string) string {
	if preferred != "" {
		return preferred
	}
	return otherwise
}

// pullFailure returns what the runtime said last about an image of a pod; the reason Failed also stands
// for events that only repeat the container's status.
func pullFailure(events []corev1.Event, pod string) string {
	for _, event := range slices.Backward(events) {
		about := event.InvolvedObject
		if event.Reason == "Failed" && about.Kind == "Pod" && about.Name == pod && strings.Contains(event.Message, "pull image") {
			return event.Message
		}
	}
	return ""
}

// missingPods says why Deployments have no pods at all: quotas and admission speak in events only.
func (k *Cluster) missingPods(ctx context.Context, events []corev1.Event) []trouble {
	list, err := k.api.AppsV1().Deployments(fairlead.AgentNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil
	}
	var found []trouble
	for i := range list.Items {
		if t, wrong := deploymentTrouble(&list.Items[i], events); wrong {
			found = append(found, t)
		}
	}
	return found
}

func deploymentTrouble(deployment *appsv1.Deployment, events []corev1.Event) (trouble, bool) {
	object := "deployment/" + deployment.Name
	for _, condition := range deployment.Status.Conditions {
		if condition.Type == appsv1.DeploymentReplicaFailure && condition.Status == corev1.ConditionTrue {
			return trouble{object, "its pods cannot be made (" + condition.Reason + ")", condition.Message, true}, true
		}
	}
	for _, event := range slices.Backward(events) {
		about := event.InvolvedObject
		if event.Reason == "FailedCreate" && about.Kind == "ReplicaSet" && strings.HasPrefix(about.Name, deployment.Name+"-") && deployment.Status.Replicas == 0 {
			return trouble{object, "its pods cannot be made (FailedCreate)", event.Message, true}, true
		}
	}
	return trouble{}, false
}

// said returns the last lines of an agent's log: of a pod that is not ready, or of the agent that is waited for.
func (k *Cluster) said(ctx context.Context, pod *corev1.Pod, agent string) string {
	concerned := strings.HasPrefix(pod.Name, agent) || strings.HasPrefix(pod.Name, fairlead.EdgeAgent)
	if podReady(pod) && !concerned || pod.Status.Phase == corev1.PodPending && len(pod.Status.ContainerStatuses) == 0 {
		return ""
	}
	for _, previous := range []bool{false, true} {
		if text := k.log(ctx, pod.Name, previous); text != "" {
			return text
		}
	}
	return ""
}

func (k *Cluster) log(ctx context.Context, pod string, previous bool) string {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	tail := int64(logLines)
	stream, err := k.api.CoreV1().Pods(fairlead.AgentNamespace).GetLogs(pod, &corev1.PodLogOptions{TailLines: &tail, Previous: previous}).Stream(ctx)
	if err != nil {
		return ""
	}
	defer func() { _ = stream.Close() }() // what was read is what is shown
	content, err := io.ReadAll(io.LimitReader(stream, maxLog))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(content))
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
