package catalogue

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"sigs.k8s.io/yaml"
)

//go:embed text
var texts embed.FS

// words is the file of a language that holds the renderers' own words instead of failures.
const words = "ui.yaml"

// load merges the files of one language. Two files that say the same thing contradict each other
// sooner or later, so that is an error.
func load(files fs.FS, language Language) (*Catalogue, error) {
	c := &Catalogue{language: language, entries: map[string]entry{}, words: map[string]string{}}
	folder := path.Join("text", string(language))
	names, err := fs.Glob(files, path.Join(folder, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("list the texts of %s: %w", language, err)
	}
	for _, name := range names {
		if err := c.read(files, name); err != nil {
			return nil, fmt.Errorf("read the texts in %s: %w", name, err)
		}
	}
	return c, nil
}

func (c *Catalogue) read(files fs.FS, name string) error {
	raw, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	if path.Base(name) == words {
		return yaml.UnmarshalStrict(raw, &c.words)
	}
	read := map[string]entry{}
	if err := yaml.UnmarshalStrict(raw, &read); err != nil {
		return err
	}
	for id, more := range read {
		merged, err := c.entries[id].with(more)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		c.entries[id] = merged
	}
	return nil
}

func (e entry) with(more entry) (entry, error) {
	for field, pair := range map[string]struct{ to, from *string }{
		"title": {&e.Title, &more.Title}, "cause": {&e.Cause, &more.Cause}, "fix": {&e.Fix, &more.Fix},
	} {
		if *pair.to != "" && *pair.from != "" {
			return e, fmt.Errorf("another file has a %s already", field)
		}
		*pair.to += *pair.from
	}
	for _, alias := range more.Aliases {
		if !slices.Contains(e.Aliases, alias) {
			e.Aliases = append(e.Aliases, alias)
		}
	}
	var err error
	if e.Reasons, err = join(e.Reasons, more.Reasons); err != nil {
		return e, fmt.Errorf("reasons: %w", err)
	}
	if e.Remedies, err = join(e.Remedies, more.Remedies); err != nil {
		return e, fmt.Errorf("remedies: %w", err)
	}
	return e, nil
}

func join(to, from map[string]string) (map[string]string, error) {
	joined := make(map[string]string, len(to)+len(from))
	for _, part := range []map[string]string{to, from} {
		for key, text := range part {
			if _, twice := joined[key]; twice {
				return nil, fmt.Errorf("another file has %q already", key)
			}
			joined[key] = text
		}
	}
	return joined, nil
}
