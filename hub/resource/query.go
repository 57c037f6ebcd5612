package resource

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead/fairlead"
)

const (
	pageSize  = 500
	maxFilter = 1024
)

var apiVersion = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(-[a-z0-9.]{1,32})?$`)

// query holds the parameters that the engine understands; names are matched without case.
type query struct {
	version string
	filter  string
	expand  string
	after   string // the key after which the page begins
	top     int
}

func readQuery(raw string) (query, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return query{}, badParameter("The query string is not well-formed.")
	}
	q := query{top: pageSize}
	for name, all := range values {
		if err := q.read(strings.ToLower(name), all[0]); err != nil {
			return query{}, err
		}
	}
	return q, nil
}

func (q *query) read(name, value string) error {
	switch name {
	case "api-version":
		q.version = strings.ToLower(value)
	case "$filter":
		if len(value) > maxFilter {
			return badParameter("The filter is longer than %d bytes.", maxFilter)
		}
		q.filter = value
	case "$expand":
		if len(value) > maxFilter {
			return badParameter("The value of $expand is longer than %d bytes.", maxFilter)
		}
		q.expand = value
	case "$top":
		return q.readTop(value)
	case "$skiptoken":
		return q.readToken(value)
	}
	return nil
}

// readToken takes the tokens that next makes, which hold the key of a resource, and no others.
func (q *query) readToken(value string) error {
	after, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil {
		return badParameter("The continuation token is not valid.")
	}
	if id, err := fairlead.ParseResourceID(string(after)); len(after) > 0 && (err != nil || id.Key() != string(after)) {
		return badParameter("The continuation token is not valid.")
	}
	q.after = string(after)
	return nil
}

func (q *query) readTop(value string) error {
	top, err := strconv.Atoi(value)
	if err != nil || top < 1 {
		return badParameter("The value '%.20s' of $top is not a positive number.", value)
	}
	q.top = min(top, pageSize)
	return nil
}

// next returns the query string of the page after key.
func (q query) next(key string, top int) string {
	values := url.Values{"$skiptoken": {base64.RawURLEncoding.EncodeToString([]byte(key))}}
	if q.version != "" {
		values.Set("api-version", q.version)
	}
	if q.filter != "" {
		values.Set("$filter", q.filter)
	}
	if q.expand != "" {
		values.Set("$expand", q.expand)
	}
	if top != pageSize {
		values.Set("$top", strconv.Itoa(top))
	}
	return values.Encode()
}

// checkVersion refuses a missing, malformed or unknown api-version.
func (q query) checkVersion(t *Type) error {
	switch {
	case len(t.APIVersions) == 0:
		return nil
	case q.version == "":
		return fairlead.Errorf(fairlead.Invalid, "The api-version query parameter (?api-version=) is required for all requests.").
			WithCode("MissingApiVersionParameter")
	case slices.Contains(t.APIVersions, q.version):
		return nil
	case !apiVersion.MatchString(q.version):
		return fairlead.Errorf(fairlead.Invalid, "The api-version '%.64s' is invalid. The supported versions are '%s'.",
			q.version, strings.Join(t.APIVersions, ",")).WithCode("InvalidApiVersionParameter")
	}
	return fairlead.Errorf(fairlead.Invalid, "No registered resource provider found for location '%s' and API version '%s' for type '%s'. "+
		"The supported api-versions are '%s'. The supported locations are '%s'.", strings.Join(t.Locations, ", "), q.version,
		strings.TrimPrefix(t.Name, t.namespace()+"/"), strings.Join(t.APIVersions, ", "), strings.Join(t.Locations, ", ")).
		WithCode("NoRegisteredProviderFound")
}

func badParameter(format string, args ...any) error {
	return fairlead.Errorf(fairlead.Invalid, format, args...).WithCode("InvalidQueryParameterValue")
}
