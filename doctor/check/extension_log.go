package check

import (
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/logline"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

const (
	// How long an agent may go without an answer of the data plane. It asks every few minutes at most.
	extPatience = 15 * time.Minute
	// What follows keeps a start, or a hub that restarts, from counting as a firewall.
	extFewFailures = 3
	extShortTime   = time.Minute
)

// extensionLogs are the logs of agents that ask the data plane for configurations.
func extensionLogs() []snapshot.LogNeed {
	const lines = 1000
	return []snapshot.LogNeed{
		{Namespace: extSystem, Prefix: "extension-agent-", Lines: lines},
		{Namespace: arcSpace, Prefix: "config-agent-", Lines: lines},
		{Namespace: arcSpace, Prefix: "extension-manager-", Lines: lines},
		{Namespace: arcSpace, Prefix: "edge-agent-", Lines: lines},
	}
}

// extTalk is what an agent's log says of its talk with the data plane.
type extTalk struct {
	Log                        snapshot.Log
	Pod                        doctor.Object
	Answered, Refused, Blocked extLine // the last of each kind
	First                      extLine // the first that was blocked since the last answer of any kind
	Failures                   int     // since then
}

// extLine is a line of a log; the zero value is none.
type extLine struct {
	Number int // from 1
	Time   time.Time
	Text   string
}

func (l extLine) after(other extLine) bool {
	if l.Number == 0 || other.Number == 0 || l.Time.IsZero() || other.Time.IsZero() || l.Time.Equal(other.Time) {
		return l.Number > other.Number
	}
	return l.Time.After(other.Time)
}

// extTalks reads the logs of the agents that run now.
func extTalks(s *snapshot.Snapshot) []extTalk {
	var talks []extTalk
	for _, log := range s.Logs {
		wanted := slices.ContainsFunc(extensionLogs(), func(n snapshot.LogNeed) bool { return n.Matches(log) })
		started, runs := extStarted(s, log)
		if wanted && runs && !log.Previous && log.Text != "" {
			talks = append(talks, extRead(log, started))
		}
	}
	return talks
}

// extStarted is when a container began to run, and whether it runs now, as far as that is known.
func extStarted(s *snapshot.Snapshot, log snapshot.Log) (time.Time, bool) {
	for i := range s.Pods {
		if s.Pods[i].Namespace != log.Namespace || s.Pods[i].Name != log.Pod {
			continue
		}
		for _, c := range s.Pods[i].Status.ContainerStatuses {
			switch {
			case c.Name == log.Container && c.State.Running != nil:
				return c.State.Running.StartedAt.Time, true
			case c.Name == log.Container:
				return time.Time{}, false
			}
		}
	}
	return time.Time{}, true
}

func extRead(log snapshot.Log, started time.Time) extTalk {
	talk := extTalk{Log: log, Pod: doctor.Object{Kind: "Pod", Namespace: log.Namespace, Name: log.Pod, Container: log.Container}}
	ear, number := newExtEar(), 0
	for text := range strings.SplitSeq(log.Text, "\n") {
		number++
		talk.hear(ear, extParse(number, text, started))
	}
	return talk
}

func extParse(number int, text string, started time.Time) extLine {
	parsed := logline.Parse(text)
	line := extLine{Number: number, Time: parsed.Time, Text: strings.TrimSpace(parsed.Message)}
	if line.Time.Before(started.Add(-extShortTime)) {
		line.Time = time.Time{} // a time before the container began tells nothing
	}
	return line
}

func extMoment(s *snapshot.Snapshot, log snapshot.Log) time.Time {
	started, _ := extStarted(s, log)
	return started
}

// extEar knows the lines that matter; it is made once a log.
type extEar struct {
	answered, refused, about, blocked *regexp.Regexp
}

func newExtEar() extEar {
	return extEar{
		answered: regexp.MustCompile(`GET configurations returned response code \{?200\b`),
		refused:  regexp.MustCompile(`(?i)This traffic is not authorized|Errorcode: ?403\b`),
		about:    regexp.MustCompile(`(?i)GET configurations with err|dp\.kubernetesconfiguration\.azure|getPendingConfigs`),
		blocked: regexp.MustCompile(`(?i)dial (tcp|udp)|i/o timeout|no such host|connection (refused|reset|timed out)|no route to host|network is unreachable|` +
			`TLS handshake timeout|deadline exceeded|Client\.Timeout|\bEOF\b|proxyconnect|x509:|server misbehaving`),
	}
}

func (t *extTalk) hear(ear extEar, line extLine) {
	switch {
	case ear.answered.MatchString(line.Text):
		if line.after(t.Answered) {
			t.Answered = line
		}
		t.First, t.Failures = extLine{}, 0
	case ear.refused.MatchString(line.Text):
		if line.after(t.Refused) {
			t.Refused = line
		}
		t.First, t.Failures = extLine{}, 0
	case ear.about.MatchString(line.Text) && ear.blocked.MatchString(line.Text):
		if t.Failures++; t.Failures == 1 {
			t.First = line
		}
		t.Blocked = line
	}
}

func extensionCutOff() doctor.Check {
	return extensionAgent(doctor.Check{
		ID: "EXT-05", Severity: doctor.High, Logs: extensionLogs(),
		After: []string{"NET-07", "NET-04", "NET-03", "NET-01", "NET-02", "EXT-07", "EXT-08", "ARC-10", "ARC-08"},
		Uses:  append(extensionAgentNeeds(), snapshot.Everywhere(snapshot.ProbeFromPod)),
		Eval:  judgeExtensionEgress,
	})
}

func judgeExtensionEgress(s *snapshot.Snapshot) []doctor.Finding {
	var found []doctor.Finding
	fresh := false
	for _, talk := range extTalks(s) {
		key := talk.cutOff(s.Taken)
		fresh = fresh || talk.Answered.Number > 0 && key == ""
		if key != "" {
			found = append(found, extCutOffFinding(key, talk))
		}
	}
	if len(found) == 0 && !fresh && extAgentRuns(s) {
		found = extProbedDataPlane(s)
	}
	return found
}

// cutOff returns why the agent counts as cut off, empty when it does not, or when its log is too short to tell.
func (t *extTalk) cutOff(now time.Time) string {
	span := t.Blocked.Time.Sub(t.First.Time)
	timed := !t.Blocked.Time.IsZero() && !t.First.Time.IsZero()
	switch {
	case t.Failures >= extFewFailures && timed && span >= extShortTime, t.Failures > 2*extFewFailures && !timed:
		return "blocked"
	case t.Answered.Number == 0 || t.Answered.Time.IsZero() || now.Sub(t.Answered.Time) < extPatience:
		return ""
	case t.Refused.after(t.Answered):
		return "" // EXT-06
	case t.Failures > 0:
		return "blocked"
	}
	return "silent"
}

func extCutOffFinding(key string, talk extTalk) doctor.Finding {
	finding := doctor.Finding{
		Status: doctor.Fail, Key: key, Scope: talk.Pod.Namespace, Objects: []doctor.Object{talk.Pod},
		Args: map[string]string{"agent": talk.Log.Pod, "since": "-"},
		Remedies: []doctor.Remedy{
			{Key: "logs", Risk: doctor.Manual, Commands: []string{arcLog(talk.Pod)}},
			{Key: "egress", Risk: doctor.Manual, Commands: []string{"fairlead doctor NET --probe"}},
		},
	}
	if talk.Answered.Number > 0 && !talk.Answered.Time.IsZero() {
		finding.Args["since"] = talk.Answered.Time.UTC().Format(time.RFC3339)
	}
	if key == "blocked" && talk.Answered.Number == 0 {
		finding.Key = "neverAnswered"
	}
	for _, line := range []extLine{talk.Answered, talk.Blocked} {
		if line.Number > 0 {
			finding.Evidence = append(finding.Evidence, doctor.Evidence{Source: "log", Object: talk.Pod.String(), Text: line.Text, Time: line.Time})
		}
	}
	finding.After = extNetworkCause(talk.Blocked.Text)
	return finding
}

// extNetworkCause names the network entry that a message points to.
func extNetworkCause(message string) []string {
	for _, class := range []struct{ id, pattern string }{
		{"NET-04", `x509:`},
		{"NET-03", `proxyconnect`},
		{"NET-01", `no such host|server misbehaving|lookup `},
		{"NET-02", `dial |i/o timeout|refused|reset|unreachable|no route|deadline|timeout|EOF`},
	} {
		if regexp.MustCompile(class.pattern).MatchString(message) {
			return []string{class.id, "NET-01", "NET-02"}
		}
	}
	return nil
}

func extAgentRuns(s *snapshot.Snapshot) bool {
	return slices.ContainsFunc(s.Pods, func(p corev1.Pod) bool {
		log := snapshot.Log{Namespace: p.Namespace, Pod: p.Name}
		return p.Status.Phase == corev1.PodRunning && slices.ContainsFunc(extensionLogs(), func(n snapshot.LogNeed) bool { return n.Matches(log) })
	})
}

// extProbedDataPlane believes the probe where no log speaks.
func extProbedDataPlane(s *snapshot.Snapshot) []doctor.Finding {
	if s.Probe == nil || s.Probe.Pod == nil || s.Probe.Pod.Result == nil {
		return nil
	}
	for _, target := range s.Probe.Pod.Result.Targets {
		stage := target.Failed()
		if stage == nil || !strings.Contains(target.URL, ".dp.kubernetesconfiguration.azure.") {
			continue
		}
		return []doctor.Finding{{
			Status: doctor.Fail, Key: "probed", Args: map[string]string{"url": target.URL, "stage": string(stage.Name)},
			Evidence: []doctor.Evidence{{Source: "probe", Object: s.Probe.Pod.Where, Text: string(stage.Name) + ": " + stage.Error}},
			Remedies: []doctor.Remedy{{Key: "egress", Risk: doctor.Manual, Commands: []string{"fairlead doctor NET --probe"}}},
		}}
	}
	return nil
}

func extensionForbidden() doctor.Check {
	return extensionAgent(doctor.Check{
		ID: "EXT-06", Severity: doctor.High, Logs: extensionLogs(), After: []string{"EXT-07", "EXT-08"},
		Uses: extensionAgentNeeds(), Eval: judgeExtensionAuthority,
	})
}

func judgeExtensionAuthority(s *snapshot.Snapshot) []doctor.Finding {
	var found []doctor.Finding
	for _, talk := range extTalks(s) {
		if !talk.Refused.after(talk.Answered) {
			continue // an old refusal that was followed by an answer is history
		}
		finding := doctor.Finding{
			Status: doctor.Fail, Key: "unauthorized", Scope: talk.Pod.Namespace, Objects: []doctor.Object{talk.Pod}, Args: map[string]string{"agent": talk.Log.Pod},
			Evidence: []doctor.Evidence{{Source: "log", Object: talk.Pod.String(), Text: talk.Refused.Text, Time: talk.Refused.Time}},
			Remedies: []doctor.Remedy{
				{Key: "resolve", Risk: doctor.Manual, Commands: []string{"kubectl exec -it -n " + talk.Pod.Namespace + " " + talk.Pod.Name + " -- nslookup " + extRegion(s) + ".dp.kubernetesconfiguration.azure.com"}},
				{Key: "separate", Risk: doctor.Manual},
			},
		}
		if !strings.Contains(strings.ToLower(talk.Refused.Text), "this traffic is not authorized") {
			finding.Key, finding.Remedies = "refused", []doctor.Remedy{{Key: "logs", Risk: doctor.Manual, Commands: []string{arcLog(talk.Pod)}}}
		}
		found = append(found, finding)
	}
	return found
}

// extRegion is the region of the cluster, or a word to fill in.
func extRegion(s *snapshot.Snapshot) string {
	if region := arcConfig(s)[fairlead.KeyRegion]; region != "" {
		return arcQuote(region)
	}
	for i := range s.Nodes {
		if region := s.Nodes[i].Labels[corev1.LabelTopologyRegion]; region != "" && extensionOnAKS(s) {
			return arcQuote(region)
		}
	}
	return "<region>"
}
