package cli

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// userFlags say what a user is to be; each command offers those that it needs.
type userFlags struct {
	id, name, displayName, mailNickname, password, passwordFile string
	enabled, forceChange, onlySecurity                          bool
}

func userColumns() []column {
	return []column{
		{title: "DisplayName", path: "displayName"},
		{title: "UserPrincipalName", path: "userPrincipalName"},
		{title: "ObjectId", path: "id"},
		{title: "Enabled", path: "accountEnabled"},
	}
}

func newUserCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "user", Short: "Users",
		Long:    "Make, see, change and remove users: people who sign in with a name and a password, or at another issuer.",
		Example: "  fairlead ad user create --display-name Ana --user-principal-name ana@example.org\n  fairlead ad user list -o table",
	}
	command.AddCommand(newUserCreateCommand(s), newUserListCommand(s), newUserShowCommand(s), newUserUpdateCommand(s), newUserDeleteCommand(s), newUserGroupsCommand(s))
	return command
}

func newSignedInUserCommand(s *session) *cobra.Command {
	command := &cobra.Command{Use: "signed-in-user", Short: "The user who is signed in", Long: "See who is signed in.", Example: "  fairlead ad signed-in-user show"}
	command.AddCommand(&cobra.Command{
		Use: "show", Short: "Show the user who is signed in",
		Long:    "Show the user who is signed in. It fails when a service principal is.",
		Example: "  fairlead ad signed-in-user show --query id -o tsv",
		RunE: func(command *cobra.Command, _ []string) error {
			hub, err := s.hub()
			if err != nil {
				return err
			}
			return s.showObject(command.Context(), hub, client.MePath, userColumns())
		},
	})
	return command
}

// showObject shows the directory object at a path.
func (s *session) showObject(ctx context.Context, hub *signedIn, path string, columns []column) error {
	found := client.Document{}
	if err := hub.Get(ctx, path, "", &found); err != nil {
		return err
	}
	return s.show(found, columns)
}

const passwordHelp = `

The password is read from --password-file, or asked for. --password VALUE is accepted as az has it, but other users of this
machine may see it in the list of processes, and your shell keeps it: --password - reads it from the input.`

func passwordFlags(command *cobra.Command, flags *userFlags) {
	command.Flags().StringVar(&flags.password, "password", "", `the password; others on this machine may see it, so rather give "-" to read it from the input`)
	command.Flags().StringVar(&flags.passwordFile, "password-file", "", "file that holds the password")
	command.MarkFlagsMutuallyExclusive("password", "password-file")
}

func newUserCreateCommand(s *session) *cobra.Command {
	var flags userFlags
	command := &cobra.Command{
		Use: "create", Short: "Make a user",
		Long:    "Make a user who signs in with a password." + passwordHelp,
		Example: "  fairlead ad user create --display-name Ana --user-principal-name ana@example.org --force-change-password-next-sign-in\n  fairlead ad user create --display-name Ana --user-principal-name ana@example.org --password - < password.txt",
		RunE:    func(command *cobra.Command, _ []string) error { return s.userCreate(command.Context(), flags) },
	}
	set := command.Flags()
	set.StringVar(&flags.displayName, "display-name", "", "the name that people see")
	set.StringVar(&flags.name, "user-principal-name", "", "the name to sign in with, such as ana@example.org")
	set.StringVar(&flags.mailNickname, "mail-nickname", "", "alias (default: what stands before the @)")
	set.BoolVar(&flags.forceChange, "force-change-password-next-sign-in", false, "the password is good for one sign-in, at which another is chosen")
	passwordFlags(command, &flags)
	mustFlag(command, "display-name")
	mustFlag(command, "user-principal-name")
	return command
}

func (s *session) userCreate(ctx context.Context, flags userFlags) error {
	hub, err := s.hub()
	if err != nil {
		return err
	}
	secret, err := s.newPassword(ctx, flags)
	if err != nil {
		return err
	}
	alias, _, _ := strings.Cut(flags.name, "@")
	created := client.Document{}
	err = hub.Post(ctx, client.UsersPath, "", client.Document{
		"accountEnabled": true, "displayName": flags.displayName, "userPrincipalName": flags.name, "mailNickname": first(flags.mailNickname, alias),
		"passwordProfile": client.Document{"password": secret.Reveal(), "forceChangePasswordNextSignIn": flags.forceChange},
	}, &created)
	if err != nil {
		return err
	}
	return s.show(created, userColumns())
}

