package odata

import (
	"cmp"
	"strings"
	"time"
)

// Text compares a text, without regard to case, as Azure does with names, ids and tags.
func (t Term) Text(actual string) bool {
	actual, wanted := strings.ToLower(actual), strings.ToLower(t.Value)
	switch t.Op {
	case StartsWith:
		return strings.HasPrefix(actual, wanted)
	case EndsWith:
		return strings.HasSuffix(actual, wanted)
	case Contains:
		return strings.Contains(actual, wanted)
	default:
		return t.ordered(cmp.Compare(actual, wanted))
	}
}

// Time compares a time. A value that is no time is equal to none; Moment tells beforehand.
func (t Term) Time(actual time.Time) bool {
	wanted, ok := t.Moment()
	return ok && t.ordered(actual.Compare(wanted))
}

// Moment returns the value as a time; one without a zone is in UTC.
func (t Term) Moment() (time.Time, bool) {
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", time.DateOnly} {
		if moment, err := time.Parse(form, strings.ToUpper(t.Value)); err == nil {
			return moment.UTC(), true
		}
	}
	return time.Time{}, false
}

func (t Term) ordered(order int) bool {
	switch t.Op {
	case Eq:
		return order == 0
	case Ne:
		return order != 0
	case Gt:
		return order > 0
	case Ge:
		return order >= 0
	case Lt:
		return order < 0
	case Le:
		return order <= 0
	default:
		return false
	}
}
