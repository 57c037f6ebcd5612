package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/fairlead/fairlead/doctor/probe/loader"
	"github.com/fairlead/fairlead/doctor/probe/wire"
)

const (
	lookEvery    = 400 * time.Millisecond
	defaultStart = 45 * time.Second
	// Nodes that are just being added and volumes that are just being made pass; what lasts longer than this stays.
	patience = 10 * time.Second
	maxLog   = 16 << 20
	logTries = 5
)

// await looks at the pod until its program has ended, or until it is clear that it never will.
func (v *visit) await(ctx context.Context, job job) (*corev1.Pod, error) {
	limit := v.Start
	if limit <= 0 {
		limit = defaultStart
	}
	started := time.Now()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		pod, err := v.Client.CoreV1().Pods(v.namespace).Get(ctx, job.name, metav1.GetOptions{})
		if err != nil {
			return nil, lost(ctx, job.name, err)
		}
		waited := time.Since(started)
		done, err := judge(pod, waited)
		switch {
		case done || err != nil:
			return pod, err
		case waited > patience && !runs(pod):
			if message := v.failedMount(ctx, job.name); message != "" {
				return nil, &CannotRun{Mount, message}
			}
		}
		if waited > limit && !runs(pod) || waited > limit+job.whole() {
			return nil, &CannotRun{NotStarted, v.idle(ctx, pod, waited)}
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for pod %s/%s: %w", v.namespace, job.name, ctx.Err())
		case <-ticker.C:
		}
	}
}

func lost(ctx context.Context, name string, err error) error {
	if apierrors.IsNotFound(err) && ctx.Err() == nil {
		return &CannotRun{NotStarted, fmt.Sprintf("pod %s was deleted by someone else", name)}
	}
	return refusal(ctx, "look at pod "+name, err)
}

// judge says whether the program has ended, or why it cannot.
func judge(pod *corev1.Pod, waited time.Duration) (done bool, err error) {
	state := container(pod)
	switch {
	case state.Terminated != nil:
		return true, nil
	case pod.Status.Phase == corev1.PodFailed:
		reason := Unschedulable
		if pod.Status.Reason == "DeadlineExceeded" {
			reason = NotStarted
		}
		return false, &CannotRun{reason, strings.Trim(pod.Status.Reason+": "+pod.Status.Message, ": ")}
	case state.Waiting != nil:
		return false, waiting(state.Waiting, waited)
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse && waited > patience {
			return false, &CannotRun{Unschedulable, condition.Message}
		}
	}
	return false, nil
}

func waiting(state *corev1.ContainerStateWaiting, waited time.Duration) error {
	message := state.Reason + ": " + state.Message
	switch state.Reason {
	case "ErrImageNeverPull", "ErrImagePull", "ImagePullBackOff", "ImageInspectError", "InvalidImageName", "SignatureValidationFailed":
		return &CannotRun{NoImage, message}
	case "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreCreateHookError", "CrashLoopBackOff":
		if waited > patience {
			return &CannotRun{NotStarted, message}
		}
	}
	return nil
}

func container(pod *corev1.Pod) corev1.ContainerState {
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name == containerName {
			return status.State
		}
	}
	return corev1.ContainerState{}
}

func runs(pod *corev1.Pod) bool { return container(pod).Running != nil }

// failedMount gives what the node said about a folder of its own that it does not have.
func (v *visit) failedMount(ctx context.Context, name string) string {
	for _, event := range v.events(ctx, name) {
		if event.Reason == "FailedMount" && strings.Contains(event.Message, "hostPath type check failed") {
			return event.Message
		}
	}
	return ""
}

func (v *visit) events(ctx context.Context, name string) []corev1.Event {
	selector := fields.OneTermEqualSelector("involvedObject.name", name).String()
	events, err := v.Client.CoreV1().Events(v.namespace).List(ctx, metav1.ListOptions{FieldSelector: selector})
	if err != nil {
		return nil
	}
	return events.Items
}

// idle tells what is known about a pod that does not come to an end.
func (v *visit) idle(ctx context.Context, pod *corev1.Pod, waited time.Duration) string {
	said := []string{fmt.Sprintf("pod %s is still %s after %s", pod.Name, pod.Status.Phase, waited.Round(time.Second))}
	if state := container(pod).Waiting; state != nil {
		said = append(said, strings.Trim(state.Reason+": "+state.Message, ": "))
	}
	for _, event := range v.events(ctx, pod.Name) {
		if event.Type == corev1.EventTypeWarning {
			said = append(said, event.Reason+": "+event.Message)
		}
	}
	return strings.Join(said, "; ")
}

// read gets the result out of the log. The log may come a moment after the end.
func (v *visit) read(ctx context.Context, pod *corev1.Pod) (wire.Result, error) {
	end := container(pod).Terminated
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	var output []byte
	for range logTries {
		var err error
		output, err = v.output(ctx, pod.Name)
		if err != nil {
			return wire.Result{}, unreadable(ctx, pod.Name, err)
		}
		result, err := wire.ReadResult(output)
		if err == nil {
			return result, nil
		}
		if end.ExitCode != 0 {
			break
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
	return wire.Result{}, crashed(end, output)
}

func unreadable(ctx context.Context, name string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("read the log of pod %s: %w", name, ctx.Err())
	}
	return &CannotRun{LogsUnreadable, fmt.Sprintf("read the log of pod %s: %v", name, err)}
}

func (v *visit) output(ctx context.Context, name string) ([]byte, error) {
	if v.Logs != nil {
		return v.Logs(ctx, v.namespace, name)
	}
	stream, err := v.Client.CoreV1().Pods(v.namespace).GetLogs(name, &corev1.PodLogOptions{Container: containerName}).Stream(ctx)
	if err != nil {
		return nil, err
	}
	output, err := io.ReadAll(io.LimitReader(stream, maxLog))
	return output, errors.Join(err, stream.Close())
}

func crashed(end *corev1.ContainerStateTerminated, output []byte) error {
	code := int(end.ExitCode)
	message := fmt.Sprintf("the program ended with exit code %d (%s) and no result", code, end.Reason)
	if text, found := loader.Explain(code); found {
		message = text
	} else if end.Message != "" {
		message += ": " + end.Message
	}
	if said := strings.TrimSpace(string(output)); said != "" {
		message += ": " + said[max(0, len(said)-500):]
	}
	return &CannotRun{Crashed, message}
}
