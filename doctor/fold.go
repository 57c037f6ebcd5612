package doctor

// fold names for every problem the finding that explains it: the first id of its After list, then of its check's, that has a
// problem in the same scope. A cause that is itself explained passes its own explanation on only through its id, so a reader
// can follow the chain.
func fold(checks []Check, all []Finding) {
	after := map[string][]string{}
	for i := range checks {
		after[checks[i].ID] = checks[i].After
	}
	for i := range all {
		if !all[i].Problem() {
			continue
		}
		for _, id := range append(append([]string{}, all[i].After...), after[all[i].ID]...) {
			if explains(all, id, &all[i]) {
				all[i].CausedBy = id
				break
			}
		}
	}
	breakCircles(all)
}

// explains reports whether a problem of an id explains a symptom. A mere warning does not explain a failure.
func explains(all []Finding, id string, symptom *Finding) bool {
	for i := range all {
		cause := &all[i]
		if cause.ID != id || cause == symptom || !cause.Problem() {
			continue
		}
		if cause.Status == Warn && symptom.Status == Fail && cause.ID != symptom.ID && !cause.explainsFailures() {
			continue
		}
		if cause.Scope == "" || symptom.Scope == "" || cause.Scope == symptom.Scope {
			return true
		}
	}
	return false
}

// explainsFailures is true of warnings that say in their severity that they break things.
func (f *Finding) explainsFailures() bool { return f.Severity == High || f.Severity == Critical }

// breakCircles makes roots of findings that explain each other: a circle would hide both.
func breakCircles(all []Finding) {
	cause := map[string]string{}
	for _, f := range all {
		if f.Problem() && cause[f.ID] == "" {
			cause[f.ID] = f.CausedBy
		}
	}
	for i := range all {
		if all[i].CausedBy != "" && leadsTo(cause, all[i].CausedBy, all[i].ID) {
			cause[all[i].ID] = ""
			all[i].CausedBy = ""
		}
	}
}

func leadsTo(cause map[string]string, from, to string) bool {
	for range len(cause) + 1 {
		if from == to {
			return true
		}
		if from = cause[from]; from == "" {
			return false
		}
	}
	return false
}
