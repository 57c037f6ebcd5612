package client

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/fairlead/fairlead"
)

// maxGroups bounds how many groups are read for one principal.
const maxGroups = 100_000

// GroupClaims are the claims of a token that tell which groups its principal is in: all of them in Groups or, when
// they did not fit, in ClaimNames and ClaimSources where they can be asked for
// (https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference, "Groups overage claim").
// Whoever reads them has verified the token.
type GroupClaims struct {
	ObjectID     string                 `json:"oid"`
	Groups       []string               `json:"groups"`
	ClaimNames   map[string]string      `json:"_claim_names"`   //nolint:tagliatelle // OpenID Connect has it so
	ClaimSources map[string]ClaimSource `json:"_claim_sources"` //nolint:tagliatelle // OpenID Connect has it so
}

// ClaimSource is where a claim can be asked for.
type ClaimSource struct {
	Endpoint string `json:"endpoint"`
}

// Groups returns the object ids of all groups that the claims tell of. When these refer to an endpoint, it is asked with the
// hub's own token, page by page, but only if it is this hub's answer about this very principal: a reference to
// another host, path or principal is refused, and so is a redirection.
func (h *Hub) Groups(ctx context.Context, claims GroupClaims) ([]string, error) {
	source, referred := claims.ClaimNames["groups"]
	if !referred {
		return claims.Groups, nil
	}
	next := claims.ClaimSources[source].Endpoint
	if err := h.checkSource(next, claims.ObjectID); err != nil {
		return nil, err
	}
	steady := *h
	direct := *h.HTTP
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	steady.HTTP = &direct
	return steady.groupsAt(ctx, next, claims.ObjectID)
}

func (h *Hub) groupsAt(ctx context.Context, next, objectID string) ([]string, error) {
	var all []string
	for range maxPages {
		var page struct {
			Value []string `json:"value"`
			Next  string   `json:"@odata.nextLink"` //nolint:tagliatelle // OData has it so
		}
		response, err := h.Do(ctx, Call{Method: http.MethodPost, Path: next, Body: Document{"securityEnabledOnly": false}, Repeatable: true})
		if err != nil {
			return nil, err
		}
		if response.Status != http.StatusOK {
			return nil, fairlead.Errorf(fairlead.Invalid, "the hub answered the question for groups with status %d instead of a list", response.Status)
		}
		if err := response.Decode(&page); err != nil {
			return nil, err
		}
		all = append(all, page.Value...)
		if next = page.Next; next == "" {
			return all, nil
		}
		if len(all) > maxGroups {
			break
		}
		if err := h.checkSource(next, objectID); err != nil {
			return nil, err
		}
	}
	return nil, fairlead.Errorf(fairlead.TooLarge, "%s is in more than %d groups", objectID, maxGroups)
}

// checkSource accepts what this hub refers to, and nothing else: a token may be forged by whoever verifies it badly, and
// the question carries a token of ours.
func (h *Hub) checkSource(endpoint, objectID string) error {
	base, failed := url.Parse(h.URL)
	target, err := url.Parse(endpoint)
	if err != nil || failed != nil || objectID == "" || target.User != nil || target.Fragment != "" ||
		target.Scheme != base.Scheme || !strings.EqualFold(target.Host, base.Host) {
		return foreignSource(endpoint)
	}
	path, below := strings.CutPrefix(strings.ToLower(target.EscapedPath()), strings.ToLower(strings.TrimSuffix(base.EscapedPath(), "/")))
	for _, kind := range []string{"users", "serviceprincipals", "directoryobjects"} {
		if below && path == "/v1.0/"+kind+"/"+strings.ToLower(url.PathEscape(objectID))+"/getmemberobjects" {
			return nil
		}
	}
	return foreignSource(endpoint)
}

func foreignSource(endpoint string) error {
	return fairlead.Errorf(fairlead.Forbidden, "the token refers for its groups to %.200q, which is not this hub's answer about its principal: it is not followed", endpoint)
}
