package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead/client/oci"
)

func artefactColumns() []column {
	return []column{
		{title: "Repository", path: "repository"}, {title: "Tag", path: "tag"}, {title: "Size", path: "size"}, {title: "Digest", path: "digest"},
	}
}

func pushedColumns() []column {
	return []column{{title: "Reference", path: "reference"}, {title: "Digest", path: "digest"}}
}

func newRegistryCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "registry", Short: "What the hub's registry holds",
		Long: `Put charts, images and programs into the hub's registry, for clusters and clients without another one. Anybody may
pull from it; pushing and deleting need a role such as Contributor on "/". docker, crane, helm and oras can push as well: they
sign in with the application id and secret of a service principal.`,
		Example: "  fairlead registry push registry.example.org/team/app:1.0\n  fairlead registry list -o table",
	}
	command.AddCommand(newRegistryPushCommand(s), newRegistryPushFileCommand(s), newRegistryListCommand(s), newRegistryDeleteCommand(s))
	return command
}

func newRegistryPushCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "push SOURCE [REPOSITORY:TAG]", Short: "Copy an image, an index or a chart into the hub",
		Long: `Copy an artefact into the hub's registry. SOURCE is a reference into another registry, which is read with the
credentials that docker has stored; an archive of docker save; a folder in OCI layout; or a packed chart (.tgz).

Without a target an artefact of another registry keeps its repository and tag. A chart always goes under its own name and version; the
target is then the repository above it.`,
		Example: `  fairlead registry push registry.example.org/team/app:1.0
  fairlead registry push app.tar team/app:1.0
  fairlead registry push demo-0.1.0.tgz charts`,
		Args: asUsage(cobra.RangeArgs(1, 2)),
		RunE: func(command *cobra.Command, args []string) error {
			return s.push(command.Context(), args, (*oci.Registry).Push)
		},
	}
}

func newRegistryPushFileCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "push-file FILE [REPOSITORY:TAG]", Short: "Put one file into the hub, in the form in which az fetches programs",
		Long: `Put one file into the hub's registry, as an artefact with one layer that has the file's name.

An archive of helm as its makers publish it, such as helm-v3.20.1-linux-amd64.tar.gz, needs no target: it goes where az looks
for helm (azurearck8s/helm:helm-v3.20.1-linux-amd64).`,
		Example: "  fairlead registry push-file helm-v3.20.1-linux-amd64.tar.gz\n  fairlead registry push-file tool.tar.gz tools/tool:1.0",
		Args:    asUsage(cobra.RangeArgs(1, 2)),
		RunE: func(command *cobra.Command, args []string) error {
			return s.push(command.Context(), args, (*oci.Registry).PushFile)
		},
	}
}

func newRegistryListCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List what is in the registry",
		Long:    "List what is in the registry: what the hub has packed itself, and what was pushed. Sizes are in bytes.",
		Example: "  fairlead registry list -o table\n  fairlead registry list --query \"[?starts_with(repository,'team/')].tag\" -o tsv",
		RunE: func(command *cobra.Command, _ []string) error {
			registry, err := s.registry()
			if err != nil {
				return err
			}
			found, err := registry.List(command.Context())
			if err != nil {
				return err
			}
			return s.show(found, artefactColumns())
		},
	}
}

func newRegistryDeleteCommand(s *session) *cobra.Command {
	var yes bool
	command := &cobra.Command{
		Use: "delete REPOSITORY:TAG", Short: "Remove something that was pushed",
		Long:    "Remove a tag with all that it alone names, or with REPOSITORY@sha256:… a manifest with all its tags. What the hub packs itself cannot be removed. Disk space is freed when nothing else needs a blob, after an hour at the earliest.",
		Example: "  fairlead registry delete team/app:1.0 --yes",
		Args:    asUsage(cobra.ExactArgs(1)),
		RunE: func(command *cobra.Command, args []string) error {
			registry, err := s.registry()
			if err != nil {
				return err
			}
			if !yes {
				if err := s.confirm(command.Context(), "Remove "+args[0]+" from the hub's registry?"); err != nil {
					return err
				}
			}
			return registry.Delete(command.Context(), args[0])
		},
	}
	command.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return command
}

func (s *session) push(ctx context.Context, args []string, how func(*oci.Registry, context.Context, string, string) (oci.Pushed, error)) error {
	registry, err := s.registry()
	if err != nil {
		return err
	}
	pushed, err := how(registry, ctx, args[0], strings.Join(args[1:], ""))
	if errors.Is(err, fs.ErrNotExist) {
		return &usageError{err}
	}
	if err != nil {
		return err
	}
	return s.tell(pushed.Reference+" is in the hub's registry.", pushed, pushedColumns())
}

// registry is the current hub's, with the person's token on requests to it.
func (s *session) registry() (*oci.Registry, error) {
	hub, err := s.hub()
	if err != nil {
		return nil, err
	}
	return &oci.Registry{URL: hub.URL, Transport: &bearer{next: hub.HTTP.Transport, host: strings.TrimPrefix(hub.URL, "https://"), token: hub.Token}}, nil
}

// bearer adds a token to requests to one host, and to no other.
type bearer struct {
	next  http.RoundTripper
	host  string
	token func(ctx context.Context) (string, error)
}

// RoundTrip sends a request.
func (b *bearer) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Host != b.host || request.URL.Scheme != "https" {
		return b.next.RoundTrip(request)
	}
	token, err := b.token(request.Context())
	if err != nil {
		return nil, fmt.Errorf("sign in to the hub: %w", err)
	}
	dressed := request.Clone(request.Context())
	dressed.Header.Set("Authorization", "Bearer "+token)
	return b.next.RoundTrip(dressed)
}
