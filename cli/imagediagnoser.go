package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead/doctor/probe/payload"
	"github.com/fairlead/fairlead/image"
)

// newDiagnoserCommand is for sites that troubleshoot with az: its image has a name of Microsoft's registry, whatever the cloud.
func newDiagnoserCommand(streams Streams) *cobra.Command {
	command := &cobra.Command{
		Use:   "diagnoser",
		Short: "Write the image for az connectedk8s troubleshoot as an archive",
		Long: `Write the image that az connectedk8s troubleshoot runs in a cluster as an archive in the format of docker save. az asks for it
by the name ` + image.DiagnoserReference + ` on every cloud. Load it into the nodes of clusters that
cannot pull that, or have the container runtime ask the hub for it: the hub's registry serves the same image as
` + "arck8sdiagnoser:v0.1.1" + `, so that it can stand in as a mirror of mcr.microsoft.com. fairlead doctor needs no image.`,
		Example: `  fairlead image diagnoser --output diagnoser.tar
  ctr -n k8s.io images import diagnoser.tar
  fairlead image diagnoser --arch arm64 --output diagnoser.tar`,
	}
	var output, architecture string
	command.Flags().StringVarP(&output, "output", "o", "fairlead-diagnoser.tar", "archive to write")
	command.Flags().StringVar(&architecture, "arch", runtime.GOARCH, "architecture of the nodes: amd64 or arm64")
	command.RunE = func(*cobra.Command, []string) error {
		program, err := payload.Program(architecture)
		if err != nil {
			return err
		}
		if err := image.SaveDiagnoser(architecture, program, output); err != nil {
			return err
		}
		fmt.Fprintf(streams.Err, "%s for linux/%s is in %s\n", image.DiagnoserReference, architecture, output)
		return nil
	}
	return command
}
