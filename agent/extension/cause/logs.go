package cause

import (
	"context"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/pace"
	"github.com/fairlead/fairlead/doctor"
)

const (
	logLines = 10       // shown of a container
	maxLog   = 64 << 10 // read of a container

	// Between the end of a container and the start of the next one the kubelet may have the log of neither: it is asked again,
	// so often and at such intervals.
	logTries = 5
	logEvery = 500 * time.Millisecond
)

// errNoLog is of a kubelet that answers, and has no log.
var errNoLog = errors.New("the kubelet has no log of it")

// complaint is what a line holds that tells of a failure, in the words of most languages' libraries.
var complaint = regexp.MustCompile(`(?i)error|exception|fatal|panic|fail|cannot|can't|could not|denied|refused|invalid|no such|not found|timed out|unable`)

// telling is the line of a log that a person would point at: the last that complains, else the last. The very last may be
// anything, because the two streams of a container reach its log by two pipes, in an order that nobody promises.
func telling(log string) string {
	lines := strings.Split(log, "\n")
	for _, line := range slices.Backward(lines) {
		if complaint.MatchString(line) {
			return line
		}
	}
	return lines[len(lines)-1]
}

// lastWords are the last lines that a container wrote: of the run that ended, when there was one.
func (i *inquiry) lastWords(ctx context.Context, container doctor.Object) string {
	for try := range logTries {
		words, err := i.words(ctx, container)
		if words == "" {
			words = i.Witness.words(container)
		}
		if words != "" || !passing(err) || try == logTries-1 || pace.Wait(ctx, logEvery, nil) != nil {
			return words
		}
	}
	return ""
}

// words asks for the log of the run that ended, and then of the present one, whose error counts: most containers have run once.
func (e *Explainer) words(ctx context.Context, container doctor.Object) (text string, err error) {
	for _, previous := range []bool{true, false} {
		text, err = tail(ctx, e, container, corev1.PodLogOptions{Container: container.Container, Previous: previous, TailLines: new(int64(logLines))})
		if text != "" {
			return text, nil
		}
	}
	return "", err
}

// passing reports whether it may help to ask for a log again: not when there is no such pod any more, or it must not be read.
func passing(err error) bool {
	return err != nil && !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err)
}

func tail(ctx context.Context, e *Explainer, pod doctor.Object, options corev1.PodLogOptions) (string, error) {
	stream, err := e.Kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &options).Stream(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = stream.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(stream, maxLog))
	if err != nil {
		return "", err
	}
	if kube.NoLog(string(text), pod.Namespace, pod.Name) {
		return "", errNoLog
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	if len(text) == maxLog && len(lines) > 1 {
		lines = lines[:len(lines)-1] // cut somewhere, perhaps in a secret
	}
	return strings.TrimSpace(strings.Join(lines[max(0, len(lines)-logLines):], "\n")), nil
}
