package cli

import (
	"context"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// directoryGroupFlags say which group a command is about, and which member.
type directoryGroupFlags struct {
	group, displayName, description, mailNickname, member string
	force                                                 bool
}

func directoryGroupColumns() []column {
	return []column{{title: "DisplayName", path: "displayName"}, {title: "ObjectId", path: "id"}, {title: "Description", path: "description"}}
}

func memberColumns() []column {
	return []column{
		{title: "DisplayName", path: "displayName"},
		{title: "ObjectId", path: "id"},
		{title: "Type", path: `"@odata.type"`},
		{title: "UserPrincipalName", path: "userPrincipalName"},
	}
}

func newDirectoryGroupCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "group", Short: "Groups of users, service principals and groups",
		Long:    "Make, see and remove groups. A role of a group is each member's, also through groups in groups, for as long as they are members.",
		Example: "  fairlead ad group create --display-name operators --mail-nickname operators\n  fairlead ad group member add -g operators --member-id OBJECT_ID",
	}
	member := &cobra.Command{
		Use: "member", Short: "Members of groups", Long: "Add, see and remove members. Whoever adds one needs the right to give every role that the group has.",
		Example: "  fairlead ad group member list -g operators -o table",
	}
	member.AddCommand(newMemberAddCommand(s), newMemberRemoveCommand(s), newMemberListCommand(s), newMemberCheckCommand(s))
	command.AddCommand(newDirectoryGroupCreateCommand(s), newDirectoryGroupListCommand(s), newDirectoryGroupShowCommand(s), newDirectoryGroupDeleteCommand(s), member)
	return command
}

func newDirectoryGroupCreateCommand(s *session) *cobra.Command {
	var flags directoryGroupFlags
	command := &cobra.Command{
		Use: "create", Short: "Make a group",
		Long:    "Make a group. One that has that name already is shown instead, unless --force is given.",
		Example: "  fairlead ad group create --display-name operators --mail-nickname operators",
		RunE: func(command *cobra.Command, _ []string) error {
			return s.directoryGroupCreate(command.Context(), flags)
		},
	}
	set := command.Flags()
	set.StringVar(&flags.displayName, "display-name", "", "name of the group")
	set.StringVar(&flags.mailNickname, "mail-nickname", "", "alias (default: the name)")
	set.StringVar(&flags.description, "description", "", "what the group is for")
	set.BoolVar(&flags.force, "force", false, "make another group of the same name")
	mustFlag(command, "display-name")
	return command
}

func (s *session) directoryGroupCreate(ctx context.Context, flags directoryGroupFlags) error {
	hub, err := s.hub()
	if err != nil {
		return err
	}
	if !flags.force {
		found, err := hub.Objects(ctx, client.GroupsPath, client.PrincipalFilter("displayName", flags.displayName))
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return s.show(found[0], directoryGroupColumns())
		}
	}
	body := client.Document{
		"displayName": flags.displayName, "mailNickname": first(flags.mailNickname, nickname(flags.displayName)), "mailEnabled": false, "securityEnabled": true,
	}
	if flags.description != "" {
		body["description"] = flags.description
	}
	created := client.Document{}
	if err := hub.Post(ctx, client.GroupsPath, "", body, &created); err != nil {
		return err
	}
	return s.show(created, directoryGroupColumns())
}

// nickname cuts a name to the length of an alias.
func nickname(name string) string { return name[:min(len(name), 64)] }

func newDirectoryGroupListCommand(s *session) *cobra.Command {
	var displayName, filter string
	command := &cobra.Command{
		Use: "list", Short: "List the groups",
		Long:    "List the groups of the hub.",
		Example: "  fairlead ad group list -o table\n  fairlead ad group list --display-name op",
		RunE: func(command *cobra.Command, _ []string) error {
			return s.listObjects(command.Context(), client.GroupsPath, joinFilters(filter, beginsWith("displayName", displayName)),
				directoryGroupColumns(), "No such groups.")
		},
	}
	command.Flags().StringVar(&displayName, "display-name", "", "only those whose name begins so")
	command.Flags().StringVar(&filter, "filter", "", "OData filter, as Microsoft Graph has it")
	return command
}

// directoryGroupCommand gives a command the flag that names a group, and the group's path.
func directoryGroupCommand(s *session, command *cobra.Command, flags *directoryGroupFlags, run func(ctx context.Context, hub *signedIn, path string) error) *cobra.Command {
	command.Flags().StringVarP(&flags.group, "group", "g", "", "object id or name of the group")
	mustFlag(command, "group")
	command.RunE = func(command *cobra.Command, _ []string) error {
		hub, err := s.hub()
		if err != nil {
			return err
		}
		id, err := findDirectoryGroup(command.Context(), hub, flags.group)
		if err != nil {
			return err
		}
		return run(command.Context(), hub, client.GroupsPath+"/"+url.PathEscape(id))
	}
	return command
}

