package cli

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/cli/profile"
	"github.com/fairlead/fairlead/client"
)

// account is a subscription as az shows it.
type account struct {
	EnvironmentName string      `json:"environmentName"`
	HomeTenantID    string      `json:"homeTenantId"`
	ID              string      `json:"id"`
	IsDefault       bool        `json:"isDefault"`
	Name            string      `json:"name"`
	State           string      `json:"state"`
	TenantID        string      `json:"tenantId"`
	Hub             string      `json:"hub"`
	User            accountUser `json:"user"`
}

type accountUser struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

func userOf(entry profile.Hub) accountUser {
	if entry.UserName != "" {
		return accountUser{Name: entry.UserName, Type: "user"}
	}
	return accountUser{Name: entry.ClientID, Type: "servicePrincipal"}
}

func accountColumns() []column {
	return []column{
		{title: "Name", path: "name"},
		{title: "SubscriptionId", path: "id"},
		{title: "TenantId", path: "tenantId"},
		{title: "State", path: "state"},
		{title: "IsDefault", path: "isDefault"},
		{title: "Hub", path: "hub"},
	}
}

func asAccounts(entry profile.Hub, subscriptions []client.Document) []account {
	all := []account{}
	for _, subscription := range subscriptions {
		id := text(subscription, "subscriptionId")
		all = append(all, account{
			EnvironmentName: "Fairlead", HomeTenantID: entry.TenantID, ID: id, Name: text(subscription, "displayName"),
			IsDefault: strings.EqualFold(id, entry.Subscription), State: text(subscription, "state"), TenantID: entry.TenantID,
			Hub: entry.URL, User: userOf(entry),
		})
	}
	return all
}

func newAccountCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "account", Short: "Subscriptions, locations and tokens of the hub you are signed in to",
		Long:    "See and choose the subscription that commands work in, and what the hub offers it.",
		Example: "  fairlead account show\n  fairlead account list -o table",
	}
	command.AddCommand(
		&cobra.Command{
			Use: "show", Short: "Show the subscription in use",
			Long:    "Show the subscription that commands work in, the hub that it belongs to and who is signed in.",
			Example: "  fairlead account show\n  fairlead account show --query id -o tsv",
			RunE:    func(command *cobra.Command, _ []string) error { return s.accountShow(command.Context()) },
		},
		&cobra.Command{
			Use: "list", Short: "List the subscriptions you may see",
			Long:    "List the subscriptions of the hub that you may see.",
			Example: "  fairlead account list -o table",
			RunE:    func(command *cobra.Command, _ []string) error { return s.accountList(command.Context()) },
		},
		newAccountSetCommand(s),
		&cobra.Command{
			Use: "clear", Short: "Sign out of all hubs",
			Long:    "Forget every hub that you have signed in to, with secrets and tokens. fairlead logout forgets the current one alone.",
			Example: "  fairlead account clear",
			RunE:    func(*cobra.Command, []string) error { return s.accountClear() },
		},
		&cobra.Command{
			Use: "list-locations", Short: "List the locations that the hub offers",
			Long:    "List the locations that resource groups and connected clusters may have.",
			Example: "  fairlead account list-locations --query [].name -o tsv",
			RunE:    func(command *cobra.Command, _ []string) error { return s.listLocations(command.Context()) },
		},
		newAccessTokenCommand(s),
	)
	return command
}

func newAccountSetCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "set", Short: "Choose the subscription to work in",
		Long:    "Make a subscription, by its name or id, the one that later commands work in.",
		Example: "  fairlead account set --subscription Production",
		RunE:    func(command *cobra.Command, _ []string) error { return s.accountSet(command.Context()) },
	}
	command.Flags().StringVarP(&s.subscription, "subscription", "s", "", "name or id of the subscription")
	command.Flags().StringVarP(&s.subscription, "name", "n", "", "the same as --subscription")
	command.MarkFlagsMutuallyExclusive("subscription", "name")
	return command
}

func newAccessTokenCommand(s *session) *cobra.Command {
	var ignored string
	command := &cobra.Command{
		Use: "get-access-token", Short: "Print an access token for the hub",
		Long:    "Print an access token for the hub, good for at least five minutes, for use with curl and the like. Treat it as a secret.",
		Example: `  curl --cacert ca.crt -H "Authorization: Bearer $(fairlead account get-access-token --query accessToken -o tsv)" "$HUB/subscriptions?api-version=2022-12-01"`,
		RunE:    func(command *cobra.Command, _ []string) error { return s.accessToken(command.Context()) },
	}
	command.Flags().StringVar(&ignored, "resource", "", "accepted as az has it; a hub's token is good for all of the hub")
	return command
}

