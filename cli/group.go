package cli

import (
	"context"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// groupFlags are the flags of the group commands; each command offers those that it needs.
type groupFlags struct {
	name, location, forced string
	tags                   []string
	yes, noWait            bool
}

func groupColumns() []column {
	return []column{{title: "Name", path: "name"}, {title: "Location", path: "location"}, {title: "Status", path: "properties.provisioningState"}}
}

func newGroupCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "group", Short: "Resource groups",
		Long:    "Make, see and remove resource groups, which hold connected clusters and what belongs to them.",
		Example: "  fairlead group create -n shops\n  fairlead group list -o table",
	}
	command.AddCommand(newGroupCreateCommand(s), newGroupListCommand(s), newGroupShowCommand(s), newGroupExistsCommand(s), newGroupUpdateCommand(s), newGroupDeleteCommand(s))
	return command
}

// nameGroup gives a command the flag that names a resource group, spelled as az group has it.
func nameGroup(command *cobra.Command, into *string) {
	command.Flags().StringVarP(into, "name", "n", "", "name of the resource group")
	command.Flags().StringVarP(into, "resource-group", "g", "", "the same as --name")
	command.MarkFlagsMutuallyExclusive("name", "resource-group")
	command.MarkFlagsOneRequired("name", "resource-group")
}

func newGroupCreateCommand(s *session) *cobra.Command {
	var flags groupFlags
	command := &cobra.Command{
		Use: "create", Short: "Make a resource group, or change its tags",
		Long:    "Make a resource group. Making one that is there already sets its tags.",
		Example: "  fairlead group create -n shops -l local --tags env=test owner=ana",
		RunE:    func(command *cobra.Command, _ []string) error { return s.groupCreate(command.Context(), flags) },
	}
	nameGroup(command, &flags.name)
	command.Flags().StringVarP(&flags.location, "location", "l", "", "location (default: the one of fairlead configure, else the hub's first)")
	tagsFlag(command, &flags.tags)
	return command
}

func newGroupListCommand(s *session) *cobra.Command {
	var tag string
	command := &cobra.Command{
		Use: "list", Short: "List the resource groups",
		Long:    "List the resource groups of the subscription that you may see.",
		Example: "  fairlead group list -o table\n  fairlead group list --tag env=test --query [].name -o tsv",
		RunE:    func(command *cobra.Command, _ []string) error { return s.groupList(command.Context(), tag) },
	}
	command.Flags().StringVar(&tag, "tag", "", "only groups with this tag, key or key=value")
	return command
}

func newGroupShowCommand(s *session) *cobra.Command {
	var flags groupFlags
	command := &cobra.Command{
		Use: "show", Short: "Show a resource group",
		Long:    "Show a resource group. The exit code is 3 when there is none of that name.",
		Example: "  fairlead group show -n shops",
		RunE: func(command *cobra.Command, _ []string) error {
			return s.inGroup(command.Context(), flags.name, func(hub *signedIn, path string) error {
				document := client.Document{}
				if err := hub.Get(command.Context(), path, client.GroupVersion, &document); err != nil {
					return err
				}
				return s.show(document, groupColumns())
			})
		},
	}
	nameGroup(command, &flags.name)
	return command
}

func newGroupExistsCommand(s *session) *cobra.Command {
	var flags groupFlags
	command := &cobra.Command{
		Use: "exists", Short: "Say whether there is a resource group of that name",
		Long:    "Print true or false; the exit code is 0 either way.",
		Example: "  fairlead group exists -n shops",
		RunE: func(command *cobra.Command, _ []string) error {
			return s.inGroup(command.Context(), flags.name, func(hub *signedIn, path string) error {
				there, err := hub.Exists(command.Context(), path, client.GroupVersion)
				if err != nil {
					return err
				}
				return s.show(there, []column{{title: "Result", path: "@"}})
			})
		},
	}
	nameGroup(command, &flags.name)
	return command
}

func newGroupDeleteCommand(s *session) *cobra.Command {
	var flags groupFlags
	command := &cobra.Command{
		Use: "delete", Short: "Remove a resource group with all that is in it",
		Long:    "Remove a resource group and every resource in it. Agents in clusters that were connected in it stay there, without a hub, until fairlead connectedk8s delete --force is run for them.",
		Example: "  fairlead group delete -n shops --yes",
		RunE:    func(command *cobra.Command, _ []string) error { return s.groupDelete(command.Context(), flags) },
	}
	nameGroup(command, &flags.name)
	command.Flags().BoolVarP(&flags.yes, "yes", "y", false, "do not ask")
	command.Flags().BoolVar(&flags.noWait, "no-wait", false, "do not wait until everything is gone")
	command.Flags().StringVarP(&flags.forced, "force-deletion-types", "f", "", "accepted as az has it; a hub deletes everything in any case")
	return command
}

func tagsFlag(command *cobra.Command, into *[]string) {
	command.Flags().VarP(&words{into: into}, "tags", "", `tags as key=value, separated by blanks; "" removes all`)
}

