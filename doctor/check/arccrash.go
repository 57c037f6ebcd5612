package check

import (
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

func arcCrashingAgent() doctor.Check {
	return arcAgent(doctor.Check{
		ID: "ARC-05", Severity: doctor.High, Needs: arcPods(),
		Uses: append(arcWorkloadNeeds(), snapshot.In(arcSpace, snapshot.Secrets)), Eval: judgeArcCrash,
		Logs: []snapshot.LogNeed{{Namespace: arcSpace, Which: snapshot.Crashed}},
	})
}

// judgeArcCrash tells crashes apart by what the container wrote last: two reasons are two findings.
func judgeArcCrash(s *snapshot.Snapshot) []doctor.Finding {
	troubles := arcOf(s, "ARC-05")
	var found []doctor.Finding
	for _, f := range arcGather(troubles, func(t workload.Trouble) string { return string(t.Kind) + " " + arcLastWords(s, t.Pod).id }) {
		kind, id, _ := strings.Cut(f.Key, " ")
		f.Key = kind
		f.After = arcCrashAfter(kind, id, f)
		for _, object := range f.Objects {
			if words := arcLastWords(s, object); words.text != "" {
				f.Evidence = append(f.Evidence, doctor.Evidence{Source: "log", Object: object.String(), Text: words.text})
			}
		}
		f.Remedies = []doctor.Remedy{arcCrashRemedy(kind, f.Objects)}
		found = append(found, f)
	}
	return found
}

func arcCrashAfter(kind, id string, f doctor.Finding) []string {
	var after []string
	if id != "" && id != "ARC-05" {
		after = append(after, id)
	}
	about := slices.ContainsFunc(f.Evidence, func(e doctor.Evidence) bool { return strings.Contains(e.Text, fairlead.IdentitySecret) })
	operator := slices.ContainsFunc(strings.Split(f.Args["agents"], ", "), arcIdentityAgent)
	switch {
	case operator && !about:
		// It cannot have an identity as long as it crashes.
	case kind == string(workload.Crash):
		after = append(after, "ARC-08", "ARC-10")
	case about:
		after = append(after, "ARC-08")
	}
	if kind == string(workload.Crash) {
		after = append(after, arcNetwork()...)
	}
	return after
}

func arcCrashRemedy(kind string, objects []doctor.Object) doctor.Remedy {
	remedy := doctor.Remedy{Key: "look", Risk: doctor.Manual, Commands: append(arcEach(objects, arcPreviousLog), arcEach(objects, arcDescribe)...)}
	switch workload.Kind(kind) {
	case workload.OutOfMemory:
		remedy.Key, remedy.Commands = "memory", arcEach(objects, arcDescribe)
	case workload.ConfigError, workload.Mount:
		remedy.Key, remedy.Commands = "object", arcEach(objects, arcDescribe)
	default: // the log tells
	}
	return remedy
}
