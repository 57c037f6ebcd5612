package resource

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/fairlead/fairlead"
)

// Azure's limits on tags.
const (
	maxTags     = 50
	maxTagName  = 512
	maxTagValue = 256

	reservedInTags = `<>%&\?/`
)

// statePath is the engine's own property: clients never set it.
const statePath = "properties.provisioningState"

// replaced returns what a PUT of sent makes of old (nil when there is none).
func (t *Type) replaced(before, sent Document) Document {
	old := clone(before)
	result := Document(Merge(nil, sent)) // drops nulls, which say the same as leaving out
	t.protect(old, result)
	for _, path := range t.Keep {
		keep(old, result, path)
	}
	return result
}

// patched returns what a PATCH makes of old: a merge patch, but tags are replaced as a whole,
// which is how clients clear them.
func (t *Type) patched(old, sent Document) Document {
	target, patch := clone(old), clone(sent)
	if tags, sent := patch["tags"]; sent {
		target["tags"] = tags
		delete(patch, "tags")
	}
	result := Document(Merge(target, patch))
	t.protect(clone(old), result)
	return result
}

// protect puts the read-only parts back as they were.
func (t *Type) protect(old, result Document) {
	for _, path := range append([]string{statePath}, t.ReadOnly...) {
		result.Drop(path)
		if old != nil && old.Has(path) {
			result.Set(path, old.Get(path))
		}
	}
}

func keep(old, result Document, path string) {
	if old == nil || !old.Has(path) {
		return
	}
	before, wasObject := old.Get(path).(map[string]any)
	sent, isObject := result.Get(path).(map[string]any)
	switch {
	case !result.Has(path):
		result.Set(path, old.Get(path))
	case wasObject && isObject:
		result.Set(path, Merge(before, sent))
	}
}

// clone copies a document in depth; of nil it makes nil.
func clone(document Document) Document {
	if document == nil {
		return nil
	}
	content, err := json.Marshal(document)
	if err != nil {
		return nil // it has been read from JSON
	}
	copied, err := ReadDocument(content)
	if err != nil {
		return nil
	}
	return copied
}

// checkTags holds tags to Azure's form and limits.
func checkTags(document Document) error {
	if document["tags"] == nil {
		return nil
	}
	tags, ok := document["tags"].(map[string]any)
	if !ok {
		return invalidContent("The property 'tags' must be an object of strings.")
	}
	if len(tags) > maxTags {
		return fairlead.Errorf(fairlead.Invalid, "A resource can have at most %d tags.", maxTags).WithCode("InvalidTagCount")
	}
	seen := map[string]bool{}
	for name, value := range tags {
		switch key := strings.ToLower(name); {
		case seen[key]:
			return invalidContent("The tag '%.64s' is there twice: names of tags are alike in any case.", name)
		case strings.ContainsAny(name, reservedInTags) || strings.ContainsFunc(name, unicode.IsControl):
			return fairlead.Errorf(fairlead.Invalid, "The tag name '%.64s' has reserved characters '<,>,%%,&,\\,?,/' or control characters.", name).
				WithCode("InvalidTagNameCharacters")
		default:
			seen[key] = true
		}
		text, ok := value.(string)
		if !ok || name == "" || len(name) > maxTagName || len(text) > maxTagValue {
			return invalidContent("The tag '%.64s' must have a name of at most %d and a text of at most %d bytes.", name, maxTagName, maxTagValue)
		}
	}
	return nil
}

// checkLocation settles where a resource is: it is written as "westeurope", never changes, and is
// one of the type's.
func (t *Type) checkLocation(change *Change) error {
	if len(t.Locations) == 0 {
		return nil
	}
	location := normalLocation(change.New.Text("location"))
	if change.Old != nil {
		return fixedLocation(change, location)
	}
	if location == "" {
		return fairlead.Errorf(fairlead.Invalid, "The location property is required for this definition.").WithCode("LocationRequired")
	}
	if !slices.Contains(t.Locations, location) {
		if change.ID.Namespace == "" {
			return fairlead.Errorf(fairlead.Invalid, "The provided location '%.64s' is not available for resource group. List of available regions is '%s'.",
				location, strings.Join(t.Locations, ",")).WithCode("LocationNotAvailableForResourceGroup")
		}
		return fairlead.Errorf(fairlead.Invalid, "The provided location '%.64s' is not available for resource type '%s'. "+
			"List of available regions for the resource type is '%s'.", location, t.Name, strings.Join(t.Locations, ",")).
			WithCode("LocationNotAvailableForResourceType")
	}
	change.New["location"] = location
	return nil
}

func fixedLocation(change *Change, location string) error {
	before := change.Old.Text("location")
	if location != "" && location != before {
		if change.ID.Namespace == "" {
			return fairlead.Errorf(fairlead.Conflict, "Invalid resource group location '%.64s'. The Resource group already exists in location '%s'.",
				location, before).WithCode("InvalidResourceGroupLocation")
		}
		return fairlead.Errorf(fairlead.Conflict, "The resource '%s' already exists in location '%s' in resource group '%s'. "+
			"A resource with the same name cannot be created in location '%.64s'. Please select a new resource name.",
			change.ID.Name(), before, change.ID.ResourceGroup, location).WithCode("InvalidResourceLocation")
	}
	change.New["location"] = before
	return nil
}

// normalLocation writes "West Europe" as "westeurope".
func normalLocation(location string) string {
	return strings.ToLower(strings.ReplaceAll(location, " ", ""))
}
