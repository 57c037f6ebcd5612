package store

import (
	"strings"

	"github.com/fairlead/fairlead"
)

// Condition says in which state a resource must be for a write to happen.
type Condition string

// The conditions beside MatchETag.
const (
	AnyState      Condition = ""
	MustBeAbsent  Condition = "absent"
	MustBePresent Condition = "present"
	NothingBelow  Condition = "nothing below" // for deletion only
)

const etagPrefix = "etag:"

// MatchETag demands that the resource exists with this etag.
func MatchETag(etag string) Condition { return Condition(etagPrefix + etag) }

// check compares the condition with what is stored: the empty string stands for nothing.
func (c Condition) check(key, stored string) error {
	wanted, byTag := strings.CutPrefix(string(c), etagPrefix)
	switch {
	case c == MustBeAbsent && stored != "":
		return fairlead.Errorf(fairlead.Conflict, "%s exists already", key)
	case c == MustBePresent && stored == "":
		return fairlead.Errorf(fairlead.PreconditionFailed, "%s does not exist", key)
	case byTag && stored != wanted:
		return fairlead.Errorf(fairlead.PreconditionFailed, "%s has changed since it was read", key)
	default:
		return nil
	}
}
