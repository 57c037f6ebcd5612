package check

import (
	"slices"
	"strings"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/explain"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// lastWords is what a container wrote before it ended, and the entry of the catalogue that the lines speak of.
type lastWords struct{ id, text string }

// arcLastWords reads the end of a container's log, that of the run that ended first.
func arcLastWords(s *snapshot.Snapshot, pod doctor.Object) lastWords {
	const looked, shown = 50, 3
	var lines []string
	for _, log := range s.Logs {
		if log.Namespace != pod.Namespace || log.Pod != pod.Name || log.Container != pod.Container || log.Error != "" {
			continue
		}
		if text := strings.TrimSpace(log.Text); text != "" && (lines == nil || log.Previous) {
			lines = strings.Split(text, "\n")
		}
	}
	words := lastWords{text: strings.Join(lines[max(0, len(lines)-shown):], "\n")}
	for _, line := range slices.Backward(lines[max(0, len(lines)-looked):]) {
		if id, _, ok := explain.Classify(line); ok && arcExplainsCrash(id) {
			words.id = id
			break
		}
	}
	return words
}

// arcExplainsCrash reports whether an entry names a reason for which an agent ends, not just that it did.
func arcExplainsCrash(id string) bool {
	return strings.HasPrefix(id, "NET-") || slices.Contains([]string{"ARC-08", "ARC-09", "ARC-10", "EXT-06", "EXT-07"}, id)
}