// findDirectoryGroup returns the object id of the group with that id or name.
func findDirectoryGroup(ctx context.Context, hub *signedIn, wanted string) (string, error) {
	for _, property := range []string{"id", "displayName"} {
		found, err := hub.Objects(ctx, client.GroupsPath, client.PrincipalFilter(property, wanted))
		switch {
		case err != nil:
			return "", err
		case len(found) > 1:
			return "", fairlead.Errorf(fairlead.Invalid, "%d groups are called %q: name one by its object id", len(found), wanted)
		case len(found) == 1:
			return text(found[0], "id"), nil
		}
	}
	return "", fairlead.Errorf(fairlead.NotFound, "there is no group with the object id or name %q; see fairlead ad group list", wanted).WithCode("Request_ResourceNotFound")
}

func newDirectoryGroupShowCommand(s *session) *cobra.Command {
	return directoryGroupCommand(s, &cobra.Command{
		Use: "show", Short: "Show a group",
		Long:    "Show a group by object id or name.",
		Example: "  fairlead ad group show -g operators",
	}, &directoryGroupFlags{}, func(ctx context.Context, hub *signedIn, path string) error {
		return s.showObject(ctx, hub, path, directoryGroupColumns())
	})
}

func newDirectoryGroupDeleteCommand(s *session) *cobra.Command {
	return directoryGroupCommand(s, &cobra.Command{
		Use: "delete", Short: "Remove a group",
		Long:    "Remove a group with its roles. Its members stay, without what they could do by it.",
		Example: "  fairlead ad group delete -g operators",
	}, &directoryGroupFlags{}, func(ctx context.Context, hub *signedIn, path string) error {
		_, err := hub.Do(ctx, client.Call{Method: http.MethodDelete, Path: path})
		return err
	})
}

func memberFlag(command *cobra.Command, flags *directoryGroupFlags) *cobra.Command {
	command.Flags().StringVar(&flags.member, "member-id", "", "object id of the user, service principal or group")
	mustFlag(command, "member-id")
	return command
}

func newMemberAddCommand(s *session) *cobra.Command {
	flags := &directoryGroupFlags{}
	return memberFlag(directoryGroupCommand(s, &cobra.Command{
		Use: "add", Short: "Put somebody into a group",
		Long:    "Put a user, a service principal or another group into a group. It holds from the next request on.",
		Example: "  fairlead ad group member add -g operators --member-id OBJECT_ID",
	}, flags, func(ctx context.Context, hub *signedIn, path string) error {
		return hub.Post(ctx, path+"/members/$ref", "", client.Document{"@odata.id": hub.entry.URL + client.ObjectsPath + "/" + flags.member}, nil)
	}), flags)
}

func newMemberRemoveCommand(s *session) *cobra.Command {
	flags := &directoryGroupFlags{}
	return memberFlag(directoryGroupCommand(s, &cobra.Command{
		Use: "remove", Short: "Take somebody out of a group",
		Long:    "Take a member out of a group. The group's roles are no more theirs with the next request.",
		Example: "  fairlead ad group member remove -g operators --member-id OBJECT_ID",
	}, flags, func(ctx context.Context, hub *signedIn, path string) error {
		_, err := hub.Do(ctx, client.Call{Method: http.MethodDelete, Path: path + "/members/" + url.PathEscape(flags.member) + "/$ref"})
		return err
	}), flags)
}

func newMemberListCommand(s *session) *cobra.Command {
	return directoryGroupCommand(s, &cobra.Command{
		Use: "list", Short: "List the members of a group",
		Long:    "List the members of a group: users, service principals and groups that are in it themselves.",
		Example: "  fairlead ad group member list -g operators -o table",
	}, &directoryGroupFlags{}, func(ctx context.Context, hub *signedIn, path string) error {
		found, err := hub.Objects(ctx, path+"/members", "")
		if err != nil {
			return err
		}
		return s.list(found, memberColumns(), "No members. Add one: fairlead ad group member add -g GROUP --member-id OBJECT_ID")
	})
}

func newMemberCheckCommand(s *session) *cobra.Command {
	flags := &directoryGroupFlags{}
	return memberFlag(directoryGroupCommand(s, &cobra.Command{
		Use: "check", Short: "Say whether somebody is in a group",
		Long:    "Say whether a user, service principal or group is in a group, directly or through other groups: value is true or false, and the exit code 0 either way.",
		Example: "  fairlead ad group member check -g operators --member-id OBJECT_ID --query value",
	}, flags, func(ctx context.Context, hub *signedIn, path string) error {
		group := path[len(client.GroupsPath)+1:]
		var found struct {
			Value []string `json:"value"`
		}
		err := hub.Post(ctx, client.ObjectsPath+"/"+url.PathEscape(flags.member)+"/checkMemberGroups", "", client.Document{"groupIds": []string{group}}, &found)
		if err != nil {
			return err
		}
		return s.show(client.Document{"value": len(found.Value) > 0}, []column{{title: "Value", path: "value"}})
	}), flags)
}
