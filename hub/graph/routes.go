package graph

import (
	"net/http"
	"slices"

	"github.com/fairlead/fairlead/store"
)

const version = "/v1.0"

// routes are all addresses of the directory, in lower case.
func (a *API) routes() []route {
	users, groups := version+"/users", version+"/groups"
	services, objects := version+"/serviceprincipals", version+"/directoryobjects"
	return slices.Concat([]route{
		{"/v1.0/", readAction, notFound, false},
		{"GET " + version + "/organization", everybody, a.organizations, false},
		{"GET " + version + "/me", everybody, a.me, false},
		{"POST " + version + "/me/changepassword", everybody, a.changePassword, false},
		{"POST " + users + "/{id}/changepassword", writeUsers, a.changePassword, true},
		{"GET " + users, readUsers, a.lister(store.User), false},
		{"GET " + users + "/$count", readUsers, a.counter(store.User), false},
		{"POST " + users, writeUsers, a.createUser, false},
		{"GET " + users + "/{id}", readUsers, a.getter(store.User), true},
		{"PATCH " + users + "/{id}", writeUsers, a.updateUser, false},
		{"DELETE " + users + "/{id}", deleteUsers, a.deleter(store.User), false},
		{"GET " + groups, readGroups, a.lister(store.Group), false},
		{"GET " + groups + "/$count", readGroups, a.counter(store.Group), false},
		{"POST " + groups, writeGroups, a.createGroup, false},
		{"GET " + groups + "/{id}", readGroups, a.getter(store.Group), false},
		{"PATCH " + groups + "/{id}", writeGroups, a.updateGroup, false},
		{"DELETE " + groups + "/{id}", deleteGroups, a.deleter(store.Group), false},
		{"GET " + groups + "/{id}/owners", readGroups, noOwners, false},
		{"GET " + groups + "/{id}/members", readGroups, a.related(store.Members, store.Group), false},
		{"GET " + groups + "/{id}/members/{cast}", readGroups, a.related(store.Members, store.Group), false},
		{"POST " + groups + "/{id}/members/$ref", writeGroups, a.addMember, false},
		{"DELETE " + groups + "/{id}/members/{member}/$ref", writeGroups, a.removeMember, false},
		{"GET " + groups + "/{id}/transitivemembers", readGroups, a.related(store.TransitiveMembers, store.Group), false},
		{"GET " + groups + "/{id}/transitivemembers/{cast}", readGroups, a.related(store.TransitiveMembers, store.Group), false},
		{"GET " + objects + "/{id}", readObjects, a.getter(), true},
		{"POST " + objects + "/getbyids", readObjects, a.byIDs, false},
	},
		a.servicePrincipalRoutes(services), a.applicationRoutes(version+"/applications"),
		a.membershipRoutes(version+"/me", everybody), a.membershipRoutes(users+"/{id}", readUsers, store.User),
		a.membershipRoutes(groups+"/{id}", readGroups, store.Group), a.membershipRoutes(services+"/{id}", readAction, serviceKinds()...),
		a.membershipRoutes(objects+"/{id}", readObjects))
}

// membershipRoutes are what all kinds of principals can be asked: what they are in. Everybody may ask about
// themselves, as a token whose groups do not fit refers to that.
func (a *API) membershipRoutes(one, action string, kinds ...string) []route {
	return []route{
		{"GET " + one + "/memberof", action, a.related(store.MemberOf, kinds...), true},
		{"GET " + one + "/memberof/{cast}", action, a.related(store.MemberOf, kinds...), true},
		{"GET " + one + "/transitivememberof", action, a.related(store.TransitiveMemberOf, kinds...), true},
		{"GET " + one + "/transitivememberof/{cast}", action, a.related(store.TransitiveMemberOf, kinds...), true},
		{"POST " + one + "/getmembergroups", action, a.memberObjects(kinds...), true},
		{"POST " + one + "/getmemberobjects", action, a.memberObjects(kinds...), true},
		{"POST " + one + "/checkmembergroups", action, a.checkMembers(kinds...), true},
		{"POST " + one + "/checkmemberobjects", action, a.checkMembers(kinds...), true},
	}
}

func (a *API) servicePrincipalRoutes(all string) []route {
	one := all + "/{id}"
	return []route{
		{"GET " + all, readAction, a.lister(serviceKinds()...), false},
		{"GET " + all + "/$count", readAction, a.counter(serviceKinds()...), false},
		{"POST " + all, writeAction, a.create, false},
		{"GET " + one, readAction, a.get, true},
		{"PATCH " + one, writeAction, a.updateService, false},
		{"DELETE " + one, deleteAction, a.remove, false},
		{"POST " + one + "/addpassword", writeAction, a.addPassword, false},
		{"POST " + one + "/removepassword", writeAction, a.removePassword, false},
		{"POST " + one + "/addkey", writeAction, a.addKey, false},
		{"POST " + one + "/removekey", writeAction, a.removeKey, false},
		{"GET " + one + "/federatedidentitycredentials", readAction, a.listFederated, false},
		{"POST " + one + "/federatedidentitycredentials", writeAction, a.addFederated, false},
		{"DELETE " + one + "/federatedidentitycredentials/{credential}", writeAction, a.removeFederated, false},
	}
}

// noOwners: groups have none here; who may change them is in the roles.
func noOwners(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	return http.StatusOK, collection{Context: contextOf(r), Value: []object{}}, nil
}

// me shows the user who asks.
func (a *API) me(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	found, err := a.Store.GetPrincipal(r.Context(), caller(r.Context()))
	if err != nil {
		return 0, nil, err
	}
	if found.Kind != store.User {
		return 0, nil, invalid("/me request is only valid with delegated authentication flow: a service principal is signed in, not a user.")
	}
	one := shown(found).only(readSelect(r.URL.Query()))
	one["@odata.context"] = contextOf(r) + "/$entity"
	return http.StatusOK, one, nil
}

// organizations shows the one tenant that there is.
func (a *API) organizations(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	tenant := object{
		"@odata.type": "#microsoft.graph.organization", "id": a.TenantID, "displayName": "Fairlead", "tenantType": "AAD",
		"verifiedDomains": []object{}, "assignedPlans": []object{},
	}
	return http.StatusOK, collection{Context: contextOf(r), Value: []object{tenant.only(readSelect(r.URL.Query()))}}, nil
}
