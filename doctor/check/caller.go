package check

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// caller returns the checks of what doctor itself can see.
func caller() []doctor.Check {
	return []doctor.Check{callerRights(), callerLogs(), callerStorage(), callerProbe()}
}

// callerRights tells how much was left in the dark. It is never a failure of the cluster's.
func callerRights() doctor.Check {
	return doctor.Check{ID: "SELF-01", Severity: doctor.Low, Eval: func(s *snapshot.Snapshot) []doctor.Finding {
		needs := callerForbidden(s)
		if len(needs) == 0 {
			return nil
		}
		return []doctor.Finding{{
			Status: doctor.Unknown, Key: "forbidden",
			Args:     map[string]string{"user": s.Client.User, "count": strconv.Itoa(len(needs)), "needs": strings.Join(needs, ", ")},
			Remedies: []doctor.Remedy{{Key: "clusterRole", Risk: doctor.Manual, Commands: []string{"fairlead doctor --explain-checks"}}},
		}}
	}}
}

// callerForbidden returns what the API server refused to show, in words.
func callerForbidden(s *snapshot.Snapshot) []string {
	all := map[string]bool{}
	for _, coverage := range s.Coverage {
		if coverage == nil {
			continue
		}
		for _, gap := range coverage.Gaps {
			if gap.Reason == snapshot.Forbidden {
				all[gap.Need.String()] = true
			}
		}
	}
	for _, log := range s.Logs {
		if log.Reason == snapshot.Forbidden {
			all[snapshot.In(log.Namespace, snapshot.Logs).String()] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func callerLogs() doctor.Check {
	return doctor.Check{ID: "SELF-02", Severity: doctor.Medium, Eval: judgeLogs}
}

// judgeLogs looks for a way to the nodes that is closed: one reason for which most logs could not be read.
func judgeLogs(s *snapshot.Snapshot) []doctor.Finding {
	tried, unread := map[string]bool{}, map[string][]snapshot.Log{}
	for _, log := range s.Logs {
		pod := log.Namespace + "/" + log.Pod
		if log.Previous || log.Reason == snapshot.Forbidden || !callerRuns(s, pod) || callerOwnFault(log) {
			continue
		}
		tried[pod] = true
		if log.Error != "" {
			unread[pod] = append(unread[pod], log)
		}
	}
	switch {
	case len(tried) == 0:
		return []doctor.Finding{{Status: doctor.Skipped, Key: "nothingRead"}}
	case 2*len(unread) <= len(tried):
		return nil
	}
	finding := doctor.Finding{
		Status: doctor.Fail, Args: map[string]string{"unread": strconv.Itoa(len(unread)), "tried": strconv.Itoa(len(tried))},
		Remedies: []doctor.Remedy{{Key: "nodes", Risk: doctor.Manual, Commands: []string{"kubectl get nodes -o wide"}}},
	}
	counts := map[string]int{}
	for _, pod := range slices.Sorted(maps.Keys(unread)) {
		log := unread[pod][0]
		counts[callerReason(log)]++
		finding.Objects = append(finding.Objects, doctor.Object{Kind: "Pod", Namespace: log.Namespace, Name: log.Pod})
		finding.Evidence = arcSay(finding.Evidence, doctor.Evidence{Source: "api", Text: log.Error})
	}
	finding.Key = slices.MaxFunc(slices.Sorted(maps.Keys(counts)), func(a, b string) int { return cmp.Compare(counts[a], counts[b]) })
	return []doctor.Finding{finding}
}

// callerRuns reports whether a pod has a container that runs, so that there is a log to read.
func callerRuns(s *snapshot.Snapshot, pod string) bool {
	return slices.ContainsFunc(s.Pods, func(p corev1.Pod) bool {
		return p.Namespace+"/"+p.Name == pod && slices.ContainsFunc(p.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool { return c.State.Running != nil })
	})
}

// callerOwnFault reports whether the container, or a bound of doctor's own, is why there is no log.
func callerOwnFault(log snapshot.Log) bool {
	return regexp.MustCompile(`(?i)waiting to start|not found|more than \d+ logs|PodInitializing|ContainerCreating|is terminated`).MatchString(log.Error)
}

func callerReason(log snapshot.Log) string {
	for _, class := range []struct{ key, pattern string }{
		{"address", `no preferred addresses found`},
		{"tunnel", `No agent available|konnectivity|error dialing backend: (EOF|proxy)|tunnel`},
		{"certificate", `x509|tls: |remote error: tls|credentials|Unauthorized`},
		{"closed", `connection refused|no route to host|i/o timeout|timed? ?out|deadline exceeded|connection reset`},
	} {
		if regexp.MustCompile(`(?i)` + class.pattern).MatchString(log.Error) {
			return class.key
		}
	}
	if log.Reason == snapshot.TimedOut {
		return "closed"
	}
	return "other"
}

func callerStorage() doctor.Check {
	return doctor.Check{
		ID: "SELF-03", Severity: doctor.Low, Needs: []snapshot.Need{snapshot.Everywhere(snapshot.Releases)}, Uses: []snapshot.Need{snapshot.Everywhere(snapshot.Secrets)},
		Eval: func(s *snapshot.Snapshot) []doctor.Finding {
			finding := doctor.Finding{
				Status: doctor.Warn, Key: "configMaps",
				Remedies: []doctor.Remedy{{Key: "driver", Risk: doctor.Manual, Commands: []string{"HELM_DRIVER=configmap helm list -A"}}},
			}
			for _, release := range s.Releases {
				if release.Storage == "ConfigMap" {
					finding.Objects = append(finding.Objects, doctor.Object{Kind: "ConfigMap", Namespace: release.Namespace, Name: release.Object})
				}
			}
			if len(finding.Objects) == 0 {
				return nil
			}
			return []doctor.Finding{finding}
		},
	}
}

func callerProbe() doctor.Check {
	return doctor.Check{
		ID: "SELF-04", Severity: doctor.Low,
		Applies: func(s *snapshot.Snapshot) string {
			if s.Probe == nil {
				return doctor.NeedsProbe
			}
			return ""
		},
		Eval: judgeProbe,
	}
}

func judgeProbe(s *snapshot.Snapshot) []doctor.Finding {
	if s.Probe == nil {
		return nil
	}
	var found []doctor.Finding
	for _, at := range []struct {
		name  string
		place *snapshot.Place
	}{{"pod", s.Probe.Pod}, {"node", s.Probe.Node}, {"client", s.Probe.Client}} {
		if at.place == nil || at.place.Refused == "" {
			continue
		}
		finding := doctor.Finding{
			Status: doctor.Unknown, Key: callerRefusal(at.place.Refused),
			Args: map[string]string{"place": at.name, "where": at.place.Where, "reason": at.place.Refused, "message": at.place.Message},
		}
		finding.Evidence = arcSay(nil, doctor.Evidence{Source: "probe", Text: at.place.Message})
		found = append(found, finding)
	}
	return found
}

// callerRefusal turns the probe's word for why it cannot run into the key of a reason.
func callerRefusal(word string) string {
	known := []string{
		"Quota", "PodSecurity", "Policy", "Forbidden", "NoNamespace", "NoNode", "NoImage", "NoProgram", "Unschedulable", "Mount", "NotStarted", "Crashed",
		"LogsUnreadable", "Unreachable",
	}
	for _, reason := range known {
		if strings.EqualFold(reason, word) {
			return strings.ToLower(reason[:1]) + reason[1:]
		}
	}
	return "other"
}
