package resource

import (
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead/hub/odata"
	"github.com/fairlead/fairlead/store"
)

// selector decides by a $filter which resources a list shows.
type selector struct{ filter odata.Filter }

// readSelector refuses filters by properties that nobody can filter by: to ignore one would show too much.
func readSelector(text string) (selector, error) {
	filter, err := odata.Parse(text)
	if err != nil {
		return selector{}, err
	}
	for _, term := range filter.Terms() {
		_, isTime := momentOf(term.Name, store.Resource{})
		_, timely := term.Moment()
		text := slices.Contains([]string{
			"resourcetype", "name", "location", "resourcegroup", "tagname", "tagvalue", "kind", "managedby",
			"identity/principalid", "plan/name", "plan/publisher", "plan/product", "plan/version", "provisioningstate", "properties/provisioningstate",
		}, term.Name)
		if term.Op == odata.Call || !text && (!isTime || !timely) {
			return selector{}, odata.Invalid(textOf(term))
		}
	}
	return selector{filter}, nil
}

func textOf(term odata.Term) string {
	return term.Name + " " + string(term.Op) + " '" + term.Value + "'"
}

// kind returns the type that the filter demands, in lower case, if it demands one.
func (s selector) kind() string {
	for _, term := range s.filter.Required() {
		if term.Name == "resourcetype" && term.Op == odata.Eq {
			return strings.ToLower(term.Value)
		}
	}
	return ""
}

func (s selector) matches(kind *Type, stored store.Resource) (bool, error) {
	if len(s.filter.Terms()) == 0 {
		return true, nil
	}
	document, err := ReadDocument(stored.Body)
	if err != nil {
		return false, err
	}
	named := s.namedTag()
	return s.filter.Match(func(term odata.Term) bool {
		if moment, ok := momentOf(term.Name, stored); ok {
			return term.Time(moment)
		}
		switch term.Name {
		case "tagname":
			return anyTag(document, func(name, _ string) bool { return term.Text(name) })
		case "tagvalue":
			return anyTag(document, func(name, value string) bool {
				return (named == "" || strings.EqualFold(name, named)) && term.Text(value)
			})
		}
		return term.Text(property(term.Name, kind, stored, document))
	}), nil
}

// namedTag returns the tag that the filter demands: a value is demanded of that tag then, not of any.
func (s selector) namedTag() string {
	for _, term := range s.filter.Required() {
		if term.Name == "tagname" && term.Op == odata.Eq {
			return term.Value
		}
	}
	return ""
}

func momentOf(name string, stored store.Resource) (time.Time, bool) {
	switch name {
	case "createdtime":
		return stored.CreatedAt, true
	case "changedtime":
		return stored.UpdatedAt, true
	default:
		return time.Time{}, false
	}
}

func property(name string, kind *Type, stored store.Resource, document Document) string {
	switch name {
	case "resourcetype":
		return kind.Name
	case "name":
		return stored.Name
	case "resourcegroup":
		return stored.ResourceGroup
	case "identity/principalid":
		return document.Text("identity.principalId")
	case "managedby":
		return document.Text("managedBy")
	case "provisioningstate", "properties/provisioningstate":
		return document.Text(statePath)
	default:
		return document.Text(strings.ReplaceAll(name, "/", "."))
	}
}

func anyTag(document Document, holds func(name, value string) bool) bool {
	tags, _ := document["tags"].(map[string]any)
	for name, value := range tags {
		if text, ok := value.(string); ok && holds(name, text) {
			return true
		}
	}
	return false
}
