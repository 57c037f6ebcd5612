package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

const authorization = "/providers/Microsoft.Authorization/"

// assignmentFlags say whom a role assignment is about, which role, and where.
type assignmentFlags struct {
	assignee, objectID, principalType, role, scope, group string
	ids                                                   []string
	all, inherited, yes                                   bool
}

func newRoleCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "role", Short: "Roles and who has them",
		Long:    "Give roles to principals on scopes, see who has which, and take them away. A change holds from the next request on.",
		Example: "  fairlead role definition list -o table\n  fairlead role assignment create --assignee APP_ID --role Reader -g shops",
	}
	assignment := &cobra.Command{Use: "assignment", Short: "Role assignments", Long: "Give, see and take away roles.", Example: "  fairlead role assignment list --all -o table"}
	assignment.AddCommand(newAssignmentCreateCommand(s), newAssignmentListCommand(s), newAssignmentDeleteCommand(s))
	command.AddCommand(assignment, newDefinitionCommand(s))
	return command
}

func assignmentFlagSet(command *cobra.Command, flags *assignmentFlags) {
	set := command.Flags()
	set.StringVar(&flags.assignee, "assignee", "", "principal name of a user, or object id, application id or name of a user, group or service principal")
	set.StringVar(&flags.objectID, "assignee-object-id", "", "object id of the principal, not looked up (a cluster's identity, say)")
	set.StringVar(&flags.principalType, "assignee-principal-type", "", "User, Group or ServicePrincipal; the hub refuses a principal that is something else")
	set.StringVar(&flags.role, "role", "", "role, by name or id; see fairlead role definition list")
	set.StringVar(&flags.scope, "scope", "", "resource id on which the role holds (default: the subscription, or the group of -g)")
	set.StringVarP(&flags.group, "resource-group", "g", "", "resource group as the scope")
	command.MarkFlagsMutuallyExclusive("assignee", "assignee-object-id")
	command.MarkFlagsMutuallyExclusive("scope", "resource-group")
}

func newAssignmentCreateCommand(s *session) *cobra.Command {
	var flags assignmentFlags
	command := &cobra.Command{
		Use: "create", Short: "Give a role to a principal on a scope",
		Long:    "Give a role to a principal on a scope and on everything below it. Giving a role that is there already changes nothing.",
		Example: "  fairlead role assignment create --assignee APP_ID --role Reader -g shops\n  fairlead role assignment create --assignee ana@example.org --role Owner --scope /",
		RunE:    func(command *cobra.Command, _ []string) error { return s.assignmentCreate(command.Context(), flags) },
	}
	assignmentFlagSet(command, &flags)
	mustFlag(command, "role")
	command.MarkFlagsOneRequired("assignee", "assignee-object-id")
	return command
}

func newAssignmentListCommand(s *session) *cobra.Command {
	var flags assignmentFlags
	command := &cobra.Command{
		Use: "list", Short: "List role assignments",
		Long:    "List the role assignments on a scope: the subscription, unless another is named. With --include-inherited also those on scopes above, which hold on it too; with --all also those below.",
		Example: "  fairlead role assignment list --all -o table\n  fairlead role assignment list -g shops --include-inherited\n  fairlead role assignment list --assignee APP_ID",
		RunE:    func(command *cobra.Command, _ []string) error { return s.assignmentList(command.Context(), flags) },
	}
	assignmentFlagSet(command, &flags)
	command.Flags().BoolVar(&flags.all, "all", false, "all that hold on the scope, and those on scopes below")
	command.Flags().BoolVar(&flags.inherited, "include-inherited", false, "also those on scopes above")
	return command
}

func newAssignmentDeleteCommand(s *session) *cobra.Command {
	var flags assignmentFlags
	command := &cobra.Command{
		Use: "delete", Short: "Take a role away",
		Long:    "Take away the role assignments that --ids names, or those of a principal on exactly one scope.",
		Example: "  fairlead role assignment delete --assignee APP_ID --role Reader -g shops",
		RunE:    func(command *cobra.Command, _ []string) error { return s.assignmentDelete(command.Context(), flags) },
	}
	assignmentFlagSet(command, &flags)
	command.Flags().Var(&words{into: &flags.ids}, "ids", "ids of role assignments, separated by blanks")
	command.Flags().BoolVarP(&flags.yes, "yes", "y", false, "accepted as az has it")
	command.MarkFlagsOneRequired("ids", "assignee", "assignee-object-id")
	return command
}

