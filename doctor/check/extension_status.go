package check

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/explain"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// extStatus is what the status of an ExtensionConfig says. Fairlead's own agents say exactly what they mean; others lay it out in
// different ways, so that theirs is read by its words.
type extStatus struct {
	Object   doctor.Object
	Type     string // such as microsoft.flux
	Scope    string // namespace of the object at fault, else of its release, where the spec says it
	Release  string // its release as NAMESPACE/NAME, where the spec says it
	Failed   bool
	Messages []string
	// Exact is what Fairlead's agents found out about the failure, nil from others and without one.
	Exact *fairlead.ExtensionError
}

func extStatuses(s *snapshot.Snapshot) []extStatus {
	var all []extStatus
	for i := range s.Custom[snapshot.ExtensionConfigs] {
		u := &s.Custom[snapshot.ExtensionConfigs][i]
		status := extStatus{
			Object: doctor.Object{Kind: "ExtensionConfig", Namespace: u.GetNamespace(), Name: u.GetName()},
			Type:   extText(u, "spec", "extensionType"),
			Scope:  extText(u, "spec", "releaseNamespace"),
		}
		if name := extText(u, "spec", "releaseName"); name != "" {
			status.Release = status.Scope + "/" + name
		}
		if !status.readOwn(u.Object["status"]) {
			status.read("", u.Object["status"])
		}
		if at := status.target().Namespace; at != "" {
			status.Scope = at // a chart may put its objects elsewhere
		}
		all = append(all, status)
	}
	return all
}

func extText(u *unstructured.Unstructured, path ...string) string {
	text, _, _ := unstructured.NestedString(u.Object, path...)
	return text
}

// readOwn reads a status of Fairlead's agents, and reports whether it is one.
func (s *extStatus) readOwn(value any) bool {
	fields, _ := value.(map[string]any)
	if _, own := fields["observedGeneration"]; !own || fields["provisioningState"] == nil {
		return false
	}
	content, err := json.Marshal(fields)
	var state fairlead.ExtensionState
	if err != nil || json.Unmarshal(content, &state) != nil {
		return false
	}
	s.Failed = state.ProvisioningState == fairlead.ExtensionFailed
	if state.ErrorInfo == nil {
		return true
	}
	s.Exact = state.ErrorInfo
	if s.Exact.Message != "" {
		s.Messages = []string{s.Exact.Message}
	}
	return true
}

// entry is the id of the catalogue's entry that the agents name, empty when they name none.
func (s *extStatus) entry() string {
	if s.Exact == nil {
		return ""
	}
	return s.Exact.DoctorID
}

// target is the object that the agents name as the one at fault, KIND/NAMESPACE/NAME or, without a namespace, KIND/NAME; zero when it
// is none: charts and files of charts are at fault, too.
func (s *extStatus) target() doctor.Object {
	if s.Exact == nil {
		return doctor.Object{}
	}
	m := regexp.MustCompile(`^([A-Z][A-Za-z0-9]*)/(?:([a-z0-9][a-z0-9-]*)?/)?([A-Za-z0-9][A-Za-z0-9.:_-]*)(?:\[([^\]]+)\])?$`).FindStringSubmatch(s.Exact.Target)
	if m == nil {
		return doctor.Object{}
	}
	return doctor.Object{Kind: m[1], Namespace: m[2], Name: m[3], Container: m[4]}
}

// seen is what the agents saw, as evidence.
func (s *extStatus) seen() []doctor.Evidence {
	if s.Exact == nil {
		return nil
	}
	var all []doctor.Evidence
	for _, text := range append([]string{s.Exact.Cause}, s.Exact.Evidence...) {
		if text != "" {
			all = append(all, doctor.Evidence{Source: "status", Object: s.Object.String(), Text: text})
		}
	}
	return all
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
	if entry := s.entry(); entry != "" {
		if entry == id && s.Failed {
			return s.Messages
		}
		return nil
	}
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
			for _, seen := range status.seen() {
				finding.Evidence = arcSay(finding.Evidence, seen)
			}
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
