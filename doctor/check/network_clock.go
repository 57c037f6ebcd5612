package check

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/endpoint"
	"github.com/fairlead/fairlead/doctor/probe/wire"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

const (
	// Clocks may differ that much before it is told. A Date header is cut to the second and the answer takes a moment, so less would
	// be noise; certificates that were made a moment ago and one-time codes fail from about here on.
	netSkew = 30 * time.Second
	// For nodes there is room for the time that passes between the API server's date and the reading of the nodes.
	netNodeSkew = 2 * time.Minute
	// From here on tokens and signed requests are refused: five minutes is what Microsoft's and Fairlead's servers allow.
	netBroken = 5 * time.Minute
)

func networkClock() doctor.Check {
	check := netAgents(doctor.Check{
		ID: "NET-07", Severity: doctor.High, Needs: []snapshot.Need{snapshot.Everywhere(snapshot.Nodes)}, Logs: nil, Eval: judgeNetClock,
	})
	check.Applies, check.AppliesNeeds = nil, nil // clocks matter before agents are there
	return check
}

func judgeNetClock(s *snapshot.Snapshot) []doctor.Finding {
	found := slices.Concat(netClientClock(s), netNodeClocks(s), netProbeClocks(s), netFutureCertificates(s), netClockWords(s), netOffsets(s))
	if len(found) == 0 && s.Server.Date.IsZero() {
		return []doctor.Finding{{Status: doctor.Unknown, Key: "noDate"}}
	}
	return found
}

// netClockFinding is a warning as long as servers put up with it.
func netClockFinding(key string, offset time.Duration) doctor.Finding {
	finding := doctor.Finding{
		Status: doctor.Fail, Key: key, Args: map[string]string{"offset": offset.Abs().Round(time.Second).String()},
		Remedies: []doctor.Remedy{{Key: "synchronise", Risk: doctor.Manual, Commands: []string{"date -u", "timedatectl status"}}},
	}
	if offset.Abs() < netBroken {
		finding.Status, finding.Severity = doctor.Warn, doctor.Medium
	}
	return finding
}

func netClientClock(s *snapshot.Snapshot) []doctor.Finding {
	if s.Server.Date.IsZero() {
		return nil
	}
	offset := s.Taken.Sub(s.Server.Date)
	if offset.Abs() <= netSkew {
		return nil
	}
	finding := netClockFinding("clientAhead", offset)
	if offset < 0 {
		finding.Key = "clientBehind"
	}
	finding.Evidence = []doctor.Evidence{{Source: "api", Text: "Date: " + s.Server.Date.UTC().Format(http.TimeFormat) + "; here: " + s.Taken.UTC().Format(http.TimeFormat)}}
	return []doctor.Finding{finding}
}

// netNodeClocks finds nodes whose last sign of life lies in the future. One in the past tells nothing: the kubelet writes only every few
// minutes, and not at all when it is gone.
func netNodeClocks(s *snapshot.Snapshot) []doctor.Finding {
	if s.Server.Date.IsZero() {
		return nil
	}
	var worst time.Duration
	var objects []doctor.Object
	var evidence []doctor.Evidence
	for i := range s.Nodes {
		for _, condition := range s.Nodes[i].Status.Conditions {
			ahead := condition.LastHeartbeatTime.Sub(s.Server.Date)
			if condition.Type != corev1.NodeReady || condition.LastHeartbeatTime.IsZero() || ahead <= netNodeSkew {
				continue
			}
			object := doctor.Object{Kind: "Node", Name: s.Nodes[i].Name}
			objects, worst = append(objects, object), max(worst, ahead)
			evidence = arcSay(evidence, doctor.Evidence{Source: "status", Object: object.String(), Text: "Ready: lastHeartbeatTime " + condition.LastHeartbeatTime.UTC().Format(time.RFC3339)})
		}
	}
	if len(objects) == 0 {
		return nil
	}
	finding := netClockFinding("nodeAhead", worst)
	finding.Objects, finding.Evidence = objects, evidence
	finding.Args["nodes"] = netNames(objects)
	return []doctor.Finding{finding}
}

func netNames(objects []doctor.Object) string {
	var names []string
	for _, o := range objects {
		names = append(names, o.Name)
	}
	return strings.Join(names, ", ")
}

