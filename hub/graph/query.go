package graph

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/fairlead/fairlead/store"
)

// The lengths of a page: as Graph has them.
const (
	defaultTop = 100
	maxTop     = 999
)

// options are the OData options of a request for objects.
type options struct {
	query  store.PrincipalQuery
	top    int
	fields []string // lower case; none stands for all
	count  bool
	show   func(store.Principal) object // shown, if nil
}

// readOptions understands what clients use. $expand is left aside, as Graph shows objects without it too; what would
// change which objects are shown is refused when it is not understood.
func readOptions(r *http.Request, kinds ...string) (options, error) {
	values := r.URL.Query()
	o := options{query: store.PrincipalQuery{Kinds: kinds}, top: defaultTop, count: strings.EqualFold(values.Get("$count"), "true")}
	for _, name := range []string{"$search", "$skip"} {
		if values.Get(name) != "" {
			return o, invalid("%s is not supported here: use $filter, and @odata.nextLink for more", name)
		}
	}
	if err := parseFilter(values.Get("$filter"), &o.query); err != nil {
		return o, err
	}
	if text := values.Get("$top"); text != "" {
		top, err := strconv.Atoi(text)
		if err != nil || top < 1 || top > maxTop {
			return o, invalid("Invalid page size specified: '%.20s'. Must be between 1 and %d inclusive", text, maxTop)
		}
		o.top = top
	}
	after, err := readSkip(values.Get("$skiptoken"))
	o.query.After, o.query.Limit, o.fields = after, o.top+1, readSelect(values)
	return o, err
}

func readSelect(values url.Values) []string {
	var fields []string
	for field := range strings.SplitSeq(values.Get("$select"), ",") {
		if field = strings.ToLower(strings.TrimSpace(field)); field != "" && len(fields) < 100 {
			fields = append(fields, field)
		}
	}
	return fields
}

// A skip token is the id after which the next page begins. It is encoded so that nobody makes one by hand.
func skipToken(after string) string { return base64.RawURLEncoding.EncodeToString([]byte(after)) }

func readSkip(token string) (string, error) {
	after, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(after) > 64 || !validText(string(after)) {
		return "", invalid("the $skiptoken is not one of this directory's")
	}
	return string(after), nil
}

// validText keeps out what databases refuse in texts.
func validText(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }

// collection is a page of objects.
type collection struct {
	Context string   `json:"@odata.context,omitempty"`  //nolint:tagliatelle // OData has it so
	Count   *int64   `json:"@odata.count,omitempty"`    //nolint:tagliatelle // OData has it so
	Next    string   `json:"@odata.nextLink,omitempty"` //nolint:tagliatelle // OData has it so
	Value   []object `json:"value"`
}

// paged shows what was found by a query that asked for one more than a page holds.
func (o options) paged(r *http.Request, found []store.Principal) collection {
	page := collection{Value: []object{}, Context: contextOf(r)}
	show := shown
	if o.show != nil {
		show = o.show
	}
	if len(found) > o.top {
		found = found[:o.top]
		page.Next = nextLink(r, found[o.top-1].ObjectID)
	}
	for _, one := range found {
		page.Value = append(page.Value, show(one).only(o.fields))
	}
	return page
}

// nextLink repeats a request from where its answer ended, on the host at which the client has it from: the
// directory has several names, and clients do not carry their token from one to the other.
func nextLink(r *http.Request, after string) string {
	query := r.URL.Query()
	query.Set("$skiptoken", skipToken(after))
	next := url.URL{Scheme: "https", Host: r.Host, Path: r.URL.Path, RawQuery: query.Encode()}
	return next.String()
}

func contextOf(r *http.Request) string {
	context := url.URL{Scheme: "https", Host: r.Host, Path: "/v1.0/$metadata", Fragment: "directoryObjects"}
	return context.String()
}

// only leaves the fields that $select names, and what identifies an object.
func (o object) only(fields []string) object {
	if len(fields) == 0 {
		return o
	}
	kept := object{}
	for name, value := range o {
		if name == "id" || name == "@odata.type" || slices.Contains(fields, strings.ToLower(name)) {
			kept[name] = value
		}
	}
	return kept
}