func roleName(definition client.Document) string {
	properties, _ := definition["properties"].(map[string]any)
	return text(properties, "roleName")
}

// rolePlan is a role, found, and the scopes on which it is to be given.
type rolePlan struct {
	definition string
	scopes     []string
}

func (s *session) planRole(ctx context.Context, hub *signedIn, role string, scopes []string) (rolePlan, error) {
	if role == "" {
		return rolePlan{}, nil
	}
	subscription, err := s.subscriptionID(ctx, hub)
	if err != nil {
		return rolePlan{}, err
	}
	if len(scopes) == 0 {
		scopes = []string{"/subscriptions/" + subscription}
	}
	definition, err := findRole(ctx, hub, subscription, role)
	return rolePlan{definition: definition, scopes: scopes}, err
}

func findRole(ctx context.Context, hub *signedIn, subscription, role string) (string, error) {
	all, err := definitions(ctx, hub, subscription)
	if err != nil {
		return "", err
	}
	names := make([]string, 0, len(all))
	for _, one := range all {
		if strings.EqualFold(roleName(one), role) || strings.EqualFold(text(one, "name"), role) || strings.EqualFold(text(one, "id"), role) {
			return text(one, "id"), nil
		}
		names = append(names, roleName(one))
	}
	return "", fairlead.Errorf(fairlead.NotFound, "there is no role %q; there are: %s", role, strings.Join(names, ", ")).WithCode("RoleDefinitionDoesNotExist")
}

func (p rolePlan) give(ctx context.Context, hub *signedIn, principal string) error {
	for _, scope := range p.scopes {
		if _, err := assign(ctx, hub, p.definition, scope, principal, ""); err != nil {
			return err
		}
	}
	return nil
}

// assign gives a role; kind is what the principal must be, empty for anything.
func assign(ctx context.Context, hub *signedIn, definition, scope, principal, kind string) (client.Document, error) {
	properties := client.Document{"roleDefinitionId": definition, "principalId": principal}
	if kind != "" {
		properties["principalType"] = kind
	}
	document := client.Document{}
	path := assignmentPath(scope) + "/" + newGUID()
	err := hub.Put(ctx, path, client.AuthorizationVersion, client.Document{"properties": properties}, &document)
	return document, err
}

func assignmentPath(scope string) string {
	return strings.TrimSuffix(scope, "/") + authorization + "roleAssignments"
}

