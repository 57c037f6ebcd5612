package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func principalColumns() []column {
	return []column{
		{title: "DisplayName", path: "displayName"},
		{title: "AppId", path: "appId"},
		{title: "ObjectId", path: "id"},
		{title: "Type", path: "servicePrincipalType"},
	}
}

func newAdCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "ad", Short: "Users, groups and service principals",
		Long:    "Make, see and remove the identities that sign in to the hub, and the groups that they are in.",
		Example: "  fairlead ad user list -o table\n  fairlead ad group list -o table\n  fairlead ad sp list -o table",
	}
	principals := &cobra.Command{
		Use: "sp", Short: "Service principals",
		Long:    "Make, see and remove service principals: identities for people's scripts and pipelines, with a secret.",
		Example: "  fairlead ad sp create-for-rbac -n pipeline --role Reader\n  fairlead ad sp list -o table",
	}
	credential := &cobra.Command{Use: "credential", Short: "Secrets of service principals", Long: "Give a service principal another secret.", Example: "  fairlead ad sp credential reset --id APP_ID"}
	credential.AddCommand(newCredentialResetCommand(s))
	principals.AddCommand(newPrincipalCreateCommand(s), newPrincipalListCommand(s), newPrincipalShowCommand(s), newPrincipalDeleteCommand(s), credential)
	command.AddCommand(newUserCommand(s), newDirectoryGroupCommand(s), newSignedInUserCommand(s), principals)
	return command
}

func newPrincipalCreateCommand(s *session) *cobra.Command {
	var name, role string
	var scopes []string
	var keys keyFlags
	command := &cobra.Command{
		Use: "create-for-rbac", Short: "Make a service principal with a secret or certificate, and give it a role",
		Long:    "Make a service principal and print its secret, this once; with --create-cert or --cert it signs in with a certificate instead. With --role and --scopes it is given a role; a role without scopes is given on the current subscription.",
		Example: "  fairlead ad sp create-for-rbac -n onboarding --role \"Kubernetes Cluster - Azure Arc Onboarding\" --scopes /subscriptions/SUB/resourceGroups/shops",
		RunE: func(command *cobra.Command, _ []string) error {
			return s.principalCreate(command.Context(), name, role, scopes, keys)
		},
	}
	command.Flags().StringVarP(&name, "name", "n", "", "display name (default: fairlead-cli- and the time)")
	command.Flags().StringVar(&role, "role", "", "role to give, by name or id")
	keys.bind(command.Flags())
	command.Flags().Var(&words{into: &scopes}, "scopes", "resource ids on which to give the role, separated by blanks")
	return command
}

func newPrincipalListCommand(s *session) *cobra.Command {
	var name string
	var all bool
	command := &cobra.Command{
		Use: "list", Short: "List the service principals",
		Long:    "List the service principals of the hub.",
		Example: "  fairlead ad sp list -o table",
		RunE: func(command *cobra.Command, _ []string) error {
			hub, err := s.hub()
			if err != nil {
				return err
			}
			filter := ""
			if name != "" {
				filter = client.PrincipalFilter("displayName", name)
			}
			found, err := hub.Principals(command.Context(), filter)
			if err != nil {
				return err
			}
			return s.list(found, principalColumns(), "No service principals.")
		},
	}
	command.Flags().StringVar(&name, "display-name", "", "only those of this name")
	command.Flags().BoolVar(&all, "all", false, "accepted as az has it; a hub always lists all")
	return command
}

func newPrincipalShowCommand(s *session) *cobra.Command {
	return principalCommand(s, &cobra.Command{
		Use: "show", Short: "Show a service principal",
		Long:    "Show a service principal by its application id, object id or name.",
		Example: "  fairlead ad sp show --id APP_ID",
	}, func(_ context.Context, _ *signedIn, found client.Document) error {
		return s.show(found, principalColumns())
	})
}

func newPrincipalDeleteCommand(s *session) *cobra.Command {
	return principalCommand(s, &cobra.Command{
		Use: "delete", Short: "Remove a service principal",
		Long:    "Remove a service principal with its secrets. It can sign in no more, at once.",
		Example: "  fairlead ad sp delete --id APP_ID",
	}, func(ctx context.Context, hub *signedIn, found client.Document) error {
		return hub.DeletePrincipal(ctx, text(found, "id"))
	})
}

func newCredentialResetCommand(s *session) *cobra.Command {
	var add bool
	command := principalCommand(s, &cobra.Command{
		Use: "reset", Short: "Give a service principal another secret",
		Long:    "Give a service principal another secret and print it, this once. The secrets that it had are removed, unless --append is given.",
		Example: "  fairlead ad sp credential reset --id APP_ID",
	}, func(ctx context.Context, hub *signedIn, found client.Document) error {
		return s.credentialReset(ctx, hub, found, add)
	})
	command.Flags().BoolVar(&add, "append", false, "keep the secrets that there are")
	return command
}

