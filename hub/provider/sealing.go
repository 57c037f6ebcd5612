package provider

import (
	"crypto/rand"
	"maps"
	"strings"

	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/hub/resource"
)

const protectedPath = "properties.configurationProtectedSettings"

// misspelled refuses a name that is a secret's but for its case: what is not known by its name is kept in clear, and shown.
func misspelled(object map[string]any, names ...string) error {
	for written := range object {
		for _, name := range names {
			if written != name && strings.EqualFold(written, name) {
				return badContent("The property '%s' is written '%.64s'; its case matters.", name, written)
			}
		}
	}
	return nil
}

// sentProtected are the protected settings that a change leaves: those that a PUT sends, with null for those whose value stays, or
// what a PATCH makes of those that there are.
func sentProtected(change *resource.Change) map[string]any {
	from := change.New
	if change.Replaces {
		from = change.Sent
	}
	settings, _ := from.Get(protectedPath).(map[string]any)
	return maps.Clone(settings)
}

// resolved gives protected settings their values, and returns besides what a document shows of them. One without a value keeps the
// one that it has: documents show all so, and a client may send back what it was shown. In a PATCH null removes, as everywhere.
func resolved(settings map[string]any, kept map[string]string) (values map[string]string, names map[string]any, err error) {
	values, names = map[string]string{}, map[string]any{}
	for name, value := range settings {
		text, isText := value.(string)
		if !isText {
			old, known := kept[name]
			if !known {
				return nil, nil, badContent("The protected setting '%.128s' has no value.", name)
			}
			text = old
		}
		values[name], names[name] = text, nil
	}
	return values, names, nil
}

// seal keeps values with the change, and returns the hash by which a cluster sees whether they are others than before.
func seal(with *configuration.Service, change *resource.Change, before string, values, kept map[string]string) (string, error) {
	switch {
	case len(values) == 0:
		change.Unseal = true
		return "", nil
	case maps.Equal(values, kept) && before != "":
		return before, nil
	}
	sealed, err := with.Seal(change.ID.Key(), values)
	change.Sealed = sealed
	return rand.Text(), err // of the values it tells nothing
}
