package check

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/explain"
	"github.com/fairlead/fairlead/doctor/logline"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

const (
	// So old may a line be that tells about now. Agents try again every few minutes at most.
	netRecent = 15 * time.Minute
	// So near to the end has a line to be that does not tell its time.
	netNear = 50
)

// netSaid returns what agents that run now say of one entry, unless they got through afterwards.
func netSaid(s *snapshot.Snapshot, id string, needs []snapshot.LogNeed, keep func(string) bool) ([]doctor.Evidence, []doctor.Object) {
	var evidence []doctor.Evidence
	var objects []doctor.Object
	for _, log := range s.Logs {
		wanted := slices.ContainsFunc(needs, func(n snapshot.LogNeed) bool { return n.Matches(log) })
		if !wanted || log.Previous || log.Text == "" {
			continue
		}
		said, ok := netLastSaid(s, log, id, keep)
		if !ok {
			continue
		}
		object := doctor.Object{Kind: "Pod", Namespace: log.Namespace, Name: log.Pod, Container: log.Container}
		said.Object = object.String()
		evidence = arcSay(evidence, said)
		if !slices.Contains(objects, object) {
			objects = append(objects, object)
		}
	}
	return evidence, objects
}

// netLastSaid is the last line of a log that speaks of an entry.
func netLastSaid(s *snapshot.Snapshot, log snapshot.Log, id string, keep func(string) bool) (doctor.Evidence, bool) {
	through := regexp.MustCompile(`GET configurations returned response code \{?200\b|identity certificate is stored`)
	lines := strings.Split(strings.TrimSpace(log.Text), "\n")
	for i, line := range slices.Backward(lines) {
		if through.MatchString(line) {
			break
		}
		if !keep(line) {
			continue
		}
		parsed := logline.Parse(line)
		if !parsed.Time.IsZero() && s.Taken.Sub(parsed.Time) > netRecent || parsed.Time.IsZero() && len(lines)-i > netNear {
			break
		}
		// What the call failed with says more than that it failed.
		_, reason, wrapped := strings.Cut(parsed.Message, "Failed to GET configurations with err : ")
		if !wrapped {
			reason = parsed.Message
		}
		if found, _, ok := explain.Classify(reason); ok && found == id {
			return doctor.Evidence{Source: "log", Text: strings.TrimSpace(parsed.Message), Time: parsed.Time}, true
		}
	}
	return doctor.Evidence{}, false
}
