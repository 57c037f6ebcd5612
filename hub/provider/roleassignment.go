package provider

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

// assignments is the resource type of role assignments. As in Azure, whoever has
// Microsoft.Authorization/roleAssignments/write on a scope may give any role there, and nobody else any.
type assignments struct{ Deps }

func roleAssignments(deps Deps) resource.Type {
	kind := assignments{deps}
	return resource.Type{
		Name:        "Microsoft.Authorization/roleAssignments",
		Level:       resource.Anywhere,
		APIVersions: authorizationVersions(),
		Names:       guidPattern(),
		Prepare:     kind.prepare,
		Guard:       kind.guard,
		View:        viewAssignment,
		Inside:      clusterOfNamespace,
		Subject:     func(document resource.Document) string { return document.Text("properties.principalId") },
		List:        kind.list,
	}
}

// clusterOfNamespace returns the connected cluster that a namespace is in: roles may be given for one namespace, of whose existence
// the hub knows nothing.
func clusterOfNamespace(scope string) string {
	id, err := fairlead.ParseResourceID(scope)
	if err != nil || len(id.Types) != 2 || id.Scope != "" || !strings.EqualFold(id.Namespace+"/"+id.Types[0], "Microsoft.Kubernetes/connectedClusters") || !strings.EqualFold(id.Types[1], "namespaces") {
		return scope
	}
	id.Types, id.Names = id.Types[:1], id.Names[:1]
	return id.String()
}

func (a assignments) prepare(ctx context.Context, change *resource.Change) error {
	var sent access.Assignment
	properties, _ := change.New["properties"].(map[string]any)
	if err := resource.Document(properties).Decode(&sent); err != nil {
		return err
	}
	role, err := a.Access.Role(ctx, sent.RoleGUID())
	if err != nil {
		return err
	}
	scope := scopeOf(change.ID)
	if !role.Assignable(scope) {
		return access.NoRole(role.GUID)
	}
	if condition := change.New.Text("properties.condition"); condition != "" {
		return noConditions()
	}
	if err := a.refuseUpdate(change, role, sent); err != nil {
		return err
	}
	principal, err := a.Store.GetPrincipal(ctx, sent.PrincipalID)
	if err != nil {
		return orUnknown(err, sent.PrincipalID, a.TenantID)
	}
	kind, err := a.principalType(sent, principal)
	if err != nil {
		return err
	}
	if err := a.refuseSecond(ctx, change.ID, scope, role, principal.ObjectID); err != nil {
		return err
	}
	change.New.Set("properties.principalId", principal.ObjectID)
	change.New.Set("properties.principalType", kind)
	change.New.Set("properties.roleDefinitionId", access.RoleID(change.ID.Subscription, role.GUID))
	change.New.Set("properties.scope", scope)
	return nil
}

// principalType returns what a principal is to Azure, to which identities of clusters are service principals.
// Clients say it to keep a principal from being mistaken for another.
func (assignments) principalType(sent access.Assignment, principal store.Principal) (string, error) {
	kind := principal.Kind
	if kind != store.User && kind != store.Group {
		kind = store.ServicePrincipal
	}
	if sent.PrincipalType != "" && !strings.EqualFold(sent.PrincipalType, kind) {
		return "", fairlead.Errorf(fairlead.Invalid, "The PrincipalId '%s' has type '%s', which is different from specified PrincipalType '%.32s'.",
			strings.ReplaceAll(principal.ObjectID, "-", ""), kind, sent.PrincipalType).WithCode("UnmatchedPrincipalType")
	}
	return kind, nil
}

func orUnknown(err error, principalID, tenantID string) error {
	if fairlead.KindOf(err) != fairlead.NotFound {
		return err
	}
	return fairlead.Errorf(fairlead.Invalid, "Principal %.64s does not exist in the directory %s. Check that you have the correct principal ID. "+
		"If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay.",
		strings.ReplaceAll(principalID, "-", ""), tenantID).WithCode("PrincipalNotFound")
}

// refuseUpdate keeps an assignment as it is: only what describes it can change.
func (a assignments) refuseUpdate(change *resource.Change, role access.Role, sent access.Assignment) error {
	if change.Old == nil {
		return nil
	}
	before := access.Assignment{RoleDefinitionID: change.Old.Text("properties.roleDefinitionId")}
	if strings.EqualFold(before.RoleGUID(), role.GUID) && strings.EqualFold(change.Old.Text("properties.principalId"), sent.PrincipalID) {
		return nil
	}
	return fairlead.Errorf(fairlead.Conflict, "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.").
		WithCode("RoleAssignmentUpdateNotPermitted")
}

