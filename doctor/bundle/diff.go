package bundle

import "github.com/fairlead/fairlead/doctor"

// Change is one difference between the findings of two snapshots. Before or After is empty when the finding
// is new or gone.
type Change struct {
	ID     string        `json:"id"`
	Title  string        `json:"title"`
	Before doctor.Status `json:"before"`
	After  doctor.Status `json:"after"`
	// BeforeReason and AfterReason say what was found.
	BeforeReason string `json:"beforeReason,omitempty"`
	AfterReason  string `json:"afterReason,omitempty"`
}

// Diff compares two reports id by id, the worst finding of each standing for it.
func Diff(before, after doctor.Report) []Change {
	changes := []Change{}
	was, is := worst(before), worst(after)
	seen := map[string]bool{}
	for _, report := range []doctor.Report{after, before} {
		for _, r := range report.Findings {
			if seen[r.ID] {
				continue
			}
			seen[r.ID] = true
			a, b := was[r.ID], is[r.ID]
			if a.Status != b.Status || a.Status != doctor.Pass && a.Reason != b.Reason {
				changes = append(changes, Change{ID: r.ID, Title: r.Title, Before: a.Status, After: b.Status, BeforeReason: a.Reason, AfterReason: b.Reason})
			}
		}
	}
	return changes
}

func worst(report doctor.Report) map[string]doctor.Result {
	rank := map[doctor.Status]int{doctor.Skipped: 1, doctor.Pass: 2, doctor.Unknown: 3, doctor.Warn: 4, doctor.Fail: 5}
	found := map[string]doctor.Result{}
	for _, r := range report.Findings {
		if rank[r.Status] > rank[found[r.ID].Status] {
			found[r.ID] = r
		}
	}
	return found
}
