package token

import (
	"context"

	"github.com/fairlead/fairlead/store"
)

// maxGroups is how many groups a token carries: Entra's limit for JWTs. They are about 40 bytes each, and tokens
// travel in headers.
const maxGroups = 200

// GroupClaims are the claims that say which groups a principal is in, directly or through other groups: Groups when
// they fit, otherwise the place where all of them can be asked for, in the form that OpenID Connect has for that
// (Core 1.0, section 5.6.2) and Entra uses for groups. They are for others to read: the hub itself
// looks groups up at each request.
type GroupClaims struct {
	Groups       []string               `json:"groups,omitempty"`
	ClaimNames   map[string]string      `json:"_claim_names,omitempty"`
	ClaimSources map[string]claimSource `json:"_claim_sources,omitempty"`
}

type claimSource struct {
	Endpoint string `json:"endpoint"`
}

const groupSource = "src1"

// GroupsOf returns the claims for a principal, empty when it is in no group. The endpoint is this hub's own; a
// principal may always ask it about itself.
func (s *Service) GroupsOf(ctx context.Context, principal store.Principal) (GroupClaims, error) {
	found, err := s.Store.GroupIDs(ctx, principal.ObjectID, maxGroups+1)
	if err != nil || len(found) <= maxGroups {
		return GroupClaims{Groups: found}, err
	}
	collection := "servicePrincipals"
	if principal.Kind == store.User {
		collection = "users"
	}
	return GroupClaims{
		ClaimNames:   map[string]string{"groups": groupSource},
		ClaimSources: map[string]claimSource{groupSource: {s.URL + "/v1.0/" + collection + "/" + principal.ObjectID + "/getMemberObjects"}},
	}, nil
}
