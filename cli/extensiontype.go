package cli

import (
	"context"
	"net/url"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func registeredColumns() []column {
	return []column{
		{title: "Name", path: "name"},
		{title: "Chart", path: "join('/', [properties.chart, properties.chartName][?@])"},
		{title: "ReleaseTrains", path: "properties.releaseTrains", write: writeTags},
		{title: "Namespace", path: "properties.defaultReleaseNamespace"},
		{title: "Description", path: "properties.description"},
	}
}

func newExtensionTypeCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "extension-type", Short: "Extension types: which charts may be installed as extensions, and which versions",
		Long: `Register Helm charts as extension types, so that they can be installed in clusters with fairlead k8s-extension. A type says where its
chart is, which versions its release trains take, and how automatic upgrades go through the clusters. Registering needs a role such as
Owner on "/".`,
		Example: `  fairlead registry push web-1.4.2.tgz charts
  fairlead extension-type register contoso.web --chart oci://hub.example.org:8443/charts/web --train 'stable=>=1.0' --train 'preview=>=1.0-0'
  fairlead extension-type versions contoso.web -o table`,
	}
	command.AddCommand(newTypeRegisterCommand(s), newTypeListCommand(s), newTypeShowCommand(s), newTypeUpdateCommand(s), newTypeUnregisterCommand(s), newTypeVersionsCommand(s))
	return command
}

// typeName is what names an extension type: words with dots between.
const typeName = `^[A-Za-z0-9]([A-Za-z0-9.-]{0,98}[A-Za-z0-9])?$`

func checkTypeName(name string) error {
	if regexp.MustCompile(typeName).MatchString(name) {
		return nil
	}
	return usagef("an extension type cannot be called %.100q: a name has 1 to 100 letters, digits, '.' and '-', such as contoso.web", name)
}

// typeCommand makes a command about one registered type.
func typeCommand(s *session, command *cobra.Command, run func(ctx context.Context, hub *signedIn, name string) error) *cobra.Command {
	command.Args = asUsage(cobra.ExactArgs(1))
	command.ValidArgsFunction = s.completeTypes
	command.RunE = func(command *cobra.Command, args []string) error {
		if err := checkTypeName(args[0]); err != nil {
			return err
		}
		hub, err := s.hub()
		if err != nil {
			return err
		}
		return run(command.Context(), hub, args[0])
	}
	return command
}

func newTypeListCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the registered extension types",
		Long: `List the registered extension types, with the ranges of versions that their release trains take. The type that the hub has by itself,
microsoft.flux, is not registered: fairlead k8s-extension extension-types list-by-location -l LOCATION shows it as well.`,
		Example: "  fairlead extension-type list -o table",
		RunE: func(command *cobra.Command, _ []string) error {
			hub, err := s.hub()
			if err != nil {
				return err
			}
			all, err := hub.List(command.Context(), client.ExtensionTypesPath, client.ExtensionTypeVersion, nil)
			if err != nil {
				return err
			}
			return s.list(all, registeredColumns(), "No extension types. Register one: fairlead extension-type register NAME --chart oci://…")
		},
	}
}

func newTypeShowCommand(s *session) *cobra.Command {
	return typeCommand(s, &cobra.Command{
		Use: "show NAME", Short: "Show an extension type",
		Long:    "Show an extension type as it is registered. A registry's password is never shown. The exit code is 3 when there is none of that name.",
		Example: "  fairlead extension-type show contoso.web",
	}, func(ctx context.Context, hub *signedIn, name string) error {
		document := client.Document{}
		if err := hub.Get(ctx, client.ExtensionTypeID(name).String(), client.ExtensionTypeVersion, &document); err != nil {
			return typeNotThere(err)
		}
		return s.show(document, registeredColumns())
	})
}

func typeNotThere(err error) error {
	if fairlead.CodeOf(err) == "ResourceNotFound" {
		return &hinted{err, "fairlead extension-type list   (with what the hub has by itself: fairlead k8s-extension extension-types list-by-location -l LOCATION)"}
	}
	return err
}

func newTypeVersionsCommand(s *session) *cobra.Command {
	return typeCommand(s, &cobra.Command{
		Use: "versions NAME", Short: "Show which versions the release trains of a type resolve to",
		Long:    "Ask the chart's registry now, and show which versions each release train of a type takes, the newest first.",
		Example: "  fairlead extension-type versions contoso.web -o table",
	}, func(ctx context.Context, hub *signedIn, name string) error {
		all, err := hub.List(ctx, client.ExtensionTypeID(name).String()+"/versions", client.ExtensionTypeVersion, nil)
		if err != nil {
			return typeNotThere(err)
		}
		return s.list(all, typeVersionColumns(), "No version of the chart is in the range of any release train; see them: fairlead extension-type show "+name)
	})
}

func newTypeUnregisterCommand(s *session) *cobra.Command {
	var yes, force bool
	command := typeCommand(s, &cobra.Command{
		Use: "unregister NAME", Short: "Remove an extension type",
		Long: `Remove an extension type. One that extensions use stays, and they are named; with --force it goes all the same, and its extensions stay as
they are, without upgrades. When there is none of that name, there is nothing to do.`,
		Example: "  fairlead extension-type unregister contoso.web --yes",
	}, func(ctx context.Context, hub *signedIn, name string) error {
		there, err := hub.Exists(ctx, client.ExtensionTypeID(name).String(), client.ExtensionTypeVersion)
		if err != nil {
			return err
		}
		if !there {
			s.warn("No extension type with name '%s' is registered, so nothing to remove", name)
			return nil
		}
		query, question := url.Values{}, "Remove the extension type "+name+"?"
		if force {
			query.Set("forceDelete", "true")
			question += " Its extensions stay, without upgrades."
		}
		if !yes {
			if err := s.confirm(ctx, question); err != nil {
				return err
			}
		}
		if err := hub.Delete(ctx, client.ExtensionTypeID(name).String(), client.ExtensionTypeVersion, query); err != nil {
			return typeInUse(err, name)
		}
		return s.say(s.streams.Err, name+" is no extension type any more.")
	})
	command.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	command.Flags().BoolVar(&force, "force", false, "remove it even if extensions use it")
	return command
}

func typeInUse(err error, name string) error {
	if fairlead.CodeOf(err) == "ExtensionTypeInUse" {
		return &hinted{err, "fairlead k8s-extension delete …\n       or fairlead extension-type unregister " + name + " --force"}
	}
	return typeNotThere(err)
}
