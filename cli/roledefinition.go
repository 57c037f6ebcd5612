package cli

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// A role definition is a page of text; the hub takes no more than this either.

// definitionFlags say which roles a command is about.
type definitionFlags struct {
	name, scope, group, definition string
	customOnly                     bool
}

func newDefinitionCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "definition", Short: "Role definitions",
		Long:    "See which roles there are, and make your own.",
		Example: "  fairlead role definition list -o table\n  fairlead role definition create --role-definition @captain.json",
	}
	command.AddCommand(newDefinitionListCommand(s), newDefinitionShowCommand(s),
		newDefinitionWriteCommand("create", "Make a role of your own", s.definitionCreate),
		newDefinitionWriteCommand("update", "Change a role of your own", s.definitionUpdate),
		newDefinitionDeleteCommand(s))
	return command
}

func definitionColumns() []column {
	return []column{
		{title: "RoleName", path: "properties.roleName"},
		{title: "Type", path: "properties.type"},
		{title: "Name", path: "name"},
		{title: "Description", path: "properties.description"},
	}
}

func newDefinitionListCommand(s *session) *cobra.Command {
	var flags definitionFlags
	command := &cobra.Command{
		Use: "list", Short: "List the roles",
		Long:    "List the roles that can be given in the subscription or on the scope, with the actions that they allow.",
		Example: "  fairlead role definition list -o table\n  fairlead role definition list --custom-role-only --query [].properties.roleName",
		RunE:    func(command *cobra.Command, _ []string) error { return s.definitionList(command.Context(), flags) },
	}
	command.Flags().StringVarP(&flags.name, "name", "n", "", "only the role of this name or id")
	command.Flags().BoolVar(&flags.customOnly, "custom-role-only", false, "only roles that somebody here has made")
	definitionScope(command, &flags)
	return command
}

func newDefinitionShowCommand(s *session) *cobra.Command {
	var flags definitionFlags
	command := &cobra.Command{
		Use: "show", Short: "Show a role",
		Long:    "Show a role by its name or id.",
		Example: `  fairlead role definition show -n "Azure Arc Kubernetes Viewer"`,
		RunE: func(command *cobra.Command, _ []string) error {
			_, found, err := s.oneDefinition(command.Context(), flags)
			if err != nil {
				return err
			}
			return s.show(found, definitionColumns())
		},
	}
	command.Flags().StringVarP(&flags.name, "name", "n", "", "name or id of the role")
	mustFlag(command, "name")
	definitionScope(command, &flags)
	return command
}

func newDefinitionWriteCommand(use, short string, run func(context.Context, definitionFlags) error) *cobra.Command {
	var flags definitionFlags
	command := &cobra.Command{
		Use: use, Short: short,
		Long: short + ". The definition is JSON, as az takes it: Name, Description, Actions, NotActions, DataActions, NotDataActions and AssignableScopes. " +
			"To put actions into a role you need the right to assign roles on its scopes, or these actions yourself.",
		Example: `  fairlead role definition ` + use + ` --role-definition '{"Name": "Cluster Reader", "Actions": ["Microsoft.Kubernetes/connectedClusters/read"], "AssignableScopes": ["/subscriptions/SUB"]}'` +
			"\n  fairlead role definition " + use + " --role-definition @role.json",
		RunE: func(command *cobra.Command, _ []string) error { return run(command.Context(), flags) },
	}
	command.Flags().StringVar(&flags.definition, "role-definition", "", "the role as JSON, @FILE to read it from a file, @- from the input")
	mustFlag(command, "role-definition")
	return command
}

func newDefinitionDeleteCommand(s *session) *cobra.Command {
	var flags definitionFlags
	command := &cobra.Command{
		Use: "delete", Short: "Remove a role of your own",
		Long:    "Remove a role that somebody here has made and that nobody has any more.",
		Example: `  fairlead role definition delete -n "Cluster Reader"`,
		RunE: func(command *cobra.Command, _ []string) error {
			flags.customOnly = true
			hub, found, err := s.oneDefinition(command.Context(), flags)
			if err != nil {
				return err
			}
			return hub.Delete(command.Context(), text(found, "id"), client.AuthorizationVersion, nil)
		},
	}
	command.Flags().StringVarP(&flags.name, "name", "n", "", "name or id of the role")
	mustFlag(command, "name")
	command.Flags().Bool("custom-role-only", true, "accepted as az has it: no other role can be removed")
	definitionScope(command, &flags)
	return command
}

func definitionScope(command *cobra.Command, flags *definitionFlags) {
	command.Flags().StringVar(&flags.scope, "scope", "", "resource id on which the roles can be given (default: the subscription and what is in it)")
	command.Flags().StringVarP(&flags.group, "resource-group", "g", "", "resource group as the scope")
	command.MarkFlagsMutuallyExclusive("scope", "resource-group")
}

