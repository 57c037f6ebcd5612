package check

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/explain"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// extStatus is what the status of an ExtensionConfig says. Versions of the agents lay it out in different ways, so it is read by its words.
type extStatus struct {
	Object   doctor.Object
	Type     string // such as microsoft.flux
	Failed   bool
	Messages []string
}

func extStatuses(s *snapshot.Snapshot) []extStatus {
	var all []extStatus
	for i := range s.Custom[snapshot.ExtensionConfigs] {
		u := &s.Custom[snapshot.ExtensionConfigs][i]
		status := extStatus{
			Object: doctor.Object{Kind: "ExtensionConfig", Namespace: u.GetNamespace(), Name: u.GetName()},
			Type:   extText(u, "spec", "extensionType"),
		}
		status.read("", u.Object["status"])
		all = append(all, status)
	}
	return all
}

func extText(u *unstructured.Unstructured, path ...string) string {
	text, _, _ := unstructured.NestedString(u.Object, path...)
	return text
}

// read walks a status for what it calls itself and for what it says.
func (s *extStatus) read(key string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			s.read(name, inner)
		}
	case []any:
		for _, inner := range value {
			s.read(key, inner)
		}
	case string:
		s.word(strings.ToLower(key), value)
	}
}

func (s *extStatus) word(key, value string) {
	switch {
	case strings.EqualFold(value, "failed") && slices.Contains([]string{"status", "state", "provisioningstate", "installationstate", "installstate", "code"}, key):
		s.Failed = true
	case strings.EqualFold(value, "error") && key == "level":
		s.Failed = true
	case strings.Contains(key, "message") || strings.Contains(key, "error"):
		if value != "" {
			s.Messages = append(s.Messages, value)
			slices.Sort(s.Messages)
		}
	}
}

// about returns the messages of a failed status that speak of one entry. Without a word for its state a message that is an error
// counts as well.
func (s *extStatus) about(id string) []string {
	var said []string
	for _, message := range s.Messages {
		if found, _, ok := explain.Classify(message); ok && found == id && (s.Failed || strings.Contains(strings.ToLower(message), "error")) {
			said = append(said, message)
		}
	}
	return said
}

func (s *extStatus) flux() bool {
	return strings.EqualFold(s.Type, "microsoft.flux") || s.Object.Name == "flux"
}

func extensionSilent() doctor.Check {
	return extensionAgent(doctor.Check{
		ID: "EXT-01", Severity: doctor.High, Uses: []snapshot.Need{snapshot.Everywhere(snapshot.ExtensionConfigs)},
		After: []string{"EXT-02", "EXT-03", "EXT-04", "EXT-09", "EXT-05", "EXT-06", "EXT-07", "EXT-08", "ARC-07", "HLM-04", "ARC-05", "ARC-04", "ARC-06", "NET-01", "NET-02", "NET-03", "NET-04"},
		Eval:  judgeExtensionSilence,
	})
}

func judgeExtensionSilence(s *snapshot.Snapshot) []doctor.Finding {
	finding := doctor.Finding{Status: doctor.Fail, Key: "clientLog", Remedies: []doctor.Remedy{{Key: "agents", Risk: doctor.Manual, Commands: []string{
		"kubectl get pods -n " + extSystem, "kubectl get pods -n " + arcSpace,
	}}}}
	for _, line := range extClientLines(s) {
		if id, _, ok := explain.Classify(line); ok && id == "EXT-01" {
			finding.Evidence = arcSay(finding.Evidence, doctor.Evidence{Source: "client", Text: strings.TrimSpace(line)})
		}
	}
	for _, status := range extStatuses(s) {
		for _, message := range status.about("EXT-01") {
			finding.Key = "status"
			finding.Objects = append(finding.Objects, status.Object)
			finding.Evidence = arcSay(finding.Evidence, doctor.Evidence{Source: "status", Object: status.Object.String(), Text: message})
		}
	}
	if len(finding.Evidence) == 0 {
		return unlessUnseen(s, nil, snapshot.Everywhere(snapshot.ExtensionConfigs))
	}
	return []doctor.Finding{finding}
}

// extClientLines are the last lines of the client's log; what went wrong stands at its end.
func extClientLines(s *snapshot.Snapshot) []string {
	const enough = 2000
	lines := strings.Split(strings.TrimSpace(s.Client.Log), "\n")
	return lines[max(0, len(lines)-enough):]
}