// newPassword reads a password that is to be set. A person types it twice.
func (s *session) newPassword(ctx context.Context, flags userFlags) (client.Secret, error) {
	switch {
	case flags.password == "-":
		return readSecret(s.streams.In)
	case flags.password != "":
		s.warn("a password on the command line can be seen by others: use --password-file, or let it be asked for")
		return client.Secret(flags.password), nil
	case flags.passwordFile != "":
		file, err := os.Open(flags.passwordFile)
		if err != nil {
			return "", usagef("--password-file cannot be read: %w", err)
		}
		defer func() { _ = file.Close() }()
		return readSecret(file)
	}
	if !s.interactive() {
		return "", usagef("the password is missing: give --password-file FILE, or --password - to read it from the input")
	}
	typed, err := s.password(ctx, "Password of the user: ")
	if err != nil {
		return "", err
	}
	again, err := s.password(ctx, "The same again: ")
	if err == nil && typed != again {
		return "", fairlead.Errorf(fairlead.Invalid, "the two passwords differ: nothing was changed")
	}
	return typed, err
}

func readSecret(from io.Reader) (client.Secret, error) {
	content, err := io.ReadAll(io.LimitReader(from, maxAnswer))
	if err != nil {
		return "", fairlead.Errorf(fairlead.Invalid, "the password cannot be read: %w", err)
	}
	secret := strings.TrimRight(string(content), "\r\n")
	if secret == "" {
		return "", usagef("the password is empty")
	}
	return client.Secret(secret), nil
}

func newUserListCommand(s *session) *cobra.Command {
	var name, displayName, filter string
	command := &cobra.Command{
		Use: "list", Short: "List the users",
		Long:    "List the users of the hub.",
		Example: "  fairlead ad user list -o table\n  fairlead ad user list --display-name An\n  fairlead ad user list --filter \"mail eq 'ana@example.org'\"",
		RunE: func(command *cobra.Command, _ []string) error {
			return s.listObjects(command.Context(), client.UsersPath, joinFilters(filter,
				equalTo("userPrincipalName", name), beginsWith("displayName", displayName)), userColumns(), "No such users.")
		},
	}
	command.Flags().StringVar(&name, "upn", "", "only the user of this name")
	command.Flags().StringVar(&displayName, "display-name", "", "only those whose display name begins so")
	command.Flags().StringVar(&filter, "filter", "", "OData filter, as Microsoft Graph has it")
	return command
}

func equalTo(property, value string) string {
	if value == "" {
		return ""
	}
	return client.PrincipalFilter(property, value)
}

func beginsWith(property, value string) string {
	if value == "" {
		return ""
	}
	return "startswith(" + property + ",'" + strings.ReplaceAll(value, "'", "''") + "')"
}

func joinFilters(filters ...string) string {
	var given []string
	for _, filter := range filters {
		if filter != "" {
			given = append(given, filter)
		}
	}
	return strings.Join(given, " and ")
}

// listObjects lists the directory objects at a path.
func (s *session) listObjects(ctx context.Context, path, filter string, columns []column, nothing string) error {
	hub, err := s.hub()
	if err != nil {
		return err
	}
	found, err := hub.Objects(ctx, path, filter)
	if err != nil {
		return err
	}
	return s.list(found, columns, nothing)
}

// userCommand gives a command the flag that names a user.
func userCommand(s *session, command *cobra.Command, flags *userFlags, run func(ctx context.Context, hub *signedIn, path string) error) *cobra.Command {
	command.Flags().StringVar(&flags.id, "id", "", "object id or principal name of the user")
	mustFlag(command, "id")
	command.RunE = func(command *cobra.Command, _ []string) error {
		hub, err := s.hub()
		if err != nil {
			return err
		}
		return run(command.Context(), hub, client.UsersPath+"/"+url.PathEscape(flags.id))
	}
	return command
}