// refuseSecond refuses to give the same principal the same role on the same scope twice.
func (a assignments) refuseSecond(ctx context.Context, id fairlead.ResourceID, scope string, role access.Role, principalID string) error {
	held, err := a.Store.ListResources(ctx, store.Query{Type: access.AssignmentType, Subject: strings.ToLower(principalID)})
	if err != nil {
		return err
	}
	for _, other := range held {
		document, err := resource.ReadDocument(other.Body)
		if err != nil {
			return err
		}
		same := access.Assignment{RoleDefinitionID: document.Text("properties.roleDefinitionId")}
		if other.Key != id.Key() && strings.EqualFold(same.RoleGUID(), role.GUID) && strings.EqualFold(document.Text("properties.scope"), scope) {
			return fairlead.Errorf(fairlead.Conflict, "The role assignment already exists. The ID of the existing role assignment is %s.",
				strings.ReplaceAll(other.Name, "-", "")).WithCode("RoleAssignmentExists")
		}
	}
	return nil
}

// guard keeps the last owner of the root: without one, nobody could give roles any more. A group is none, as it may
// be emptied.
func (a assignments) guard(ctx context.Context, stored store.Resource, _ url.Values) error {
	all, err := a.Store.ListResources(ctx, store.Query{Type: access.AssignmentType, Prefix: rootAssignments})
	if err != nil {
		return err
	}
	owners := map[string]bool{}
	for _, assignment := range all {
		document, err := resource.ReadDocument(assignment.Body)
		if err != nil {
			return err
		}
		role := access.Assignment{RoleDefinitionID: document.Text("properties.roleDefinitionId")}
		if strings.EqualFold(role.RoleGUID(), access.Owner) && document.Text("properties.principalType") != store.Group {
			owners[assignment.Key] = true
		}
	}
	if len(owners) == 1 && owners[stored.Key] {
		return fairlead.Errorf(fairlead.Conflict, "The last owner of the scope '/' cannot be removed: make somebody else an owner first.")
	}
	return nil
}

const rootAssignments = "/providers/" + access.AssignmentType + "/"

// scopeOf returns what an assignment is on, "/" for the root.
func scopeOf(id fairlead.ResourceID) string {
	text := id.String()
	if at := strings.LastIndex(text, "/providers/"); at > 0 {
		return text[:at]
	}
	return "/"
}

func viewAssignment(_ context.Context, stored store.Resource, shown resource.Document) {
	showChanges(stored, shown)
}

// list finds the assignments that touch a scope: on it, above it and, unless the filter says
// atScope(), below it.
func (a assignments) list(ctx context.Context, scope, filter string) ([]store.Resource, error) {
	terms, err := readFilter(filter)
	if err != nil {
		return nil, err
	}
	all, err := a.about(ctx, terms)
	if err != nil {
		return nil, err
	}
	var found []store.Resource
	for _, assignment := range all {
		if touches(assignment, strings.ToLower(scope), terms) {
			found = append(found, assignment)
		}
	}
	return found, nil
}

// about returns the assignments of whom the filter names: with principalId a principal's own, with assignedTo() those
// of the groups that it is in, too.
func (a assignments) about(ctx context.Context, terms map[string]string) ([]store.Resource, error) {
	principal, own := terms["principalid"]
	assigned, effective := terms["assignedto"]
	switch {
	case own && principal == "" || effective && assigned == "":
		return nil, nil
	case !effective:
		return a.Store.ListResources(ctx, store.Query{Type: access.AssignmentType, Subject: strings.ToLower(principal)})
	}
	found, err := a.Store.ResourcesAbout(ctx, access.AssignmentType, strings.ToLower(assigned))
	return slices.DeleteFunc(found, func(r store.Resource) bool { return own && !strings.EqualFold(r.Subject, principal) }), err
}

func touches(assignment store.Resource, scope string, terms map[string]string) bool {
	id, err := fairlead.ParseResourceID(assignment.Key)
	if err != nil || !ofType(assignment, terms) {
		return false
	}
	on, asked := strings.TrimSuffix(strings.ToLower(scopeOf(id)), "/"), strings.TrimSuffix(scope, "/")
	above := strings.HasPrefix(asked+"/", on+"/")
	below := strings.HasPrefix(on+"/", asked+"/")
	_, notBelow := terms["atscope"]
	return above || below && !notBelow
}

// ofType reports whether an assignment is to what "principalType eq" asks for, if anything.
func ofType(assignment store.Resource, terms map[string]string) bool {
	wanted, asked := terms["principaltype"]
	if !asked {
		return true
	}
	document, err := resource.ReadDocument(assignment.Body)
	return err == nil && strings.EqualFold(document.Text("properties.principalType"), wanted)
}
