package graph

import (
	"net/http"
	"slices"
	"strings"

	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

const (
	// How many ids one answer of getMemberObjects holds: as many as Graph answers at all. More follow by nextLink.
	maxMemberObjects = 11_000
	// How many ids a request may ask about: Graph's own limits.
	maxChecked = 20
	maxIDs     = 1000
	// Bounds a request that may name a thousand ids.
	maxIDsBody = 128 << 10
)

// related lists principals in a relation to the one that the path names, which is of one of these kinds.
func (a *API) related(relation store.Relation, kinds ...string) answer {
	return func(_ http.ResponseWriter, r *http.Request) (int, any, error) {
		of, err := a.find(r, kinds...)
		if err != nil {
			return 0, nil, err
		}
		o, err := readOptions(r)
		if err != nil {
			return 0, nil, err
		}
		o.query.Kinds = castKinds(r.PathValue("cast"))
		found, err := a.Store.Related(r.Context(), relation, of.ObjectID, o.query)
		if err != nil {
			return 0, nil, err
		}
		page := o.paged(r, found)
		if o.count {
			total := o.query
			total.After = ""
			count, err := a.Store.CountRelated(r.Context(), relation, of.ObjectID, total)
			if err != nil {
				return 0, nil, err
			}
			page.Count = &count
		}
		return http.StatusOK, page, nil
	}
}

// castKinds understands the last segment of …/members/microsoft.graph.user; an unknown type has no objects.
func castKinds(cast string) []string {
	switch cast {
	case "":
		return nil
	case "microsoft.graph.user":
		return []string{store.User}
	case "microsoft.graph.group":
		return []string{store.Group}
	case "microsoft.graph.serviceprincipal":
		return serviceKinds()
	}
	return []string{""}
}

// ids is an answer that lists object ids.
type ids struct {
	Context string   `json:"@odata.context"`            //nolint:tagliatelle // OData has it so
	Next    string   `json:"@odata.nextLink,omitempty"` //nolint:tagliatelle // OData has it so
	Value   []string `json:"value"`
}

// memberObjects answers getMemberGroups and getMemberObjects, which are the same here: all groups are security groups,
// and there are no directory roles.
func (a *API) memberObjects(kinds ...string) answer {
	return func(_ http.ResponseWriter, r *http.Request) (int, any, error) {
		of, err := a.find(r, kinds...)
		if err != nil {
			return 0, nil, err
		}
		o, err := readOptions(r)
		if err != nil {
			return 0, nil, err
		}
		if r.URL.Query().Get("$top") == "" {
			o.top = maxMemberObjects
		}
		groups, err := a.Store.GroupIDs(r.Context(), of.ObjectID, 0)
		if err != nil {
			return 0, nil, err
		}
		from, there := slices.BinarySearch(groups, o.query.After)
		if there {
			from++
		}
		groups = groups[from:]
		shown := ids{Context: contextOf(r), Value: slices.Clone(groups[:min(o.top, len(groups))])}
		if len(groups) > o.top {
			shown.Next = nextLink(r, groups[o.top-1])
		}
		if shown.Value == nil {
			shown.Value = []string{}
		}
		return http.StatusOK, shown, nil
	}
}

// checkMembers answers checkMemberGroups and checkMemberObjects: which of the groups that the request names it is in.
func (a *API) checkMembers(kinds ...string) answer {
	return func(w http.ResponseWriter, r *http.Request) (int, any, error) {
		of, err := a.find(r, kinds...)
		if err != nil {
			return 0, nil, err
		}
		var sent struct {
			Groups  []string `json:"groupIds"`
			Objects []string `json:"ids"`
		}
		if err := reply.Decode(w, r, maxBody, &sent); err != nil {
			return 0, nil, err
		}
		asked := slices.Concat(sent.Groups, sent.Objects)
		if len(asked) == 0 || len(asked) > maxChecked {
			return 0, nil, invalid("between 1 and %d ids can be checked at once", maxChecked)
		}
		groups, err := a.Store.GroupIDs(r.Context(), of.ObjectID, 0)
		if err != nil {
			return 0, nil, err
		}
		shown := ids{Context: contextOf(r), Value: []string{}}
		for _, id := range asked {
			if _, in := slices.BinarySearch(groups, strings.ToLower(id)); in {
				shown.Value = append(shown.Value, id)
			}
		}
		return http.StatusOK, shown, nil
	}
}

// byIDs answers directoryObjects/getByIds: those that exist, of the types that the request names.
func (a *API) byIDs(w http.ResponseWriter, r *http.Request) (int, any, error) {
	var sent struct {
		IDs   []string `json:"ids"`
		Types []string `json:"types"`
	}
	if err := reply.Decode(w, r, maxIDsBody, &sent); err != nil {
		return 0, nil, err
	}
	if len(sent.IDs) == 0 || len(sent.IDs) > maxIDs {
		return 0, nil, invalid("between 1 and %d ids can be looked up at once", maxIDs)
	}
	query := store.PrincipalQuery{Kinds: kindsOf(sent.Types)}
	for _, id := range sent.IDs {
		if !validText(id) {
			return 0, nil, invalid("an id is not text")
		}
		query.ObjectIDs = append(query.ObjectIDs, strings.ToLower(id))
	}
	found, err := a.Store.FindPrincipals(r.Context(), query)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, options{top: maxIDs}.paged(r, found), nil
}

func kindsOf(types []string) []string {
	var kinds []string
	for _, name := range types {
		kinds = append(kinds, castKinds("microsoft.graph."+strings.ToLower(name))...)
		if strings.EqualFold(name, "directoryObject") {
			return nil
		}
	}
	return kinds
}
