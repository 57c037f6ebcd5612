package snapshot

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// LogNeed asks for containers' logs, newest lines last.
type LogNeed struct {
	Namespace string
	// Prefix is how the pod's name begins, such as "extension-agent-"; empty means any pod.
	Prefix string
	// Container narrows to one container; empty means all of the pod.
	Container string
	// Lines is how many of the newest lines are read; at most MaxLogLines.
	Lines int64
	// Which narrows to containers that are in trouble.
	Which Which
}

// Which says whose logs are read.
type Which int

const (
	// Any means every container that the rest of the need names.
	Any Which = iota
	// Crashed means containers that ended with an error or restarted, and asks for the run before, too.
	Crashed
)

// MaxLogLines bounds what is read of one container.
const MaxLogLines = 2000

// Log is what one run of a container wrote last; secrets are replaced.
type Log struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	Container string `json:"container"`
	Previous  bool   `json:"previous,omitempty"` // the run before the current one
	Text      string `json:"text,omitempty"`
	// Error says why the log could not be read; then Text is empty.
	Error string `json:"error,omitempty"`
	// Reason is forbidden, timeout or failed when Error is not empty.
	Reason string `json:"reason,omitempty"`
}

// LogsOf returns the logs of pods whose names begin with prefix; container may be empty.
func (s *Snapshot) LogsOf(namespace, prefix, container string) []Log {
	var found []Log
	for _, log := range s.Logs {
		if log.Namespace == namespace && strings.HasPrefix(log.Pod, prefix) && (container == "" || log.Container == container) {
			found = append(found, log)
		}
	}
	return found
}

// Matches reports whether the need asks for a log.
func (n LogNeed) Matches(log Log) bool {
	return log.Namespace == n.Namespace && strings.HasPrefix(log.Pod, n.Prefix) && (n.Container == "" || n.Container == log.Container)
}

// MissingLog returns the gap that keeps a need for logs from being answered, and whether there is one.
func (s *Snapshot) MissingLog(n LogNeed) (Gap, bool) {
	if c := s.Coverage[Logs]; c == nil {
		return Gap{Need: In(n.Namespace, Logs), Reason: NotAsked}, true
	}
	if gap, missing := s.Missing(In(n.Namespace, Pods)); missing {
		return gap, true // whose logs there are is not known
	}
	for _, log := range s.Logs {
		if n.Matches(log) && log.Error != "" && (n.Which == Any && !log.Previous || n.Which == Crashed && s.crashed(log)) {
			return Gap{Need: In(n.Namespace, Logs), Reason: log.Reason, Detail: log.Error}, true
		}
	}
	return Gap{}, false
}

// crashed reports whether a log is of a container that ended with an error or was started again.
func (s *Snapshot) crashed(log Log) bool {
	for i := range s.Pods {
		pod := &s.Pods[i]
		if pod.Namespace != log.Namespace || pod.Name != log.Pod {
			continue
		}
		for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			if status.Name == log.Container {
				return Ended(&status)
			}
		}
	}
	return false
}

// Ended reports whether a container ended with an error, or was started again.
func Ended(status *corev1.ContainerStatus) bool {
	return status.LastTerminationState.Terminated != nil || status.State.Terminated != nil && status.State.Terminated.ExitCode != 0
}
