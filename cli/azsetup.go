package cli

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/azcloud"
	"github.com/fairlead/fairlead/client"
)

// azLookup bounds the look-up of the hub's address, which is a convenience.
const azLookup = 2 * time.Second

// azFlags describe a hub that nobody is signed in to.
type azFlags struct {
	url, domain, login, data, name, caOut string
}

func newAzSetupCommand(s *session) *cobra.Command {
	var flags azFlags
	command := &cobra.Command{
		Use: "az-setup", Short: "Say how to use Microsoft's az with this hub",
		Long: `Print what to type so that the unmodified az works with this hub as a custom cloud: names, trust, the cloud,
sign-in, and what az would otherwise fetch from the internet. It warns of what will not work, with the reason.

The hub is the one that you are signed in to, or the one that --url and --domain describe; then nothing is asked of it.`,
		Example: `  fairlead hub az-setup
  fairlead hub az-setup --domain hub.example.org --data /var/lib/fairlead
  fairlead hub az-setup --url https://hub.example.org --az-login adfs -o json`,
		RunE: func(command *cobra.Command, _ []string) error { return s.azSetup(command.Context(), flags) },
	}
	set := command.Flags()
	set.StringVar(&flags.url, "url", "", "the hub's own URL, as given to fairlead hub (default: that of the hub you are signed in to)")
	set.StringVar(&flags.domain, "domain", "", "the hub's domain for az, as given to fairlead hub")
	set.StringVar(&flags.login, "az-login", string(azcloud.Entra), "sign-in that the hub announces, as given to fairlead hub: entra or adfs")
	set.StringVar(&flags.data, "data", "", "the hub's data folder, for the file of its authority")
	set.StringVar(&flags.name, "name", "fairlead", "name to register the cloud by")
	set.StringVar(&flags.caOut, "ca-out", "", "write the hub's authority to this file, for the steps to name")
	return command
}

func (s *session) azSetup(ctx context.Context, flags azFlags) error {
	if login := azcloud.Flavour(flags.login); login != azcloud.Entra && login != azcloud.ADFS {
		return usagef("--az-login: %q is neither entra nor adfs", flags.login)
	}
	cloud, facts, err := s.azFacts(ctx, flags)
	if err != nil {
		return err
	}
	facts.Name = flags.name
	facts.Address = addressOf(ctx, cloud)
	setup := azcloud.Plan(cloud, facts)
	if s.output != "" || s.query != "" {
		return s.show(setup, nil)
	}
	return s.say(s.streams.Out, azText(setup))
}

// azFacts takes the hub from the flags, or from the hub that somebody is signed in to.
func (s *session) azFacts(ctx context.Context, flags azFlags) (azcloud.Cloud, azcloud.Facts, error) {
	var facts azcloud.Facts
	if flags.data != "" {
		file, err := filepath.Abs(filepath.Join(flags.data, "ca.crt"))
		if err != nil {
			return azcloud.Cloud{}, facts, err
		}
		facts.CAFile = file
	}
	if flags.url != "" || flags.domain != "" {
		facts.CAFile = first(facts.CAFile, "ca.crt")
		cloud, err := flags.cloud()
		return cloud, facts, err
	}
	hub, err := s.hub()
	if err != nil {
		return azcloud.Cloud{}, facts, err
	}
	facts.TenantID, facts.AppID = hub.entry.TenantID, hub.entry.ClientID
	if facts.CAFile == "" && hub.entry.Authority != "" {
		if facts.CAFile, err = writeAuthority(flags.caOut, hub.entry.Authority); err != nil {
			return azcloud.Cloud{}, facts, err
		}
	}
	said, err := hub.Endpoints(ctx)
	return cloudOf(hub.entry.URL, said), facts, err
}

func cloudOf(hubURL string, said client.Endpoints) azcloud.Cloud {
	return azcloud.Cloud{URL: hubURL, Domain: said.Fairlead.Domain, Port: said.Fairlead.Port, Login: azcloud.Flavour(said.Fairlead.AzLogin)}
}

func (f azFlags) cloud() (azcloud.Cloud, error) {
	if f.domain != "" {
		if err := azcloud.CheckDomain(f.domain); err != nil {
			return azcloud.Cloud{}, usagef("--domain: %w", err)
		}
	}
	hubURL := first(f.url, "https://"+f.domain)
	address, err := url.Parse(hubURL)
	if err != nil || address.Scheme != "https" || address.Hostname() == "" {
		return azcloud.Cloud{}, usagef("--url: %q is not an https URL, for example https://hub.example.org", hubURL)
	}
	return azcloud.Cloud{URL: "https://" + address.Host, Domain: f.domain, Login: azcloud.Flavour(f.login)}, nil
}

// writeAuthority puts the authority that the profile has into a file, when it is told which, and returns a name for the
// steps.
func writeAuthority(file, authority string) (string, error) {
	if file == "" {
		return "hub-ca.crt", nil
	}
	name, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(name, []byte(authority), 0o644); err != nil { //nolint:gosec // a certificate is public
		return "", fairlead.Errorf(fairlead.Internal, "write the hub's authority: %w", err)
	}
	return name, nil
}

func addressOf(ctx context.Context, cloud azcloud.Cloud) string {
	ctx, cancel := context.WithTimeout(ctx, azLookup)
	defer cancel()
	found, err := net.DefaultResolver.LookupHost(ctx, cloud.Host(azcloud.Main))
	if err != nil || len(found) == 0 {
		return ""
	}
	return found[0]
}

func azText(setup azcloud.Setup) string {
	var text strings.Builder
	for _, warning := range setup.Warnings {
		fmt.Fprintf(&text, "# Warning: %s: %s.\n#   %s.\n\n", warning.What, warning.Why, warning.Next)
	}
	for at, step := range setup.Steps {
		fmt.Fprintf(&text, "# %d. %s. %s\n", at+1, step.Title, step.Why)
		for _, line := range step.Lines {
			if step.Title == "Names" {
				line = "#   " + line
			}
			text.WriteString(line + "\n")
		}
		text.WriteString("\n")
	}
	return text.String() + "# Then: az group create -n shops -l LOCATION; az connectedk8s connect -n NAME -g shops"
}
