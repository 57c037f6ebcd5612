package resource

import (
	"net/http"
	"regexp"
	"slices"

	"github.com/fairlead/fairlead"
)

// preconditions are what a client demands of the present state, by If-Match and If-None-Match: lists of etags, or *
// for any.
type preconditions struct{ match, none []string }

// maxETags bounds a list of etags, in bytes.
const maxETags = 2048

var (
	etagList = regexp.MustCompile(`^\s*(?:\*|(?:W/)?"?[^",\s]+"?(?:\s*,\s*(?:W/)?"?[^",\s]+"?)*)\s*$`)
	etag     = regexp.MustCompile(`(?:W/)?"?([^",\s]+)"?`)
)

func readPreconditions(header http.Header) (preconditions, error) {
	match, err := readETags(header, "If-Match")
	if err != nil {
		return preconditions{}, err
	}
	none, err := readETags(header, "If-None-Match")
	return preconditions{match, none}, err
}

// readETags takes etags without quotes, too: clients that keep them from documents send them so.
func readETags(header http.Header, name string) ([]string, error) {
	text := header.Get(name)
	if text == "" {
		return nil, nil
	}
	if len(text) > maxETags || !etagList.MatchString(text) {
		return nil, fairlead.Errorf(fairlead.Invalid, "The header %s is neither * nor a list of etags.", name).WithCode("InvalidHeaderValue")
	}
	var all []string
	for _, found := range etag.FindAllStringSubmatch(text, -1) {
		all = append(all, found[1])
	}
	return all, nil
}

// check compares with the stored etag, which is empty when there is no resource.
func (p preconditions) check(stored string) error {
	switch {
	case stored == "" && slices.Contains(p.match, "*"):
		return fairlead.Errorf(fairlead.PreconditionFailed, "The resource does not exist, and If-Match demands that it does.")
	case stored != "" && slices.Contains(p.none, "*"):
		return fairlead.Errorf(fairlead.PreconditionFailed, "The resource exists already, and If-None-Match demands that it does not.")
	case stored != "" && slices.Contains(p.none, stored):
		return fairlead.Errorf(fairlead.PreconditionFailed, "The resource still has the etag that If-None-Match excludes.")
	case len(p.match) > 0 && !slices.Contains(p.match, "*") && !slices.Contains(p.match, stored):
		return fairlead.Errorf(fairlead.PreconditionFailed, "The resource has changed: its etag is not the one in If-Match.")
	default:
		return nil
	}
}
