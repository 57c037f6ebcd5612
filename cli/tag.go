package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

const tagsPath = "/providers/Microsoft.Resources/tags/default"

// tagFlags say whose tags, and what becomes of them.
type tagFlags struct {
	id, operation string
	tags          []string
	yes           bool
}

func tagColumns() []column {
	return []column{{title: "Scope", path: "id", write: func(value any) string {
		id, _ := value.(string)
		return strings.TrimSuffix(id, tagsPath)
	}}, {title: "Tags", path: "properties.tags", write: writeTags}}
}

// writeTags writes tags as the flag takes them.
func writeTags(value any) string {
	tags, _ := value.(map[string]any)
	var pairs []string
	for name, value := range tags {
		pairs = append(pairs, name+"="+scalar(value))
	}
	slices.Sort(pairs)
	return strings.Join(pairs, " ")
}

func newTagCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "tag", Short: "Tags of subscriptions, groups and resources",
		Long:    "See and change the tags of a subscription, a resource group or a resource of any type, by its id.",
		Example: "  fairlead tag update --resource-id ID --operation Merge --tags env=test\n  fairlead tag list -o table",
	}
	command.AddCommand(newTagListCommand(s), newTagChangeCommand(s, "create", "Set all tags of a scope"),
		newTagChangeCommand(s, "update", "Add, replace or remove tags of a scope"), newTagDeleteCommand(s))
	return command
}

func newTagListCommand(s *session) *cobra.Command {
	var flags tagFlags
	command := &cobra.Command{
		Use: "list", Short: "List the tags of a scope, or all in use",
		Long:    "List the tags of a scope; without one, the tags in use in the subscription, with how often which value is used.",
		Example: "  fairlead tag list -o table\n  fairlead tag list --resource-id /subscriptions/SUB/resourceGroups/shops",
		RunE:    func(command *cobra.Command, _ []string) error { return s.tagList(command.Context(), flags) },
	}
	command.Flags().StringVar(&flags.id, "resource-id", "", "id of a subscription, group or resource")
	return command
}

// newTagChangeCommand makes create, which is an update that replaces, and update.
func newTagChangeCommand(s *session, use, short string) *cobra.Command {
	flags := tagFlags{operation: "Replace"}
	command := &cobra.Command{
		Use: use, Short: short,
		Long:    short + ", by its id. Names of tags are alike in any case.",
		Example: "  fairlead tag " + use + " --resource-id /subscriptions/SUB/resourceGroups/shops --tags env=test team=quay",
		RunE:    func(command *cobra.Command, _ []string) error { return s.tagChange(command.Context(), flags) },
	}
	command.Flags().StringVar(&flags.id, "resource-id", "", "id of a subscription, group or resource")
	tagsFlag(command, &flags.tags)
	mustFlag(command, "resource-id")
	mustFlag(command, "tags")
	if use == "update" {
		command.Example += " --operation Merge"
		command.Flags().StringVar(&flags.operation, "operation", "", "Merge adds to the tags that are there, Replace sets them, Delete removes those given")
		mustFlag(command, "operation")
		_ = command.RegisterFlagCompletionFunc("operation", cobra.FixedCompletions(tagOperations(), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	}
	return command
}

func tagOperations() []string { return []string{"Merge", "Replace", "Delete"} }

func newTagDeleteCommand(s *session) *cobra.Command {
	var flags tagFlags
	command := &cobra.Command{
		Use: "delete", Short: "Remove all tags of a scope",
		Long:    "Remove all tags of a scope, by its id. To remove some: fairlead tag update --operation Delete.",
		Example: "  fairlead tag delete --resource-id /subscriptions/SUB/resourceGroups/shops --yes",
		RunE:    func(command *cobra.Command, _ []string) error { return s.tagDelete(command.Context(), flags) },
	}
	command.Flags().StringVar(&flags.id, "resource-id", "", "id of a subscription, group or resource")
	command.Flags().BoolVarP(&flags.yes, "yes", "y", false, "do not ask")
	mustFlag(command, "resource-id")
	return command
}

func (s *session) tagList(ctx context.Context, flags tagFlags) error {
	if flags.id != "" {
		return s.tagShow(ctx, flags)
	}
	hub, subscription, err := s.place(ctx)
	if err != nil {
		return err
	}
	all, err := hub.List(ctx, "/subscriptions/"+subscription+"/tagNames", client.GroupVersion, nil)
	if err != nil {
		return err
	}
	return s.list(all, []column{{title: "TagName", path: "tagName"}, {title: "Count", path: "count.value"}, {title: "Values", path: "join(', ', values[].tagValue)"}}, "No tags are in use.")
}

// onScope runs a call on what --resource-id names.
func (s *session) onScope(flags tagFlags, call func(hub *signedIn, id fairlead.ResourceID) error) error {
	ids, err := readIDs([]string{flags.id})
	if err != nil {
		return err
	}
	hub, err := s.hub()
	if err != nil {
		return err
	}
	return call(hub, ids[0])
}

func (s *session) tagShow(ctx context.Context, flags tagFlags) error {
	return s.onScope(flags, func(hub *signedIn, id fairlead.ResourceID) error {
		document := client.Document{}
		if err := hub.Get(ctx, id.String()+tagsPath, client.GroupVersion, &document); err != nil {
			return err
		}
		return s.show(document, tagColumns())
	})
}

func (s *session) tagChange(ctx context.Context, flags tagFlags) error {
	known := func(operation string) bool { return strings.EqualFold(operation, flags.operation) }
	if !slices.ContainsFunc(tagOperations(), known) {
		return usagef("--operation: %q is not one of %s", flags.operation, strings.Join(tagOperations(), ", "))
	}
	tags, err := parseTags(flags.tags)
	if err != nil {
		return err
	}
	return s.onScope(flags, func(hub *signedIn, id fairlead.ResourceID) error {
		document, err := hub.patchTags(ctx, id, flags.operation, tags)
		if err != nil {
			return err
		}
		return s.show(document, tagColumns())
	})
}

func (h *signedIn) patchTags(ctx context.Context, id fairlead.ResourceID, operation string, tags map[string]string) (client.Document, error) {
	document := client.Document{}
	body := client.Document{"operation": operation, "properties": client.Document{"tags": tags}}
	err := h.Patch(ctx, id.String()+tagsPath, client.GroupVersion, body, &document)
	return document, err
}

func (s *session) tagDelete(ctx context.Context, flags tagFlags) error {
	return s.onScope(flags, func(hub *signedIn, id fairlead.ResourceID) error {
		if !flags.yes {
			if err := s.confirm(ctx, "Remove all tags of "+id.String()+"?"); err != nil {
				return err
			}
		}
		return hub.Delete(ctx, id.String()+tagsPath, client.GroupVersion, nil)
	})
}