// newGUID makes a random (version 4) GUID, which is what role assignments are called.
func newGUID() string {
	var bits [16]byte
	_, _ = rand.Read(bits[:]) // it never fails
	bits[6], bits[8] = bits[6]&0x0f|0x40, bits[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", bits[:4], bits[4:6], bits[6:8], bits[8:10], bits[10:])
}

// target returns the hub, the scope and the principal (if one was named) of an assignment command.
func (s *session) target(ctx context.Context, flags assignmentFlags) (hub *signedIn, scope, principal string, err error) {
	if err := checkGroupFlag(flags.group); err != nil {
		return nil, "", "", err
	}
	hub, subscription, err := s.place(ctx)
	if err != nil {
		return nil, "", "", err
	}
	switch {
	case flags.group != "":
		scope = "/subscriptions/" + subscription + "/resourceGroups/" + url.PathEscape(flags.group)
	default:
		scope = first(flags.scope, "/subscriptions/"+subscription)
	}
	if flags.assignee == "" {
		return hub, scope, flags.objectID, nil
	}
	principal, err = findAssignee(ctx, hub, flags.assignee)
	return hub, scope, principal, err
}

func assignmentColumns() []column {
	return []column{
		{title: "Principal", path: "properties.principalName || properties.principalId"},
		{title: "Role", path: "properties.roleDefinitionName || properties.roleDefinitionId"},
		{title: "Scope", path: "properties.scope"},
	}
}

func (s *session) assignmentCreate(ctx context.Context, flags assignmentFlags) error {
	hub, scope, principal, err := s.target(ctx, flags)
	if err != nil {
		return err
	}
	plan, err := s.planRole(ctx, hub, flags.role, []string{scope})
	if err != nil {
		return err
	}
	document, err := assign(ctx, hub, plan.definition, scope, principal, flags.principalType)
	if fairlead.CodeOf(err) == "RoleAssignmentExists" {
		return s.say(s.streams.Err, "That role is there already.")
	}
	if err != nil {
		return err
	}
	return s.show(document, assignmentColumns())
}

// assignments lists those on a scope that concern a principal and a role, if these are named.
func (s *session) assignments(ctx context.Context, hub *signedIn, scope, principal, role string) ([]client.Document, error) {
	all, err := hub.List(ctx, assignmentPath(scope), client.AuthorizationVersion, nil)
	if err != nil {
		return nil, err
	}
	names, err := s.names(ctx, hub)
	if err != nil {
		return nil, err
	}
	kept := []client.Document{}
	for _, one := range all {
		properties, _ := one["properties"].(map[string]any)
		if properties == nil || principal != "" && !strings.EqualFold(text(properties, "principalId"), principal) {
			continue
		}
		definition := strings.ToLower(text(properties, "roleDefinitionId"))
		guid := definition[strings.LastIndex(definition, "/")+1:]
		if names[guid] != "" {
			properties["roleDefinitionName"] = names[guid]
		}
		if role == "" || strings.EqualFold(names[guid], role) || strings.EqualFold(guid, role[strings.LastIndex(role, "/")+1:]) {
			kept = append(kept, one)
		}
	}
	return kept, nil
}

// names returns the roles' names by their GUIDs.
func (s *session) names(ctx context.Context, hub *signedIn) (map[string]string, error) {
	subscription, err := s.subscriptionID(ctx, hub)
	if err != nil {
		return nil, err
	}
	all, err := definitions(ctx, hub, subscription)
	names := map[string]string{}
	for _, one := range all {
		names[strings.ToLower(text(one, "name"))] = roleName(one)
	}
	return names, err
}

func (s *session) assignmentList(ctx context.Context, flags assignmentFlags) error {
	hub, scope, principal, err := s.target(ctx, flags)
	if err != nil {
		return err
	}
	found, err := s.assignments(ctx, hub, scope, principal, flags.role)
	if err != nil {
		return err
	}
	kept := []client.Document{}
	for _, one := range found {
		if flags.all || holdsOn(one, scope) && (flags.inherited || isOn(one, scope)) {
			kept = append(kept, one)
		}
	}
	namePrincipals(ctx, hub, kept)
	return s.list(kept, assignmentColumns(), "No role assignments there; --all also shows those below.")
}

// holdsOn reports whether an assignment is on the scope itself or above it.
func holdsOn(assignment client.Document, scope string) bool {
	properties, _ := assignment["properties"].(map[string]any)
	on := strings.ToLower(strings.TrimSuffix(text(properties, "scope"), "/"))
	return strings.HasPrefix(strings.ToLower(scope)+"/", on+"/")
}

// isOn reports whether an assignment is on the scope itself.
func isOn(assignment client.Document, scope string) bool {
	properties, _ := assignment["properties"].(map[string]any)
	return strings.EqualFold(strings.TrimSuffix(text(properties, "scope"), "/"), strings.TrimSuffix(scope, "/"))
}

func (s *session) assignmentDelete(ctx context.Context, flags assignmentFlags) error {
	hub, scope, principal, err := s.target(ctx, flags)
	if err != nil {
		return err
	}
	ids := flags.ids
	if len(ids) == 0 {
		if ids, err = s.matching(ctx, hub, scope, principal, flags.role); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if err := hub.Delete(ctx, id, client.AuthorizationVersion, nil); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) matching(ctx context.Context, hub *signedIn, scope, principal, role string) ([]string, error) {
	found, err := s.assignments(ctx, hub, scope, principal, role)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, one := range found {
		if isOn(one, scope) {
			ids = append(ids, text(one, "id"))
		}
	}
	if len(ids) == 0 {
		return nil, fairlead.Errorf(fairlead.NotFound, "no such role assignment on %s", scope).WithCode("RoleAssignmentNotFound")
	}
	return ids, nil
}
