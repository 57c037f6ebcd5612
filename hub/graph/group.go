package graph

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

const (
	maxText = 1024 // of descriptions, references and the like, as Graph has it
	// How many members one request may add: Graph's own limit.
	maxAdded = 20
)

// sentGroup is a group as a request has it; what is missing stays as it is.
type sentGroup struct {
	DisplayName  *string           `json:"displayName"`
	Description  *string           `json:"description"`
	MailNickname *string           `json:"mailNickname"`
	Security     *bool             `json:"securityEnabled"`
	MailEnabled  *bool             `json:"mailEnabled"`
	Members      []json.RawMessage `json:"members@odata.bind"` //nolint:tagliatelle // OData has it so
}

func (g sentGroup) apply(p *store.Principal) error {
	for field, value := range map[*string]*string{&p.DisplayName: g.DisplayName, &p.Description: g.Description, &p.MailNickname: g.MailNickname} {
		if value != nil {
			*field = strings.TrimSpace(*value)
		}
	}
	switch {
	case g.MailEnabled != nil && *g.MailEnabled || g.Security != nil && !*g.Security:
		return invalid("groups are security groups here: securityEnabled is true and mailEnabled is false")
	case len(p.Description) > maxText || unprintable(p.Description):
		return invalid("a description has at most %d characters", maxText)
	case len(p.MailNickname) > 64 || unprintable(p.MailNickname):
		return invalid("a mailNickname has at most 64 characters")
	}
	return checkDisplayName(p.DisplayName)
}

func (g sentGroup) members() ([]string, error) {
	if len(g.Members) > maxAdded {
		return nil, invalid("at most %d members can be added at once", maxAdded)
	}
	var ids []string
	for _, raw := range g.Members {
		id, err := referenced(raw)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (a *API) createGroup(w http.ResponseWriter, r *http.Request) (int, any, error) {
	var sent sentGroup
	if err := reply.Decode(w, r, maxBody, &sent); err != nil {
		return 0, nil, err
	}
	made := store.Principal{ObjectID: uuid.NewString(), TenantID: a.TenantID, Kind: store.Group, CreatedAt: a.Now()}
	members, err := sent.members()
	if err == nil {
		err = sent.apply(&made)
	}
	if err == nil {
		err = a.Store.CreatePrincipal(r.Context(), made)
	}
	if err != nil {
		return 0, nil, err
	}
	a.Log.InfoContext(r.Context(), "group created", slog.String("object_id", made.ObjectID), slog.String("by", caller(r.Context())))
	if len(members) > 0 {
		if err := a.addMembers(r.Context(), made.ObjectID, members); err != nil {
			return 0, nil, err
		}
	}
	return http.StatusCreated, shown(made), nil
}

// updateGroup changes what a group is called, and adds members if the request has some.
func (a *API) updateGroup(w http.ResponseWriter, r *http.Request) (int, any, error) {
	group, err := a.find(r, store.Group)
	if err != nil {
		return 0, nil, err
	}
	var sent sentGroup
	if err := reply.Decode(w, r, maxBody, &sent); err != nil {
		return 0, nil, err
	}
	members, err := sent.members()
	if err != nil {
		return 0, nil, err
	}
	if len(members) > 0 {
		if err := a.addMembers(r.Context(), group.ObjectID, members); err != nil {
			return 0, nil, err
		}
	}
	_, err = a.Store.ChangePrincipal(r.Context(), group.ObjectID, sent.apply, nil, a.Now())
	return http.StatusNoContent, nil, err
}

// addMember is POST …/members/$ref.
func (a *API) addMember(w http.ResponseWriter, r *http.Request) (int, any, error) {
	group, err := a.find(r, store.Group)
	if err != nil {
		return 0, nil, err
	}
	var sent map[string]json.RawMessage
	if err := reply.Decode(w, r, maxBody, &sent); err != nil {
		return 0, nil, err
	}
	id, err := referenced(sent["@odata.id"])
	if err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, a.addMembers(r.Context(), group.ObjectID, []string{id})
}

// addMembers gives principals the roles of a group, and of the groups that it is in: whoever does that must be
// allowed to give them.
func (a *API) addMembers(ctx context.Context, groupID string, members []string) error {
	if err := a.mayOnEveryRole(ctx, assignAction, groupID); err != nil {
		return err
	}
	if slices.Contains(members, groupID) {
		return invalid("A group cannot be a member of itself.")
	}
	err := a.Store.AddMembers(ctx, groupID, members, a.Now())
	switch fairlead.KindOf(err) { //nolint:exhaustive // the others are as they are
	case fairlead.Conflict:
		return invalid("One or more added object references already exist for the following modified properties: 'members'.")
	case fairlead.NotFound:
		return absent(strings.Join(members, ", "))
	}
	if err == nil {
		a.Log.InfoContext(ctx, "members added", slog.String("group", groupID), slog.Any("members", members), slog.String("by", caller(ctx)))
	}
	return err
}

// removeMember takes the roles of the group away from a member, which not everybody may who may change groups.
func (a *API) removeMember(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	group, err := a.find(r, store.Group)
	if err != nil {
		return 0, nil, err
	}
	if err := a.mayOnEveryRole(r.Context(), unassignAction, group.ObjectID); err != nil {
		return 0, nil, err
	}
	member := r.PathValue("member")
	err = a.Store.RemoveMember(r.Context(), group.ObjectID, member)
	if fairlead.KindOf(err) == fairlead.NotFound {
		return 0, nil, absent(member)
	}
	if err == nil {
		a.Log.InfoContext(r.Context(), "member removed", slog.String("group", group.ObjectID), slog.String("member", member), slog.String("by", caller(r.Context())))
	}
	return http.StatusNoContent, nil, err
}
