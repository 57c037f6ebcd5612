// Package catalogue holds what doctor says, by the id of a failure and by language: titles, causes,
// remedies and the words that the guides use for the same failure. It knows neither clusters nor
// checks; whoever finds something names an id and a key, and gets a sentence.
package catalogue

import (
	"fmt"
	"maps"
	"slices"
)

// Catalogue is the texts of one language. What it lacks it takes from English; what English lacks
// too it shows as the key in brackets, so that a missing text is seen and breaks nothing.
type Catalogue struct {
	language Language
	entries  map[string]entry
	words    map[string]string
	fallback *Catalogue
}

// entry is all that a language says about one failure.
type entry struct {
	Title    string            `json:"title"`
	Cause    string            `json:"cause"`
	Fix      string            `json:"fix"`
	Aliases  []string          `json:"aliases"`
	Reasons  map[string]string `json:"reasons"`
	Remedies map[string]string `json:"remedies"`
}

// Open reads the texts of a language that are built in.
func Open(language Language) (*Catalogue, error) {
	if !slices.Contains(Languages(), language) {
		return nil, fmt.Errorf("open the texts of %q: no such language", language)
	}
	opened, err := load(texts, language)
	if err != nil || language == English {
		return opened, err
	}
	opened.fallback, err = load(texts, English)
	return opened, err
}

// Language returns the language that the texts were opened in.
func (c *Catalogue) Language() Language { return c.language }

// Title names a failure in a few words.
func (c *Catalogue) Title(id string) string {
	return c.text(id, id, func(e entry) string { return e.Title })
}

// Cause says in general why a failure comes about.
func (c *Catalogue) Cause(id string) string {
	return c.text(id, id, func(e entry) string { return e.Cause })
}

// Fix says in general what mends a failure, with the commands to type.
func (c *Catalogue) Fix(id string) string {
	return c.text(id, id, func(e entry) string { return e.Fix })
}

// Reason says what one check saw, with the arguments filled in.
func (c *Catalogue) Reason(id, key string, args map[string]string) string {
	return fill(c.text(id, key, func(e entry) string { return e.Reasons[key] }), args)
}

// Remedy says what one remedy does, with the arguments filled in.
func (c *Catalogue) Remedy(id, key string, args map[string]string) string {
	return fill(c.text(id, key, func(e entry) string { return e.Remedies[key] }), args)
}

// UI returns a word or sentence of the renderers, with the arguments filled in.
func (c *Catalogue) UI(key string, args map[string]string) string {
	for from := c; from != nil; from = from.fallback {
		if word := from.words[key]; word != "" {
			return fill(word, args)
		}
	}
	return "[" + key + "]"
}

// HasUI reports whether the renderers have a word for a key.
func (c *Catalogue) HasUI(key string) bool {
	for from := c; from != nil; from = from.fallback {
		if from.words[key] != "" {
			return true
		}
	}
	return false
}

// Aliases returns the guides' own headings and sentences for a failure, as they were printed.
func (c *Catalogue) Aliases(id string) []string {
	for from := c; from != nil; from = from.fallback {
		if aliases := from.entries[id].Aliases; len(aliases) > 0 {
			return slices.Clone(aliases)
		}
	}
	return nil
}

// IDs lists every failure that there is a text for, sorted.
func (c *Catalogue) IDs() []string {
	ids := map[string]bool{}
	for from := c; from != nil; from = from.fallback {
		for id := range from.entries {
			ids[id] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

func (c *Catalogue) text(id, key string, pick func(entry) string) string {
	for from := c; from != nil; from = from.fallback {
		if found, ok := from.entries[id]; ok {
			if text := pick(found); text != "" {
				return text
			}
		}
	}
	return "[" + key + "]"
}
