package doctor

import (
	"slices"
	"strings"

	"github.com/fairlead/fairlead/doctor/snapshot"
)

// Evaluate runs checks over a snapshot and returns at least one finding for each, in the order of the checks, with symptoms
// folded under their causes. Asked are the ids and areas that the person named; it may be empty.
func Evaluate(checks []Check, s *snapshot.Snapshot, asked []string) []Finding {
	var all []Finding
	for _, check := range checks {
		for _, finding := range judge(&check, s, named(check.ID, asked)) {
			finding.ID = check.ID
			if finding.Title == "" {
				finding.Title = check.Title
			}
			if finding.Severity == "" {
				finding.Severity = check.Severity
			}
			all = append(all, finding)
		}
	}
	fold(checks, all)
	manage(s, all)
	return all
}

func named(id string, asked []string) bool {
	return slices.Contains(asked, id) || slices.Contains(asked, Area(id))
}

func judge(c *Check, s *snapshot.Snapshot, asked bool) []Finding { //nolint:revive // asked is what the person said, not a mode
	if _, lost := s.Client.Unreachable(); lost && !c.Offline {
		return []Finding{{Status: Skipped, Key: Unreachable, CausedBy: "CLI-06"}}
	}
	if reason := c.excuse(s); reason != "" && (!asked || !c.Asked) {
		return []Finding{{Status: Skipped, Key: reason}}
	}
	if found, stop := c.blind(s); stop {
		return found
	}
	return settle(c.Eval(s), c.gaps(s))
}

// excuse returns the reason for which the check does not apply, "" when it does or nobody knows.
func (c *Check) excuse(s *snapshot.Snapshot) string {
	if c.Applies == nil {
		return ""
	}
	for _, need := range c.AppliesNeeds {
		if !s.Known(need) {
			return ""
		}
	}
	return c.Applies(s)
}

// blind returns the only possible result when nothing of a need could be read.
func (c *Check) blind(s *snapshot.Snapshot) ([]Finding, bool) {
	for _, need := range c.Needs {
		if s.Partly(need) {
			continue
		}
		gap, _ := s.Missing(need)
		if probes(need) && gap.Reason == snapshot.NotAsked {
			return []Finding{{Status: Skipped, Key: NeedsProbe}}, true
		}
		return []Finding{unknown([]snapshot.Gap{gap})}, true
	}
	return nil, false
}

func probes(need snapshot.Need) bool {
	return need.Resource == snapshot.ProbeFromPod || need.Resource == snapshot.ProbeFromNode
}

// gaps returns what could not be read of what the check needs.
func (c *Check) gaps(s *snapshot.Snapshot) []snapshot.Gap {
	var gaps []snapshot.Gap
	for _, need := range c.Needs {
		if gap, missing := s.Missing(need); missing {
			gaps = append(gaps, gap)
		}
	}
	for _, need := range c.Logs {
		if gap, missing := s.MissingLog(need); missing {
			gaps = append(gaps, gap)
		}
	}
	return gaps
}

// settle makes a pass out of nothing found, unless something could not be seen.
func settle(found []Finding, gaps []snapshot.Gap) []Finding {
	for _, f := range found {
		if f.Status != Pass {
			return found
		}
	}
	if len(gaps) > 0 {
		return []Finding{unknown(gaps)}
	}
	if len(found) == 0 {
		return []Finding{{Status: Pass}}
	}
	return found
}

// unknown is a finding that names what would have to be readable.
func unknown(gaps []snapshot.Gap) Finding {
	var needs []string
	finding := Finding{Status: Unknown, Key: "unknownForbidden"}
	for _, gap := range gaps {
		if text := gap.Need.String(); !slices.Contains(needs, text) {
			needs = append(needs, text)
		}
		if gap.Reason != snapshot.Forbidden {
			finding.Key = "unknownFailed"
		}
		if gap.Detail != "" {
			finding.Evidence = append(finding.Evidence, Evidence{Source: "api", Text: gap.Detail})
		}
	}
	finding.Args = map[string]string{"needs": strings.Join(needs, ", ")}
	return finding
}
