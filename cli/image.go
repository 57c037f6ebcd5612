package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/image"
)

// newImageCommand is for sites whose nodes cannot pull from the hub.
func newImageCommand(streams Streams) *cobra.Command {
	command := &cobra.Command{
		Use:   "image",
		Short: "The agents' image, packed from this binary",
		Long: `The agents' image, packed from this binary. Nodes pull it from the hub; where they cannot, save it and load it
into each node.`,
	}
	var output, registry string
	save := &cobra.Command{
		Use:   "save",
		Short: "Write the agents' image as an archive",
		Long: `Write the image that the agents run from as an archive in the format of docker save, which ctr, docker, podman, k3s
and kind can load. It holds this binary alone, for the system and architecture that the binary is for.

The archive names the image as the chart does: by the registry of the hub, and by this binary's version, which has to be
the hub's. Load it into every node that cannot pull from the hub, before the cluster is connected or upgraded.`,
		Example: `  fairlead image save --registry hub.example.org:8443 --output agents.tar
  ctr -n k8s.io images import agents.tar`,
		RunE: func(command *cobra.Command, _ []string) error {
			return saveImage(command.Context(), streams, registry, output)
		},
	}
	save.Flags().StringVarP(&output, "output", "o", "fairlead-image.tar", "archive to write")
	save.Flags().StringVar(&registry, "registry", "", "host[:port] of the hub, under which the chart names the image")
	_ = save.MarkFlagRequired("registry") // the flag was defined one line above
	command.AddCommand(save, newDiagnoserCommand(streams))
	strict(command)
	return command
}

func saveImage(ctx context.Context, streams Streams, registry, output string) error {
	binary, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this binary: %w", err)
	}
	reference := registry + "/" + fairlead.ImageRepository + ":" + fairlead.Version
	if err := image.SaveTar(ctx, binary, reference, output); err != nil {
		return err
	}
	fmt.Fprintf(streams.Err, "%s is in %s\n", reference, output)
	return nil
}