// principalCommand gives a command the flag that names a service principal, and what it names.
func principalCommand(s *session, command *cobra.Command, run func(context.Context, *signedIn, client.Document) error) *cobra.Command {
	var id string
	command.Flags().StringVar(&id, "id", "", "application id, object id or display name")
	mustFlag(command, "id")
	command.RunE = func(command *cobra.Command, _ []string) error {
		hub, err := s.hub()
		if err != nil {
			return err
		}
		found, err := findPrincipal(command.Context(), hub, id)
		if err != nil {
			return err
		}
		return run(command.Context(), hub, found)
	}
	return command
}

// findPrincipal finds a service principal by application id, object id or display name.
func findPrincipal(ctx context.Context, hub *signedIn, wanted string) (client.Document, error) {
	for _, property := range []string{"appId", "id", "displayName"} {
		found, err := hub.Principals(ctx, client.PrincipalFilter(property, wanted))
		if err != nil {
			return nil, err
		}
		if len(found) > 1 {
			return nil, fairlead.Errorf(fairlead.Invalid, "%d service principals are called %q: name one by its application id", len(found), wanted)
		}
		if len(found) == 1 {
			return found[0], nil
		}
	}
	return nil, fairlead.Errorf(fairlead.NotFound, "there is no service principal with the application id, object id or name %q", wanted).WithCode("Request_ResourceNotFound")
}

func (s *session) principalCreate(ctx context.Context, name, role string, scopes []string, keys keyFlags) error {
	if err := keys.check(); err != nil {
		return err
	}
	if role == "" && len(scopes) > 0 {
		return usagef("--scopes is of no use without --role")
	}
	hub, err := s.hub()
	if err != nil {
		return err
	}
	plan, err := s.planRole(ctx, hub, role, scopes)
	if err != nil {
		return err
	}
	created, err := hub.CreatePrincipal(ctx, first(name, "fairlead-cli-"+time.Now().UTC().Format("2006-01-02-15-04-05")))
	if err != nil {
		return err
	}
	added, err := keys.equip(ctx, hub, created)
	if err == nil {
		err = plan.give(ctx, hub, text(created, "id"))
	}
	if err != nil {
		return s.withdraw(ctx, hub, created, err)
	}
	return s.showSecret(hub, created, added)
}

// withdraw removes a principal that could not be finished, so that nobody has to look for it.
func (s *session) withdraw(ctx context.Context, hub *signedIn, created client.Document, cause error) error {
	if err := hub.DeletePrincipal(context.WithoutCancel(ctx), text(created, "id")); err != nil {
		s.warn("service principal %s was made and could not be removed again: %v", text(created, "appId"), err)
	}
	return cause
}

func (s *session) showSecret(hub *signedIn, principal client.Document, added map[string]string) error {
	if added["password"] != "" {
		s.warn("this output holds a secret: it is shown this once and must not go into version control")
	}
	if file := added["fileWithCertAndPrivateKey"]; file != "" {
		s.warn("%s holds the private key: keep it where only the service principal gets at it, then fairlead login --service-principal -u %s --certificate FILE", file, text(principal, "appId"))
	}
	shown := map[string]string{"appId": text(principal, "appId"), "displayName": text(principal, "displayName"), "tenant": hub.entry.TenantID}
	maps.Copy(shown, added)
	return s.show(shown, []column{{title: "AppId", path: "appId"}, {title: "DisplayName", path: "displayName"}, {title: "Password", path: "password"}, {title: "Tenant", path: "tenant"}})
}

// credentialReset looks at the secrets that there are first, so that those go and the new one stays. When an old
// one cannot be removed the command fails, but not before it has shown the new one.
func (s *session) credentialReset(ctx context.Context, hub *signedIn, found client.Document, keep bool) error { //nolint:revive // the flag is the person's
	before, err := hub.Principal(ctx, text(found, "id"))
	if err != nil {
		return err
	}
	added, err := hub.AddPassword(ctx, text(found, "id"))
	if err != nil {
		return err
	}
	var failed error
	if !keep {
		failed = removeSecrets(ctx, hub, before)
	}
	return errors.Join(s.showSecret(hub, found, map[string]string{"password": text(added, "secretText")}), failed)
}

func removeSecrets(ctx context.Context, hub *signedIn, principal client.Document) error {
	var failed []error
	secrets, _ := principal["passwordCredentials"].([]any)
	for _, one := range secrets {
		secret, _ := one.(map[string]any)
		id := text(secret, "keyId")
		if err := hub.RemovePassword(ctx, text(principal, "id"), id); err != nil {
			failed = append(failed, fmt.Errorf("the old secret %s is still good: %w", id, err))
		}
	}
	return errors.Join(failed...)
}
