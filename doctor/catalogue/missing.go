package catalogue

import (
	"maps"
	"slices"
)

// Missing lists what one catalogue says itself and the other does not, fallbacks left aside: as
// "EXT-02/title", "EXT-02/reasons/quota", "ui/summary", and with the placeholder behind it where
// only that is missing. Aliases are not compared: each guide exists in some languages only.
func Missing(want, have *Catalogue) []string {
	texts := have.flat()
	var missing []string
	for key, text := range want.flat() {
		other, ok := texts[key]
		if !ok {
			missing = append(missing, key)
			continue
		}
		for _, name := range placeholders(text) {
			if !slices.Contains(placeholders(other), name) {
				missing = append(missing, key+" "+name)
			}
		}
	}
	slices.Sort(missing)
	return missing
}

// Keys lists every text that the language has itself, in the form of Missing, sorted.
func (c *Catalogue) Keys() []string { return slices.Sorted(maps.Keys(c.flat())) }

func (c *Catalogue) flat() map[string]string {
	flat := map[string]string{}
	put := func(key, text string) {
		if text != "" {
			flat[key] = text
		}
	}
	for key, text := range c.words {
		put("ui/"+key, text)
	}
	for id, e := range c.entries {
		put(id+"/title", e.Title)
		put(id+"/cause", e.Cause)
		put(id+"/fix", e.Fix)
		for key, text := range e.Reasons {
			put(id+"/reasons/"+key, text)
		}
		for key, text := range e.Remedies {
			put(id+"/remedies/"+key, text)
		}
	}
	return flat
}
