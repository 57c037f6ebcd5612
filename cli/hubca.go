package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead/hub"
)

// maxShown bounds how many clusters are named.
const maxShown = 10

func newHubCACommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "ca", Short: "Replace the hub's certificate authority",
		Long: `Replace the authority that signs the hub's own TLS certificate, and that of the clusters' identities, without touching a
cluster: publish the next one, wait until all clusters trust it, let it sign, then end the trust in the old one. Each step is
a command on the data folder of the hub, which may run and follows within seconds. Make a backup after the last step.

People and nodes do not follow by themselves: give them the new ca.crt of the data folder, which holds both, before switch.`,
		Example: "  fairlead hub ca show\n  fairlead hub ca show --query waiting -o tsv\n  fairlead hub ca rotate --data /var/lib/fairlead",
	}
	command.AddCommand(
		newHubCAStep(s, caStep{
			use: "show", short: "Show the authorities and which clusters do not trust them yet",
			long: "Show the authorities of the hub's own TLS, how far one has followed the other, and which connected clusters have not taken over the last change.",
		}),
		newHubCAStep(s, caStep{
			use: "rotate", short: "Make the next authority and publish it", step: hub.RotateAuthority,
			long: "Make the next authority. The old one goes on signing; agents learn within ten minutes to trust both. The clusters' identities are signed by the next one at once.",
		}),
		newHubCAStep(s, caStep{
			use: "switch", short: "Let the next authority sign", step: hub.SwitchAuthority, forced: hub.SwitchAuthorityNow,
			long: "Let the next authority sign the hub's certificate. It is refused as long as a cluster does not trust that authority. With --force, such clusters have to be connected again.",
		}),
		newHubCAStep(s, caStep{
			use: "retire", short: "End the trust in the old authority", step: hub.RetireAuthority,
			long: "End the trust in the old authority. Clusters that were off since the rotation began and still trust nothing else have to be connected again. Backups from before bring the old authority back.",
		}),
	)
	return command
}

// caStep is one of the commands, which differ in little.
type caStep struct {
	use, short, long string
	step, forced     hub.AuthorityStep
}

func newHubCAStep(s *session, of caStep) *cobra.Command {
	var force bool
	command := &cobra.Command{
		Use: of.use, Short: of.short, Long: of.long, Args: cobra.NoArgs,
		Example: "  fairlead hub ca " + of.use + "\n  fairlead hub ca " + of.use + " --data /var/lib/fairlead",
	}
	data := dataFolder(command)
	if of.forced != nil {
		command.Flags().BoolVar(&force, "force", false, "do not wait for clusters")
	}
	command.RunE = func(command *cobra.Command, _ []string) error {
		folder, err := data()
		if err != nil {
			return err
		}
		step := of.step
		if force {
			step = of.forced
		}
		status, err := hub.ChangeAuthority(command.Context(), folder, step)
		if err != nil {
			return err
		}
		return s.tell(strings.TrimSuffix(caText(status), "\n"), caDocument(status), []column{{title: "Stage", path: "stage"}, {title: "Next", path: "next"}})
	}
	return command
}

// caAuthority is one of the authorities for scripts.
type caAuthority struct {
	Fingerprint string    `json:"fingerprint"`
	Subject     string    `json:"subject"`
	NotAfter    time.Time `json:"notAfter"`
	Signs       bool      `json:"signs"`
}

// caStatus is what the commands say to scripts.
type caStatus struct {
	Stage       string        `json:"stage"`
	Authorities []caAuthority `json:"authorities"`
	Waiting     []string      `json:"waiting"`
	Next        string        `json:"next"`
}

func caDocument(status hub.AuthorityStatus) caStatus {
	document := caStatus{Stage: string(status.Stage), Authorities: []caAuthority{}, Waiting: append([]string{}, status.Waiting...), Next: status.Next()}
	for _, one := range status.Authorities {
		document.Authorities = append(document.Authorities, caAuthority{
			one.Fingerprint, one.Certificate.Subject.CommonName, one.Certificate.NotAfter.UTC(), one.Signs,
		})
	}
	return document
}

func caText(status hub.AuthorityStatus) string {
	var text strings.Builder
	for _, one := range status.Authorities {
		does := "trusted"
		if one.Signs {
			does = "signs"
		}
		fmt.Fprintf(&text, "%-8s %s  until %s  %s\n", does, one.Fingerprint, one.Certificate.NotAfter.UTC().Format(time.DateOnly), one.Certificate.Subject.CommonName)
	}
	if len(status.Waiting) > 0 {
		fmt.Fprintf(&text, "\n%d clusters have not taken over the last change:\n", len(status.Waiting))
		for _, name := range status.Waiting[:min(len(status.Waiting), maxShown)] {
			fmt.Fprintf(&text, "  %s\n", name)
		}
	}
	fmt.Fprintf(&text, "\nNext: %s\n", status.Next())
	return text.String()
}
