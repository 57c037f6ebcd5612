package token_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead/store"
)

// Groups are in a token as long as they fit, and more are referred to; with as many as fit the hub still takes it.
func TestGroupsInTokens(t *testing.T) {
	f := newFixture(t)
	joined := 0
	for _, c := range []struct {
		groups int
		want   string
	}{
		{0, ""},
		{1, `"groups":["`},
		{200, `"groups":["`},
		{201, `"_claim_names":{"groups":"src1"},"_claim_sources":{"src1":{"endpoint":"` + hubURL + `/v1.0/servicePrincipals/` + object + `/getMemberObjects"}}`},
	} {
		ids := []string{}
		for ; joined < c.groups; joined++ {
			id := uuid.NewString()
			ids = append(ids, id)
			if err := f.db.CreatePrincipal(t.Context(), store.Principal{ObjectID: id, Kind: store.Group}); err != nil {
				t.Fatal(err)
			}
			if err := f.db.AddMembers(t.Context(), id, []string{object}, time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		bearer := f.token(t)
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(bearer, ".")[1])
		if err != nil || !strings.Contains(string(payload), c.want) || c.groups == 0 && strings.Contains(string(payload), "groups") ||
			c.groups <= 200 && len(ids) > 0 && !strings.Contains(string(payload), ids[0]) || c.groups > 200 && strings.Contains(string(payload), ids[0]) {
			t.Errorf("%d groups: %s, %v", c.groups, payload, err)
		}
		if w := f.call(bearer); w.Code != http.StatusOK || w.Body.String() != object {
			t.Errorf("%d groups, %d bytes: %d %s", c.groups, len(bearer), w.Code, w.Body)
		}
	}
}

func TestPeopleAskAboutThemselvesAsUsers(t *testing.T) {
	f := newFixture(t)
	f.user(t)
	for i := range 201 {
		id := fmt.Sprintf("group-%d", i)
		if err := f.db.CreatePrincipal(t.Context(), store.Principal{ObjectID: id, Kind: store.Group}); err != nil {
			t.Fatal(err)
		}
		if err := f.db.AddMembers(t.Context(), id, []string{ada}, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	claims, err := f.GroupsOf(t.Context(), store.Principal{ObjectID: ada, Kind: store.User})
	if err != nil || !strings.Contains(fmt.Sprint(claims), hubURL+"/v1.0/users/"+ada+"/getMemberObjects") {
		t.Errorf("%v, %v", claims, err)
	}
}