func (s *session) accounts(ctx context.Context) (*signedIn, []account, error) {
	hub, err := s.hub()
	if err != nil {
		return nil, nil, err
	}
	subscriptions, err := hub.List(ctx, "/subscriptions", client.SubscriptionVersion, nil)
	if err != nil {
		return nil, nil, err
	}
	return hub, asAccounts(hub.entry, subscriptions), nil
}

func (s *session) accountShow(ctx context.Context) error {
	hub, all, err := s.accounts(ctx)
	if err != nil {
		return err
	}
	wanted := first(s.subscription, hub.entry.Subscription)
	if wanted == "" {
		if wanted, err = s.firstSubscription(ctx, hub); err != nil {
			return err
		}
		all[0].IsDefault = true
	}
	for _, one := range all {
		if strings.EqualFold(one.ID, wanted) || strings.EqualFold(one.Name, wanted) {
			return s.show(one, accountColumns())
		}
	}
	return fairlead.Errorf(fairlead.NotFound, "you see no subscription %q at %s", wanted, hub.URL).WithCode("SubscriptionNotFound")
}

func (s *session) accountList(ctx context.Context) error {
	_, all, err := s.accounts(ctx)
	if err != nil {
		return err
	}
	return s.show(all, accountColumns())
}

func (s *session) accountSet(ctx context.Context) error {
	if s.subscription == "" {
		return usagef("--subscription is missing: its name or id")
	}
	hub, err := s.hub()
	if err != nil {
		return err
	}
	found, err := findSubscription(ctx, hub, s.subscription)
	if err != nil {
		return err
	}
	p, err := s.profile()
	if err != nil {
		return err
	}
	hub.entry.Subscription = text(found, "subscriptionId")
	p.Config.Hubs[hub.URL] = hub.entry
	return p.Save()
}

func (s *session) accountClear() error {
	p, err := s.profile()
	if err != nil {
		return err
	}
	for _, url := range slices.Sorted(maps.Keys(p.Config.Hubs)) {
		if err := p.SignOut(url); err != nil {
			return err
		}
		if err := s.say(s.streams.Err, "Signed out of "+url+"."); err != nil {
			return err
		}
	}
	return nil
}

func findSubscription(ctx context.Context, hub *signedIn, wanted string) (client.Document, error) {
	subscriptions, err := hub.List(ctx, "/subscriptions", client.SubscriptionVersion, nil)
	if err != nil {
		return nil, err
	}
	for _, subscription := range subscriptions {
		if strings.EqualFold(text(subscription, "subscriptionId"), wanted) || strings.EqualFold(text(subscription, "displayName"), wanted) {
			return subscription, nil
		}
	}
	return nil, fairlead.Errorf(fairlead.NotFound, "you see no subscription %q at %s", wanted, hub.URL).WithCode("SubscriptionNotFound")
}

func (s *session) listLocations(ctx context.Context) error {
	hub, err := s.hub()
	if err != nil {
		return err
	}
	subscription, err := s.subscriptionID(ctx, hub)
	if err != nil {
		return err
	}
	all, err := hub.List(ctx, "/subscriptions/"+subscription+"/locations", client.SubscriptionVersion, nil)
	if err != nil {
		return err
	}
	return s.show(all, []column{{title: "DisplayName", path: "displayName"}, {title: "Name", path: "name"}})
}

func (s *session) accessToken(ctx context.Context) error {
	hub, err := s.hub()
	if err != nil {
		return err
	}
	token, err := hub.credentials.Current(ctx)
	if err != nil {
		return err
	}
	return s.show(map[string]any{
		"accessToken": token.Value.Reveal(), "expiresOn": token.ExpiresOn.UTC().Format(time.RFC3339), "expires_on": token.ExpiresOn.Unix(),
		"subscription": hub.entry.Subscription, "tenant": hub.entry.TenantID, "tokenType": "Bearer",
	}, nil)
}

// text returns a document's property if it is a string.
func text(document map[string]any, name string) string {
	value, _ := document[name].(string)
	return value
}
