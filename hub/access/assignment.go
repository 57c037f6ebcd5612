package access

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// Assignment gives a principal a role on a scope.
type Assignment struct {
	RoleDefinitionID string `json:"roleDefinitionId"`
	PrincipalID      string `json:"principalId"`
	PrincipalType    string `json:"principalType,omitempty"`
	Scope            string `json:"scope"`
	State            string `json:"provisioningState,omitempty"`
}

// revoked reports that the assignment is being deleted, and counts no more.
func (a Assignment) revoked() bool { return a.State == "Deleting" }

// RoleGUID returns the last segment of the role definition's id.
func (a Assignment) RoleGUID() string { return path.Base(a.RoleDefinitionID) }

func readAssignment(resource store.Resource) (Assignment, error) {
	var document struct {
		Properties Assignment `json:"properties"`
	}
	if err := json.Unmarshal(resource.Body, &document); err != nil {
		return Assignment{}, fmt.Errorf("role assignment %s: %w", resource.Key, err)
	}
	return document.Properties, nil
}

// Assign gives a principal a built-in role on a scope without asking who wants it: for first start
// and for identities that the hub itself makes. Doing it again changes nothing.
func (c *Checker) Assign(ctx context.Context, principalID, roleGUID, scope string) error {
	if _, ok := RoleByGUID(roleGUID); !ok {
		return fairlead.Errorf(fairlead.Invalid, "there is no role %s", roleGUID)
	}
	name := uuid.NewSHA1(uuid.NameSpaceOID, []byte(strings.ToLower(principalID+" "+roleGUID+" "+scope))).String()
	id, err := fairlead.ParseResourceID(strings.TrimSuffix(scope, "/") + "/providers/Microsoft.Authorization/roleAssignments/" + name)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{"properties": Assignment{
		RoleDefinitionID: RoleID(id.Subscription, roleGUID), PrincipalID: principalID,
		PrincipalType: store.ServicePrincipal, Scope: scope,
	}})
	if err != nil {
		return err
	}
	_, err = c.Store.PutResource(ctx, store.Resource{
		Key: id.Key(), ID: id.String(), Type: AssignmentType, Name: name, Subject: strings.ToLower(principalID),
		Subscription: strings.ToLower(id.Subscription), ResourceGroup: strings.ToLower(id.ResourceGroup), Body: body,
	}, store.AnyState)
	return err
}

// RoleID returns the id of a role definition, as Azure spells it in a subscription or above.
func RoleID(subscription, roleGUID string) string {
	id := "/providers/Microsoft.Authorization/roleDefinitions/" + roleGUID
	if subscription == "" {
		return id
	}
	return "/subscriptions/" + subscription + id
}

// Forget removes all role assignments of a principal that is no more.
func (c *Checker) Forget(ctx context.Context, principalID string) error {
	found, err := c.stored(ctx, principalID)
	if err != nil {
		return err
	}
	for _, resource := range found {
		err := c.Store.DeleteResource(ctx, resource.Key, store.AnyState)
		if err != nil && fairlead.KindOf(err) != fairlead.NotFound {
			return err
		}
	}
	return nil
}

// Everybody returns the role assignments of all principals.
func (c *Checker) Everybody(ctx context.Context) ([]Assignment, error) {
	found, err := c.Store.ListResources(ctx, store.Query{Type: AssignmentType})
	if err != nil {
		return nil, fmt.Errorf("read role assignments: %w", err)
	}
	return readAssignments(found)
}
