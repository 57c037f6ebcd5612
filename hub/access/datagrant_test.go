package access_test

import (
	"slices"
	"testing"

	"github.com/fairlead/fairlead/hub/access"
)

func TestDataGrants(t *testing.T) {
	c := grouped(t)
	ctx := t.Context()
	step(t,
		c.Assign(ctx, "p1", access.ArcViewer, group), c.Assign(ctx, "p1", access.ArcViewer, cluster+"/namespaces/Shop"),
		c.Assign(ctx, "p1", access.ArcViewer, cluster+"-2"), c.Assign(ctx, "p1", access.Owner, cluster), c.Assign(ctx, "p2", access.ArcAdmin, cluster),
	)
	held, err := c.DataGrants(ctx, "p1", cluster)
	step(t, err)
	var scopes []string
	for _, one := range held {
		scopes = append(scopes, one.Scope)
		if len(one.DataActions) == 0 {
			t.Errorf("nothing is granted on %s", one.Scope)
		}
	}
	if len(scopes) != 2 || !slices.IsSorted(scopes) {
		t.Errorf("%q", scopes)
	}
	again, err := c.DataGrants(ctx, "P1", cluster)
	step(t, err)
	if len(again) != len(held) {
		t.Errorf("the id of a principal has no case: %d", len(again))
	}
}
