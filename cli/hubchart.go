package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub"
)

func newHubChartCommand(s *session) *cobra.Command {
	var output string
	command := &cobra.Command{
		Use: "chart", Short: "Write the Helm chart that runs a hub on Kubernetes",
		Long: `Write the Helm chart that runs a hub on Kubernetes, as helm package would. Its image is the one that fairlead image save
writes: push it to a registry that the nodes can reach, or load it into them.`,
		Example: `  fairlead hub chart
  helm install fairlead-hub fairlead-hub-` + fairlead.Version + `.tgz -n fairlead --create-namespace \
    --set url=https://hub.example.org --set image.repository=registry.example.org/` + fairlead.ImageRepository,
		RunE: func(*cobra.Command, []string) error { return s.hubChart(output) },
	}
	command.Flags().StringVarP(&output, "file", "f", "fairlead-hub-"+fairlead.Version+".tgz", "file to write; one that is there already is not replaced")
	return command
}

func (s *session) hubChart(output string) error {
	packed, err := hub.Chart()
	if err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Clean(output), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // a chart is for everybody
	if errors.Is(err, os.ErrExist) {
		return fairlead.Errorf(fairlead.Conflict, "%s is there already: remove it, or choose another name with --file", output)
	}
	if err != nil {
		return fmt.Errorf("write the chart: %w", err)
	}
	if _, err := file.Write(packed); err != nil {
		return errors.Join(fmt.Errorf("write the chart: %w", err), file.Close(), os.Remove(file.Name()))
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("write the chart: %w", err)
	}
	return s.say(s.streams.Err, "the chart is in "+output)
}
