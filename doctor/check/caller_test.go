package check

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func TestWhatIsForbiddenIsUnknown(t *testing.T) {
	s := arcAzure()
	arcForbid(s, snapshot.Secrets, snapshot.Payloads)
	s.Logs = []snapshot.Log{{Namespace: arcSpace, Pod: "a", Error: "pods is forbidden", Reason: snapshot.Forbidden}}
	f := arcFinding(s, "SELF-01")
	if want := "get pods/log in azure-arc, get secrets, list secrets"; f.Status != doctor.Unknown || f.Args["needs"] != want {
		t.Errorf("got %s %v", f.Status, f.Args)
	}
	if len(f.Remedies) == 0 || !slices.Contains(f.Remedies[0].Commands, "fairlead doctor --explain-checks") {
		t.Errorf("remedies are %v", f.Remedies)
	}
	s.Coverage[snapshot.Secrets].Gaps[0].Reason, s.Coverage[snapshot.Payloads].Gaps[0].Reason, s.Logs = snapshot.TimedOut, snapshot.TimedOut, nil
	if f := arcFinding(s, "SELF-01"); f.Status != doctor.Pass {
		t.Errorf("a time-out is no right that is missing, and SELF-01 is %s", f.Status)
	}
}

func TestLogsUnavailable(t *testing.T) {
	running := func(logs ...snapshot.Log) *snapshot.Snapshot {
		s := arcAzure()
		s.Logs = logs
		return s
	}
	log := func(agent, err, reason string) snapshot.Log {
		return snapshot.Log{Namespace: arcSpace, Pod: agent + "-5d8f-x", Container: agent, Error: err, Reason: reason}
	}
	const address = "no preferred addresses found; known addresses: []"
	for name, tc := range map[string]struct {
		s    *snapshot.Snapshot
		want string
	}{
		"None":        {running(), "skipped nothingRead"},
		"Readable":    {running(log("config-agent", "", "")), "pass "},
		"Half":        {running(log("config-agent", address, snapshot.Failed), log("metrics-agent", "", "")), "pass "},
		"Address":     {running(log("config-agent", address, snapshot.Failed), log("metrics-agent", address, snapshot.Failed)), "fail address"},
		"Tunnel":      {running(log("config-agent", `Get "https://10.0.0.2:10250/x": No agent available`, snapshot.Failed)), "fail tunnel"},
		"Certificate": {running(log("config-agent", `Get "https://10.0.0.2:10250/x": tls: failed to verify certificate: x509: unknown authority`, snapshot.Failed)), "fail certificate"},
		"Closed":      {running(log("config-agent", `Get "https://10.0.0.2:10250/x": dial tcp 10.0.0.2:10250: connect: connection refused`, snapshot.Failed)), "fail closed"},
		"TimedOut":    {running(log("config-agent", "it took too long", snapshot.TimedOut)), "fail closed"},
		"Other":       {running(log("config-agent", "strange", snapshot.Failed)), "fail other"},
		"Forbidden":   {running(log("config-agent", "pods is forbidden", snapshot.Forbidden)), "skipped nothingRead"},
		"NotStarted":  {running(log("config-agent", `container "a" in pod "b" is waiting to start: PodInitializing`, snapshot.Failed)), "skipped nothingRead"},
		"OwnBound":    {running(log("config-agent", "more than 150 logs were needed", snapshot.Failed)), "skipped nothingRead"},
	} {
		t.Run(name, func(t *testing.T) {
			f := arcFinding(tc.s, "SELF-02")
			if got := string(f.Status) + " " + f.Key; got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestLogsOfPodsThatDoNotRun(t *testing.T) {
	s := arcAzure()
	s.Logs = []snapshot.Log{{Namespace: arcSpace, Pod: "config-agent-5d8f-x", Error: "no preferred addresses found", Reason: snapshot.Failed}}
	arcBreak(s, "config-agent", func(pod *corev1.Pod) { arcCrashes(pod) })
	if f := arcFinding(s, "SELF-02"); f.Status != doctor.Skipped {
		t.Errorf("nothing runs that has a log, and SELF-02 is %s", f.Status)
	}
}

func TestStorage(t *testing.T) {
	s := arcAzure()
	s.Releases[0].Storage = "ConfigMap"
	if f := arcFinding(s, "SELF-03"); f.Status != doctor.Warn || f.Severity != doctor.Low || f.Objects[0].Kind != "ConfigMap" {
		t.Errorf("got %s %s %v", f.Status, f.Severity, f.Objects)
	}
	if f := arcFinding(s, "ARC-01"); f.Status != doctor.Pass {
		t.Errorf("the release is there, and ARC-01 is %s", f.Status)
	}
	arcForbid(s, snapshot.Releases)
	s.Releases = nil
	if f := arcFinding(s, "SELF-03"); f.Status != doctor.Unknown {
		t.Errorf("got %s", f.Status)
	}
}

func TestProbeRefused(t *testing.T) {
	s := arcAzure()
	if f := arcFinding(s, "SELF-04"); f.Status != doctor.Skipped || f.Key != doctor.NeedsProbe {
		t.Errorf("got %s %s", f.Status, f.Key)
	}
	s.Probe = &snapshot.Probe{Client: &snapshot.Place{}, Pod: &snapshot.Place{Where: "default/probe"}}
	if f := arcFinding(s, "SELF-04"); f.Status != doctor.Pass {
		t.Errorf("got %s %s", f.Status, f.Key)
	}
	for word, want := range map[string]string{"Quota": "quota", "PodSecurity": "podSecurity", "NoImage": "noImage", "LogsUnreadable": "logsUnreadable", "Magic": "other"} {
		s.Probe.Pod.Refused, s.Probe.Pod.Message = word, "because"
		f := arcFinding(s, "SELF-04")
		if f.Status != doctor.Unknown || f.Key != want || f.Args["place"] != "pod" || f.Evidence[0].Text != "because" {
			t.Errorf("%s: got %s %s %v", word, f.Status, f.Key, f.Args)
		}
	}
}

// TestLimitedCallerIsNeverTold that something is wrong or in order that it cannot see.
func TestLimitedCallerIsNeverTold(t *testing.T) {
	s := arcSeen()
	arcForbid(s, slices.Collect(func(yield func(snapshot.Resource) bool) {
		for r := range s.Coverage {
			if !yield(r) {
				return
			}
		}
	})...)
	s.Nodes, s.Namespaces, s.Client.Rights = nil, nil, []snapshot.Right{{Verb: "list", Resource: "secrets"}}
	var told []string
	for _, f := range doctor.Evaluate(slices.Concat(arc(), client(), caller()), s, nil) {
		if f.Problem() || f.Status == doctor.Pass && f.ID != "CLI-06" {
			told = append(told, fmt.Sprintf("%s %s %s", f.ID, f.Status, f.Key))
		}
	}
	if len(told) > 0 {
		t.Error(strings.Join(told, "\n"))
	}
}
