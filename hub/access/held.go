package access

import (
	"context"
	"slices"
	"strings"
)

// Permissions returns what the caller may do on a scope: one for each part of each role that reaches it.
func (c *Checker) Permissions(ctx context.Context, scope string) ([]Permission, error) {
	caller, err := authenticated(ctx)
	if err != nil {
		return nil, err
	}
	held, err := c.roles(ctx, caller.ObjectID)
	if err != nil {
		return nil, err
	}
	found := []Permission{}
	for _, one := range held {
		if covers(one.scope, strings.ToLower(scope)) {
			for _, p := range one.role.Permissions {
				found = append(found, p.complete())
			}
		}
	}
	return found, nil
}

// Within reports whether everything that wanted grants is granted by held as well. In doubt it says no: two
// patterns that might have an action in common are taken to have one.
func Within(wanted, held []Permission) bool {
	return !slices.ContainsFunc(wanted, func(p Permission) bool {
		return !within(p.Actions, p.NotActions, held, func(h Permission) (has, lacks []string) { return h.Actions, h.NotActions }) ||
			!within(p.DataActions, p.NotDataActions, held, func(h Permission) (has, lacks []string) { return h.DataActions, h.NotDataActions })
	})
}

func within(wanted, less []string, held []Permission, of func(Permission) (has, lacks []string)) bool {
	for _, pattern := range wanted {
		if !slices.ContainsFunc(held, func(h Permission) bool {
			has, lacks := of(h)
			return matchAny(has, pattern) && !slices.ContainsFunc(lacks, func(lack string) bool { return mayOverlap(lack, pattern) && !matchAny(less, lack) })
		}) {
			return false
		}
	}
	return true
}

// mayOverlap compares what comes before the first star of each pattern, and what comes after the last.
func mayOverlap(x, y string) bool {
	x, y = strings.ToLower(x), strings.ToLower(y)
	headX, tailX := ends(x)
	headY, tailY := ends(y)
	return (strings.HasPrefix(headX, headY) || strings.HasPrefix(headY, headX)) && (strings.HasSuffix(tailX, tailY) || strings.HasSuffix(tailY, tailX))
}

func ends(pattern string) (head, tail string) {
	first, last := strings.Index(pattern, "*"), strings.LastIndex(pattern, "*")
	if first < 0 {
		return pattern, pattern
	}
	return pattern[:first], pattern[last+1:]
}
