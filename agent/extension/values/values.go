// Package values turns an extension's settings into Helm values. A setting means what helm --set means by it, but each is read
// for itself: whatever a text holds, it cannot become another setting or a list.
package values

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/strvals"

	"github.com/fairlead/fairlead"
)

// longestKey bounds the dotted path of a setting.
const longestKey = 1024

// index is a place in a list, with what may follow it.
var index = regexp.MustCompile(`^\[[0-9]{1,9}\]($|[.\[])`)

// Of returns the values that settings make; protected ones win. An error names the key at fault and never shows a text.
func Of(settings, protected map[string]string) (map[string]any, error) {
	values := map[string]any{}
	for _, group := range []map[string]string{settings, protected} {
		for _, key := range slices.Sorted(maps.Keys(group)) {
			if err := set(values, key, group[key]); err != nil {
				return nil, err
			}
		}
	}
	return values, nil
}

func set(values map[string]any, key, text string) error {
	if err := check(key); err != nil {
		return err
	}
	// The parser's own errors quote the text.
	if strvals.ParseInto(key+"="+escape(text), values) != nil {
		return fairlead.Errorf(fairlead.Invalid, "the setting %q cannot be read as a value: its path does not fit the other settings, or an index in it is no number from 0 to %d", key, strvals.MaxIndex)
	}
	return nil
}

// check refuses keys that would not be one key. A backslash takes a character's meaning away.
func check(key string) error {
	if key == "" || len(key) > longestKey {
		return fairlead.Errorf(fairlead.Invalid, "a setting's key has %d bytes, from 1 to %d are possible", len(key), longestKey)
	}
	for i := 0; i < len(key); i++ {
		switch key[i] {
		case '\\':
			i++
		case '=', ',':
			return fairlead.Errorf(fairlead.Invalid, "the setting's key %q holds a %q; write a backslash before it", key, key[i])
		case '[':
			// The parser passes over what it cannot read here.
			if !index.MatchString(key[i:]) {
				return fairlead.Errorf(fairlead.Invalid, "the setting's key %q holds a [ that no number and ] follow", key)
			}
		}
	}
	if strings.HasSuffix(key, ".") && !strings.HasSuffix(key, `\.`) {
		return fairlead.Errorf(fairlead.Invalid, "the setting's key %q ends with a dot", key)
	}
	return nil
}

// escape takes the meaning away from what separates settings and makes lists. What looks like a number or a truth stays one.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, `,`, `\,`, `{`, `\{`, `}`, `\}`).Replace(text)
}