// netProbeClocks compares the clock of the node that a probe ran on with the dates of the hosts that it reached. Only when all of them
// agree it is the node's that is wrong.
func netProbeClocks(s *snapshot.Snapshot) []doctor.Finding {
	for _, view := range netViews(s) {
		if view.place == endpoint.Client || view.result.Started.IsZero() {
			continue
		}
		started, ended := view.result.Started, view.result.Started.Add(time.Duration(view.result.Millis)*time.Millisecond)
		var least time.Duration
		var evidence []doctor.Evidence
		agree := true
		for _, target := range view.result.Targets {
			date, ok := netDate(target)
			offset := time.Duration(0)
			switch {
			case !ok:
				continue
			case date.Before(started):
				offset = started.Sub(date)
			case date.After(ended):
				offset = ended.Sub(date)
			}
			agree = agree && offset.Abs() > netSkew && (least == 0 || (offset > 0) == (least > 0))
			if least == 0 || offset.Abs() < least.Abs() {
				least = offset
			}
			evidence = arcSay(evidence, view.say(netHost(target.URL)+": Date: "+date.UTC().Format(http.TimeFormat)+"; probe: "+started.UTC().Format(http.TimeFormat)))
		}
		if agree && len(evidence) > 0 {
			finding := netClockFinding("probed", least)
			finding.Args["where"], finding.Evidence = view.where, evidence
			return []doctor.Finding{finding}
		}
	}
	return nil
}

func netDate(target wire.TargetResult) (time.Time, bool) {
	for _, name := range []wire.StageName{wire.StageHTTP, wire.StageWebSocket} {
		if stage := target.Stage(name); stage != nil {
			date, err := http.ParseTime(stage.Detail[wire.DetailHeader+"date"])
			return date, err == nil
		}
	}
	return time.Time{}, false
}

// netFutureCertificates finds hosts whose certificate is good, but not today.
func netFutureCertificates(s *snapshot.Snapshot) []doctor.Finding {
	trust := newNetTrust(s)
	for _, view := range netViews(s) {
		for _, target := range view.result.Targets {
			if trust.judge(target) != netTimed {
				continue
			}
			detail := target.Stage(wire.StageTLS).Detail
			finding := netClockFinding("certificateExpired", netBroken)
			finding.Args = map[string]string{"host": netHost(target.URL), "from": detail[wire.DetailNotBefore], "until": detail[wire.DetailNotAfter]}
			if from, err := time.Parse(time.RFC3339, detail[wire.DetailNotBefore]); err == nil && from.After(s.Taken) {
				finding.Key = "certificateEarly"
			}
			finding.Evidence = []doctor.Evidence{view.say(netHost(target.URL) + ": certificate from " + detail[wire.DetailNotBefore] + " until " + detail[wire.DetailNotAfter])}
			return []doctor.Finding{finding}
		}
	}
	return nil
}

// netClockWords are what agents themselves say of clocks.
func netClockWords(s *snapshot.Snapshot) []doctor.Finding {
	early := regexp.MustCompile(`current time \S+ is before|not yet valid: current|Token used before issued|token is not valid yet`)
	evidence, objects := netSaid(s, "NET-07", netTrustLogs(), early.MatchString)
	if len(evidence) == 0 {
		return nil
	}
	finding := netClockFinding("notYetValid", netBroken)
	finding.Objects, finding.Evidence = objects, evidence
	return []doctor.Finding{finding}
}

// netOffsets are what Fairlead's agents say when the hub had refused their time. They go by the hub's clock from then on, so they work.
func netOffsets(s *snapshot.Snapshot) []doctor.Finding {
	said := regexp.MustCompile(`clock differs from the hub's.*offset \{?(-?[0-9hms.]+)`)
	for _, log := range s.Logs {
		lines := said.FindAllStringSubmatch(log.Text, -1)
		if log.Namespace != arcSpace || log.Previous || len(lines) == 0 {
			continue
		}
		last := lines[len(lines)-1]
		offset, err := time.ParseDuration(last[1])
		if err != nil || offset.Abs() <= netSkew {
			continue
		}
		finding := netClockFinding("hub", offset)
		finding.Status, finding.Severity = doctor.Warn, doctor.Medium
		finding.Objects = []doctor.Object{{Kind: "Pod", Namespace: log.Namespace, Name: log.Pod, Container: log.Container}}
		finding.Evidence = []doctor.Evidence{{Source: "log", Object: finding.Objects[0].String(), Text: last[0]}}
		return []doctor.Finding{finding}
	}
	return nil
}
