package token_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub/token"
	"github.com/fairlead/fairlead/store"
)

// Groups are in a token as long as they fit; more are referred to.
func TestGroupClaims(t *testing.T) {
	db, err := store.Open(t.Context(), "sqlite:"+t.TempDir()+"/hub.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	service := &token.Service{URL: "https://hub.example.org", Store: db}
	ana := store.Principal{ObjectID: "ana", Kind: store.User, UserName: "ana"}
	if err := db.CreateUser(t.Context(), ana, nil); err != nil {
		t.Fatal(err)
	}
	joined := 0
	for _, c := range []struct {
		groups int
		want   string
	}{
		{0, `{}`},
		{1, `{"groups":["group-000"]}`},
		{200, ""},
		{201, `{"_claim_names":{"groups":"src1"},"_claim_sources":{"src1":{"endpoint":"https://hub.example.org/v1.0/users/ana/getMemberObjects"}}}`},
	} {
		for ; joined < c.groups; joined++ {
			id := fmt.Sprintf("group-%03d", joined)
			if err := db.CreatePrincipal(t.Context(), store.Principal{ObjectID: id, Kind: store.Group}); err != nil {
				t.Fatal(err)
			}
			if err := db.AddMembers(t.Context(), id, []string{"ana"}, time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		claims, err := service.GroupsOf(t.Context(), ana)
		text, failed := json.Marshal(claims)
		if err != nil || failed != nil || c.want != "" && string(text) != c.want || c.want == "" && strings.Count(string(text), "group-") != c.groups {
			t.Errorf("%d groups: %s, %v", c.groups, text, err)
		}
	}
}
