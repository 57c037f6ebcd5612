package provider

import (
	"net/http"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/hub/resource"
)

// permissions tells callers what they may do on a scope. Whoever may do nothing gets an empty list.
func permissions(deps Deps) resource.Type {
	return resource.Type{
		Name: "Microsoft.Authorization/permissions", Level: resource.Anywhere, APIVersions: authorizationVersions(),
		Serve: func(w http.ResponseWriter, r *http.Request, at resource.Place) error {
			if !at.Collection || r.Method != http.MethodGet {
				return fairlead.Errorf(fairlead.MethodNotAllowed, "Permissions can only be listed.")
			}
			held, err := deps.Access.Permissions(r.Context(), at.Scope)
			if err != nil {
				return err
			}
			reply.JSON(w, http.StatusOK, list[access.Permission]{Value: held})
			return nil
		},
	}
}

// denyAssignments are none: what is not granted is denied. Clients that look for them find an empty list.
func denyAssignments(deps Deps) resource.Type {
	return resource.Type{
		Name: "Microsoft.Authorization/denyAssignments", Level: resource.Anywhere, APIVersions: authorizationVersions(),
		Serve: func(w http.ResponseWriter, r *http.Request, at resource.Place) error {
			if r.Method != http.MethodGet {
				return fairlead.Errorf(fairlead.MethodNotAllowed, "Deny assignments can only be read.")
			}
			if _, err := deps.Access.Filter(r.Context(), "Microsoft.Authorization/denyAssignments/read", at.Scope); err != nil {
				return err
			}
			if !at.Collection {
				return fairlead.Errorf(fairlead.NotFound, "The deny assignment '%.64s' is not found.", at.ID.Name()).WithCode("DenyAssignmentNotFound")
			}
			reply.JSON(w, http.StatusOK, list[access.Permission]{Value: []access.Permission{}})
			return nil
		},
	}
}
