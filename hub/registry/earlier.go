package registry

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/fairlead/fairlead"
)

// maxEarlier is how many earlier versions are still served after the hub was upgraded. Clusters run the version that
// they were connected with until somebody upgrades them, and a pod may move to a node that has not pulled it.
const maxEarlier = 2

// keepEarlier removes what crashes left behind and the layouts of other binaries, but for the newest whole ones of other
// versions, which it returns.
func (s *Server) keepEarlier(current string) ([]*catalogue, error) {
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		return nil, fmt.Errorf("list old layouts: %w", err)
	}
	var kept []*catalogue
	for _, entry := range newestFirst(entries) {
		if entry.Name() == current {
			continue
		}
		dir := filepath.Join(s.Dir, entry.Name())
		if content, err := open(dir); err == nil && len(kept) < maxEarlier && !content.hasVersion(Tag()) {
			kept = append(kept, content)
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			return nil, fmt.Errorf("remove an old layout: %w", err)
		}
	}
	return kept, nil
}

// newestFirst sorts by the time at which a layout was made; one that has gone meanwhile is the oldest.
func newestFirst(entries []os.DirEntry) []os.DirEntry {
	made := func(entry os.DirEntry) int64 {
		info, err := entry.Info()
		if err != nil {
			return 0
		}
		return info.ModTime().UnixNano()
	}
	return slices.SortedFunc(slices.Values(entries), func(a, b os.DirEntry) int { return cmp.Compare(made(b), made(a)) })
}

// hasVersion reports whether the agents' chart of a version is here.
func (c *catalogue) hasVersion(tag string) bool {
	repo := c.repositories[fairlead.ChartRepository]
	if repo == nil {
		return false
	}
	_, ok := repo.tags[tag]
	return ok
}

// holder returns the layout that has what is wanted, the newest first, nil when none has.
func (c *catalogue) holder(wanted request) *catalogue {
	for _, content := range append([]*catalogue{c}, c.earlier...) {
		if repo := content.repositories[wanted.repository]; repo != nil && repo.has(wanted) {
			return content
		}
	}
	return nil
}

// tags returns the tags of a repository in every version.
func (c *catalogue) tags(repository string) []string {
	var found []string
	for _, content := range append([]*catalogue{c}, c.earlier...) {
		if repo := content.repositories[repository]; repo != nil {
			found = slices.AppendSeq(found, maps.Keys(repo.tags))
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