// definitions lists the roles that can be given in a subscription, on whatever scope in it.
func definitions(ctx context.Context, hub *signedIn, subscription string) ([]client.Document, error) {
	return hub.List(ctx, "/subscriptions/"+subscription+authorization+"roleDefinitions", client.AuthorizationVersion, url.Values{"$filter": {"atScopeAndBelow()"}})
}

func (s *session) selectDefinitions(ctx context.Context, flags definitionFlags) (*signedIn, []client.Document, error) {
	hub, scope, _, err := s.target(ctx, assignmentFlags{scope: flags.scope, group: flags.group})
	if err != nil {
		return nil, nil, err
	}
	query := url.Values{}
	if flags.scope == "" && flags.group == "" {
		query.Set("$filter", "atScopeAndBelow()")
	}
	all, err := hub.List(ctx, strings.TrimSuffix(scope, "/")+authorization+"roleDefinitions", client.AuthorizationVersion, query)
	return hub, slices.DeleteFunc(all, func(one client.Document) bool { return !flags.wants(one) }), err
}

func (f definitionFlags) wants(definition client.Document) bool {
	properties, _ := definition["properties"].(map[string]any)
	if f.customOnly && text(properties, "type") != "CustomRole" {
		return false
	}
	return f.name == "" || slices.ContainsFunc([]string{roleName(definition), text(definition, "name"), text(definition, "id")},
		func(known string) bool { return strings.EqualFold(known, f.name) })
}

func (s *session) definitionList(ctx context.Context, flags definitionFlags) error {
	_, found, err := s.selectDefinitions(ctx, flags)
	if err != nil {
		return err
	}
	return s.list(found, definitionColumns(), "No such roles.")
}

func (s *session) oneDefinition(ctx context.Context, flags definitionFlags) (*signedIn, client.Document, error) {
	hub, found, err := s.selectDefinitions(ctx, flags)
	if err != nil {
		return nil, nil, err
	}
	if len(found) == 0 {
		return nil, nil, fairlead.Errorf(fairlead.NotFound, "(RoleDefinitionDoesNotExist) there is no such role %q: run fairlead role definition list -o table", flags.name).
			WithCode("RoleDefinitionDoesNotExist")
	}
	return hub, found[0], nil
}

// writtenRole is a role as az writes it in files, or as the hub shows it.
type writtenRole struct {
	Name, RoleName, ID, Description                  string
	Actions, NotActions, DataActions, NotDataActions []string
	AssignableScopes                                 []string
	Permissions                                      []map[string]any
}

func (s *session) readDefinition(argument string) (writtenRole, error) {
	content, err := s.readArgument("--role-definition", argument)
	if err != nil {
		return writtenRole{}, err
	}
	var role writtenRole
	if err := json.Unmarshal(content, &role); err != nil {
		return role, usagef("--role-definition is not JSON of a role: %w", notJSON(content, err))
	}
	if role.RoleName == "" {
		role.RoleName = role.Name
	}
	if role.RoleName == "" || len(role.AssignableScopes) == 0 {
		return role, usagef(`--role-definition needs "Name" and "AssignableScopes", such as ["/subscriptions/SUB"]`)
	}
	return role, nil
}

func (r writtenRole) body() client.Document {
	permissions := r.Permissions
	if permissions == nil {
		permissions = []map[string]any{{
			"actions": r.Actions, "notActions": r.NotActions, "dataActions": r.DataActions, "notDataActions": r.NotDataActions,
		}}
	}
	return client.Document{"properties": client.Document{
		"roleName": r.RoleName, "type": "CustomRole", "description": r.Description, "assignableScopes": r.AssignableScopes, "permissions": permissions,
	}}
}

func (s *session) definitionCreate(ctx context.Context, flags definitionFlags) error {
	role, err := s.readDefinition(flags.definition)
	if err != nil {
		return err
	}
	hub, err := s.hub()
	if err != nil {
		return err
	}
	return s.writeDefinition(ctx, hub, role, newGUID())
}

// definitionUpdate finds the role by its id, or by its name where there is none.
func (s *session) definitionUpdate(ctx context.Context, flags definitionFlags) error {
	role, err := s.readDefinition(flags.definition)
	if err != nil {
		return err
	}
	id := role.ID[strings.LastIndex(role.ID, "/")+1:]
	hub, found, err := s.oneDefinition(ctx, definitionFlags{name: first(id, role.RoleName), customOnly: true})
	if err != nil {
		return err
	}
	return s.writeDefinition(ctx, hub, role, text(found, "name"))
}

func (s *session) writeDefinition(ctx context.Context, hub *signedIn, role writtenRole, guid string) error {
	document := client.Document{}
	path := strings.TrimSuffix(role.AssignableScopes[0], "/") + authorization + "roleDefinitions/" + guid
	if err := hub.Put(ctx, path, client.AuthorizationVersion, role.body(), &document); err != nil {
		return err
	}
	return s.show(document, definitionColumns())
}