func newUserShowCommand(s *session) *cobra.Command {
	return userCommand(s, &cobra.Command{
		Use: "show", Short: "Show a user",
		Long:    "Show a user by object id or principal name.",
		Example: "  fairlead ad user show --id ana@example.org",
	}, &userFlags{}, func(ctx context.Context, hub *signedIn, path string) error {
		return s.showObject(ctx, hub, path, userColumns())
	})
}

func newUserDeleteCommand(s *session) *cobra.Command {
	return userCommand(s, &cobra.Command{
		Use: "delete", Short: "Remove a user",
		Long:    "Remove a user with their password, memberships and roles. They have no access any more, at once.",
		Example: "  fairlead ad user delete --id ana@example.org",
	}, &userFlags{}, func(ctx context.Context, hub *signedIn, path string) error {
		_, err := hub.Do(ctx, client.Call{Method: http.MethodDelete, Path: path})
		return err
	})
}

func newUserUpdateCommand(s *session) *cobra.Command {
	flags := &userFlags{}
	var command *cobra.Command
	command = userCommand(s, &cobra.Command{
		Use: "update", Short: "Change a user",
		Long: `Change a user: name, password, or whether the account is enabled. Who is disabled has no access any more, at once.
With --password or --password-file another password is set. What could make you the user, or take the user's roles
away, needs the right to give each role that the user has.`,
		Example: "  fairlead ad user update --id ana@example.org --account-enabled false\n  fairlead ad user update --id ana@example.org --password-file new.txt --force-change-password-next-sign-in",
	}, flags, func(ctx context.Context, hub *signedIn, path string) error {
		changes, err := s.userChanges(ctx, command, *flags)
		if err != nil {
			return err
		}
		_, err = hub.Do(ctx, client.Call{Method: http.MethodPatch, Path: path, Body: changes})
		return err
	})
	set := command.Flags()
	set.StringVar(&flags.displayName, "display-name", "", "the name that people see")
	set.StringVar(&flags.mailNickname, "mail-nickname", "", "alias")
	set.Var(&truth{into: &flags.enabled}, "account-enabled", "true or false")
	set.BoolVar(&flags.forceChange, "force-change-password-next-sign-in", false, "the password is good for one sign-in, at which another is chosen")
	passwordFlags(command, flags)
	return command
}

func (s *session) userChanges(ctx context.Context, command *cobra.Command, flags userFlags) (client.Document, error) {
	changes := client.Document{}
	given := command.Flags().Changed
	for flag, change := range map[string]struct {
		property string
		value    any
	}{
		"display-name":    {"displayName", flags.displayName},
		"mail-nickname":   {"mailNickname", flags.mailNickname},
		"account-enabled": {"accountEnabled", flags.enabled},
	} {
		if given(flag) {
			changes[change.property] = change.value
		}
	}
	profile := client.Document{"forceChangePasswordNextSignIn": flags.forceChange}
	if given("password") || given("password-file") {
		secret, err := s.newPassword(ctx, flags)
		if err != nil {
			return nil, err
		}
		profile["password"] = secret.Reveal()
	}
	if given("force-change-password-next-sign-in") || profile["password"] != nil {
		changes["passwordProfile"] = profile
	}
	if len(changes) == 0 {
		return nil, usagef("nothing to change: give --display-name, --mail-nickname, --account-enabled, --password-file or --force-change-password-next-sign-in")
	}
	return changes, nil
}

func newUserGroupsCommand(s *session) *cobra.Command {
	flags := &userFlags{}
	command := userCommand(s, &cobra.Command{
		Use: "get-member-groups", Short: "List the groups that a user is in",
		Long:    "List the groups that a user is in, directly or through other groups.",
		Example: "  fairlead ad user get-member-groups --id ana@example.org -o table",
	}, flags, func(ctx context.Context, hub *signedIn, path string) error {
		found, err := hub.Objects(ctx, path+"/transitiveMemberOf", "")
		if err != nil {
			return err
		}
		shown := []client.Document{}
		for _, one := range found {
			shown = append(shown, client.Document{"id": one["id"], "displayName": one["displayName"]})
		}
		return s.list(shown, []column{{title: "DisplayName", path: "displayName"}, {title: "ObjectId", path: "id"}}, "In no groups.")
	})
	command.Flags().BoolVar(&flags.onlySecurity, "security-enabled-only", false, "accepted as az has it; all groups of a hub are security groups")
	return command
}
