package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead/client"
)

func newGroupUpdateCommand(s *session) *cobra.Command {
	var flags groupFlags
	command := &cobra.Command{
		Use: "update", Short: "Set the tags of a resource group",
		Long:    "Set the tags of a resource group that is there. Tags that are not given go; fairlead tag update --operation Merge keeps them.",
		Example: "  fairlead group update -n shops --tags env=test owner=ana",
		RunE:    func(command *cobra.Command, _ []string) error { return s.groupUpdate(command.Context(), flags) },
	}
	nameGroup(command, &flags.name)
	tagsFlag(command, &flags.tags)
	mustFlag(command, "tags")
	return command
}

func (s *session) groupUpdate(ctx context.Context, flags groupFlags) error {
	tags, err := parseTags(flags.tags)
	if err != nil {
		return err
	}
	return s.inGroup(ctx, flags.name, func(hub *signedIn, path string) error {
		document := client.Document{}
		if err := hub.Patch(ctx, path, client.GroupVersion, client.Document{"tags": tags}, &document); err != nil {
			return err
		}
		return s.show(document, groupColumns())
	})
}
