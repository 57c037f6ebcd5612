package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newDocsCommand writes the reference of all commands; docs/cli in the source is what it wrote last.
func newDocsCommand() *cobra.Command {
	var dir string
	command := &cobra.Command{
		Use:     "docs",
		Short:   "Write the reference of all commands as Markdown",
		Example: `  fairlead docs --dir docs/cli`,
		Hidden:  true,
		Args:    noArguments,
		RunE:    func(command *cobra.Command, _ []string) error { return writeDocs(command.Root(), dir) },
	}
	command.Flags().StringVar(&dir, "dir", "", "folder to write to")
	_ = command.MarkFlagRequired("dir") // the flag was defined one line above
	return command
}

func writeDocs(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // documentation is for everyone
		return fmt.Errorf("make the folder: %w", err)
	}
	undated(root)
	if err := doc.GenMarkdownTree(root, dir); err != nil {
		return fmt.Errorf("write the reference: %w", err)
	}
	return nil
}

// undated leaves out the date, so that the reference changes only when a command does.
func undated(command *cobra.Command) {
	command.DisableAutoGenTag = true
	for _, child := range command.Commands() {
		undated(child)
	}
}