// inGroup runs a call on the path of a resource group.
func (s *session) inGroup(ctx context.Context, name string, call func(hub *signedIn, path string) error) error {
	if err := checkGroupName(name); err != nil {
		return err
	}
	hub, subscription, err := s.place(ctx)
	if err != nil {
		return err
	}
	return call(hub, "/subscriptions/"+subscription+"/resourceGroups/"+url.PathEscape(name))
}

// place returns the hub and the subscription in which a command works.
func (s *session) place(ctx context.Context) (*signedIn, string, error) {
	hub, err := s.hub()
	if err != nil {
		return nil, "", err
	}
	subscription, err := s.subscriptionID(ctx, hub)
	return hub, subscription, err
}

// placeIn returns the hub, the subscription and the resource group that the flags mean. Requests carry the correlation id, if
// there is one.
func (s *session) placeIn(ctx context.Context, group, correlation string) (hub *signedIn, subscription, name string, err error) {
	if hub, subscription, err = s.place(ctx); err != nil {
		return nil, "", "", err
	}
	if name, err = hub.groupName(group); err != nil {
		return nil, "", "", err
	}
	if correlation != "" {
		hub.CorrelationID = correlation
	}
	return hub, subscription, name, nil
}

func (s *session) groupCreate(ctx context.Context, flags groupFlags) error {
	tags, err := parseTags(flags.tags)
	if err != nil {
		return err
	}
	return s.inGroup(ctx, flags.name, func(hub *signedIn, path string) error {
		location, err := hub.location(ctx, path, flags.location)
		if err != nil {
			return err
		}
		document := client.Document{}
		body := client.Document{"location": location}
		if flags.tags != nil {
			body["tags"] = tags
		}
		if err := hub.Put(ctx, path, client.GroupVersion, body, &document); err != nil {
			return err
		}
		return s.tell("Resource group "+text(document, "name")+" is there, in location "+text(document, "location")+".", document, groupColumns())
	})
}

// location returns the location that was asked for, the one that the group has already, the
// default, or the first that the hub offers.
func (h *signedIn) location(ctx context.Context, groupPath, flag string) (string, error) {
	if flag != "" {
		return flag, nil
	}
	var group struct {
		Location string `json:"location"`
	}
	err := h.Get(ctx, groupPath, client.GroupVersion, &group)
	if err != nil && fairlead.KindOf(err) != fairlead.NotFound {
		return "", err
	}
	if found := first(group.Location, h.defaults.Location); found != "" {
		return found, nil
	}
	subscription := strings.SplitN(groupPath, "/", 4)[2]
	all, err := h.List(ctx, "/subscriptions/"+subscription+"/locations", client.SubscriptionVersion, nil)
	if err != nil {
		return "", err
	}
	if len(all) == 0 {
		return "", usagef("--location/-l is missing")
	}
	return text(all[0], "name"), nil
}

func (s *session) groupList(ctx context.Context, tag string) error {
	hub, subscription, err := s.place(ctx)
	if err != nil {
		return err
	}
	all, err := hub.List(ctx, "/subscriptions/"+subscription+"/resourceGroups", client.GroupVersion, nil)
	if err != nil {
		return err
	}
	kept := []client.Document{}
	for _, group := range all {
		if tag == "" || tagged(group, tag) {
			kept = append(kept, group)
		}
	}
	return s.list(kept, groupColumns(), "No resource groups. Make one: fairlead group create -n NAME")
}

func tagged(document client.Document, tag string) bool {
	key, wanted, valued := strings.Cut(tag, "=")
	tags, _ := document["tags"].(map[string]any)
	value, there := tags[key]
	return there && (!valued || value == wanted)
}

// list shows documents; to a person who would see nothing it says so.
func (s *session) list(documents []client.Document, columns []column, nothing string) error {
	if len(documents) == 0 && s.output == "" && s.query == "" && s.streams.terminal(s.streams.Out) {
		return s.say(s.streams.Out, nothing)
	}
	return s.show(documents, columns)
}

func (s *session) groupDelete(ctx context.Context, flags groupFlags) error {
	return s.inGroup(ctx, flags.name, func(hub *signedIn, path string) error {
		there, err := hub.Exists(ctx, path, client.GroupVersion)
		if err != nil {
			return err
		}
		if !there {
			return fairlead.Errorf(fairlead.NotFound, "(ResourceGroupNotFound) there is no resource group %q", flags.name).WithCode("ResourceGroupNotFound")
		}
		if !flags.yes {
			if err := s.confirm(ctx, "Remove resource group "+flags.name+" with everything in it?"); err != nil {
				return err
			}
		}
		return s.remove(ctx, hub, path, client.GroupVersion, flags.noWait)
	})
}

// remove deletes a document and waits for it, or only asks for it.
func (s *session) remove(ctx context.Context, hub *signedIn, path, version string, noWait bool) error { //nolint:revive // the flag is the person's
	if noWait {
		_, err := hub.Do(ctx, client.Call{Method: "DELETE", Path: path, Version: version})
		return err
	}
	return hub.Delete(ctx, path, version, nil)
}
