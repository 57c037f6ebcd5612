package resource

import (
	"net/http"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
)

// target is what a path points at: a resource (id), a collection (scope and id of any member) or a
// POST action on a resource.
type target struct {
	kind   *Type
	id     fairlead.ResourceID
	scope  string // of a collection: "/" or an id
	action string
}

// resolve finds the type and the resource, collection or action of a path.
func (a *API) resolve(r *http.Request) (target, error) {
	path := r.URL.Path
	id, invalid := fairlead.ParseResourceID(path)
	if invalid == nil {
		return a.item(id)
	}
	if r.Method == http.MethodPost {
		at := strings.LastIndex(path, "/")
		if id, err := fairlead.ParseResourceID(path[:at]); err == nil {
			found, err := a.item(id)
			found.action = strings.ToLower(path[at+1:])
			return found, err
		}
	}
	member, err := fairlead.ParseResourceID(path + "/_")
	if err != nil {
		return target{}, invalid
	}
	return a.collection(member)
}

func (a *API) item(id fairlead.ResourceID) (target, error) {
	kind := a.kind(id.Type())
	if kind == nil {
		return target{}, a.unknownType(id)
	}
	found := target{kind: kind, id: a.spelled(id)}
	placed := map[Level]bool{
		InGroup:        id.Scope == "" && id.ResourceGroup != "",
		InSubscription: id.Scope == "" && id.Subscription != "",
		Anywhere:       true,
	}
	if !placed[kind.Level] {
		return target{}, fairlead.Errorf(fairlead.NotFound, "Resources of type '%s' do not live at '%s'.",
			kind.Name, enclosing(found.id)).WithCode("InvalidResourceType")
	}
	return found, nil
}

// collection is item for any member of a list; resources in groups are listed by subscription too.
func (a *API) collection(member fairlead.ResourceID) (target, error) {
	if kind := a.kind(member.Type()); kind != nil && kind.Level == InGroup && member.Scope == "" && member.Subscription != "" {
		id := a.spelled(member)
		return target{kind: kind, id: id, scope: enclosing(id)}, nil
	}
	found, err := a.item(member)
	found.scope = enclosing(found.id)
	return found, err
}

// spelled gives the fixed segments of an id their proper spelling, those of its scope too.
func (a *API) spelled(id fairlead.ResourceID) fairlead.ResourceID {
	if kind := a.kind(id.Type()); kind != nil {
		id = kind.spelled(id)
	} else if outer := len(id.Types) - 1; outer > 0 { // such as a namespace of a cluster, which is not kept here
		within := id
		within.Types, within.Names = slices.Clone(id.Types[:outer]), id.Names[:outer]
		within = a.spelled(within)
		id.Namespace, id.Types = within.Namespace, append(within.Types, id.Types[outer])
	}
	if scope, err := fairlead.ParseResourceID(id.Scope); err == nil {
		id.Scope = a.spelled(scope).String()
	}
	return id
}

// enclosing returns the id of what a resource lives in or on, "/" for the root.
func enclosing(id fairlead.ResourceID) string {
	switch {
	case len(id.Types) > 1:
		id.Types, id.Names = id.Types[:len(id.Types)-1], id.Names[:len(id.Names)-1]
		return id.String()
	case id.Scope != "":
		return id.Scope
	case id.Namespace != "" && id.Subscription == "":
		return "/"
	case id.Namespace != "":
		return fairlead.ResourceID{Subscription: id.Subscription, ResourceGroup: id.ResourceGroup}.String()
	case id.ResourceGroup != "":
		return fairlead.ResourceID{Subscription: id.Subscription}.String()
	default:
		return "/"
	}
}

func (a *API) kind(name string) *Type { return a.kinds[strings.ToLower(name)] }

func (a *API) unknownType(id fairlead.ResourceID) error {
	for _, kind := range a.kinds {
		if id.Namespace != "" && strings.EqualFold(kind.namespace(), id.Namespace) {
			return fairlead.Errorf(fairlead.NotFound, "The resource type '%s' could not be found in the namespace '%s'.",
				strings.Join(id.Types, "/"), id.Namespace).WithCode("InvalidResourceType")
		}
	}
	return fairlead.Errorf(fairlead.NotFound, "The resource namespace '%s' is invalid.", id.Namespace).WithCode("InvalidResourceNamespace")
}
