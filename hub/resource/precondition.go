package resource

import (
	"net/http"
	"strings"

	"github.com/fairlead/fairlead"
)

// preconditions are what a client demands of the present state, by If-Match and If-None-Match.
type preconditions struct {
	match  string // an etag, * for any, empty for no demand
	absent bool
}

func readPreconditions(header http.Header) (preconditions, error) {
	match, none := header.Get("If-Match"), header.Get("If-None-Match")
	if none != "" && none != "*" {
		return preconditions{}, fairlead.Errorf(fairlead.Invalid, "Only * is understood in If-None-Match.").WithCode("InvalidHeaderValue")
	}
	match = strings.Trim(strings.TrimPrefix(match, "W/"), `"`)
	return preconditions{match, none == "*"}, nil
}

// check compares with the stored etag, which is empty when there is no resource.
func (p preconditions) check(etag string) error {
	switch {
	case p.absent && etag != "":
		return fairlead.Errorf(fairlead.PreconditionFailed, "The resource exists already, and If-None-Match demands that it does not.")
	case p.match == "*" && etag == "":
		return fairlead.Errorf(fairlead.PreconditionFailed, "The resource does not exist, and If-Match demands that it does.")
	case p.match != "" && p.match != "*" && p.match != etag:
		return fairlead.Errorf(fairlead.PreconditionFailed, "The resource has changed: its etag is not the one in If-Match.")
	default:
		return nil
	}
}
