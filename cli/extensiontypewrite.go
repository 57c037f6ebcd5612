package cli

import (
	"context"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead/client"
)

// typeFlags are what extension-type register and update can be told.
type typeFlags struct {
	chart, description, namespace, caFile string
	registry                              registryFlags
	trains, waves                         []string
	windows                               []string
	healthGate                            time.Duration
	maxFailures                           int
}

func (f *typeFlags) offer(command *cobra.Command) {
	set := command.Flags()
	set.StringVar(&f.chart, "chart", "", "where the chart is: oci://HOST/PATH, or https://REPOSITORY/CHART for one with an index.yaml")
	set.Var(&words{into: &f.trains}, "train", `release trains as NAME=RANGE of versions, such as 'stable=>=1.0 <2' (default: stable, with every version that is no preview)`)
	set.StringVar(&f.namespace, "default-namespace", "", "namespace for releases of it when none is asked for (default: the type's name, with dashes for dots)")
	set.StringVar(&f.description, "description", "", "a sentence for those who choose")
	set.StringVar(&f.caFile, "ca-file", "", "PEM file of the authority of the chart's registry, for the hub and for clusters")
	f.registry.offer(command)
	set.Var(&words{into: &f.waves}, "wave", "clusters that automatic upgrades reach one wave after the other, by their tags: TAG=VALUE …; others come last")
	set.StringArrayVar(&f.windows, "window", nil, `when automatic upgrades may begin: "Sat,Sun 02:00 4h Europe/Berlin", without days for every one (repeatable; default: always)`)
	set.DurationVar(&f.healthGate, "health-gate", 0, "how long a wave must have been well before the next one begins, such as 30m")
	set.IntVar(&f.maxFailures, "max-failures", 0, "how many upgrades to a version may fail before no further one begins (default: 1)")
}

func newTypeRegisterCommand(s *session) *cobra.Command {
	var flags typeFlags
	command := typeCommand(s, &cobra.Command{
		Use: "register NAME", Short: "Register a Helm chart as an extension type",
		Long: `Register a Helm chart as an extension type. The hub reads the registry to learn which versions there are, so it says at once when it
cannot be reached. A chart in the hub's own registry needs nothing else: fairlead registry push CHART.tgz charts, or helm push.

For a registry that asks for credentials, give the hub some. Clusters, which fetch the chart by themselves, get them only with
--credentials-for-clusters, each while an extension of the type is wanted there; whoever may read Secrets in its namespace azure-arc
can read them, so let them be good for reading only. To change a password, register the type once more, or update it.`,
		Example: `  fairlead extension-type register contoso.web --chart oci://hub.example.org:8443/charts/web
  fairlead extension-type register contoso.web --chart oci://hub.example.org:8443/charts/web \
    --train 'stable=>=1.0' --train 'preview=>=1.0-0' --wave ring=canary ring=broad --health-gate 30m --window "Sat 02:00 4h Europe/Berlin"
  fairlead extension-type register contoso.db --chart https://charts.example.org/db --username reader --password-stdin < token
  fairlead extension-type register contoso.db --chart oci://charts.example.org/team/db --username reader --password-file token --credentials-for-clusters`,
	}, func(ctx context.Context, hub *signedIn, name string) error {
		return s.typeWrite(ctx, name, flags, hub.Put, " is registered. See which versions it has:\n  fairlead extension-type versions "+name)
	})
	command.ValidArgsFunction = nil
	flags.offer(command)
	mustFlag(command, "chart")
	return command
}

func newTypeUpdateCommand(s *session) *cobra.Command {
	var flags typeFlags
	command := typeCommand(s, &cobra.Command{
		Use: "update NAME", Short: "Change an extension type",
		Long: `Change what is given of an extension type. Trains that are given replace all; --wave "" and --window "" remove what was set. Extensions
that are upgraded automatically follow within their release trains.`,
		Example: `  fairlead extension-type update contoso.web --train 'stable=>=1.0 <3' 'preview=>=2.0-0'
  fairlead extension-type update contoso.db --username reader --password-file new-token`,
	}, func(ctx context.Context, hub *signedIn, name string) error {
		return typeNotThere(s.typeWrite(ctx, name, flags, hub.Patch, " is changed."))
	})
	flags.offer(command)
	command.MarkFlagsOneRequired("chart", "train", "default-namespace", "description", "ca-file", "username", "credentials-for-clusters", "wave", "window", "health-gate", "max-failures")
	return command
}

// write is Put or Patch of a hub.
type write func(ctx context.Context, path, version string, body, v any) error

func (s *session) typeWrite(ctx context.Context, name string, flags typeFlags, send write, sentence string) error {
	properties, err := flags.properties(ctx, s)
	if err != nil {
		return err
	}
	stored := client.Document{}
	err = send(ctx, client.ExtensionTypeID(name).String(), client.ExtensionTypeVersion, client.Document{"properties": properties}, &stored)
	if err != nil {
		return err
	}
	return s.tell(name+sentence, stored, registeredColumns())
}

// properties are those that the flags speak of.
func (f *typeFlags) properties(ctx context.Context, s *session) (client.Document, error) {
	properties := client.Document{}
	for name, value := range map[string]string{"description": f.description, "defaultReleaseNamespace": f.namespace} {
		if value != "" {
			properties[name] = value
		}
	}
	var err error
	if err := f.chartInto(properties); err != nil {
		return nil, err
	}
	if err := f.registry.into(ctx, s, properties); err != nil {
		return nil, err
	}
	if f.trains != nil {
		if properties["releaseTrains"], err = readTrains(f.trains); err != nil {
			return nil, err
		}
	}
	upgrade, err := f.upgrade()
	if len(upgrade) > 0 {
		properties["upgrade"] = upgrade
	}
	return properties, err
}

func (f *typeFlags) chartInto(properties client.Document) error {
	if f.chart != "" {
		chart, name, err := readChart(f.chart)
		if err != nil {
			return err
		}
		properties["chart"] = chart
		if name != "" {
			properties["chartName"] = name
		}
	}
	if f.caFile != "" {
		content, err := os.ReadFile(f.caFile)
		if err != nil {
			return usagef("--ca-file cannot be read: %w", err)
		}
		if _, err := client.Trust(content); err != nil || len(content) == 0 {
			return usagef("--ca-file: %s holds no certificate in PEM form", f.caFile)
		}
		properties["caBundle"] = string(content)
	}
	return nil
}

// readChart splits what --chart says into repository and, for a classic one, the chart's name.
func readChart(text string) (repository, name string, err error) {
	address, parsing := url.Parse(text)
	path := ""
	if parsing == nil {
		path = strings.Trim(address.Path, "/")
	}
	switch {
	case parsing != nil || address.Host == "" || path == "" || address.RawQuery != "" || address.User != nil:
	case address.Scheme == "oci" && strings.ContainsAny(path, ":@"):
		return "", "", usagef("--chart: %.200q has a version; release trains say which are taken", text)
	case address.Scheme == "oci":
		return strings.TrimSuffix(text, "/"), "", nil
	case address.Scheme == "https":
		above, last, found := cutLast(strings.TrimSuffix(text, "/"), "/")
		if found && path != "" {
			return above, last, nil
		}
	}
	return "", "", usagef("--chart: %.200q is neither oci://HOST/PATH nor https://REPOSITORY/CHART", text)
}

func cutLast(text, separator string) (before, after string, found bool) {
	at := strings.LastIndex(text, separator)
	if at < 0 {
		return text, "", false
	}
	return text[:at], text[at+len(separator):], true
}

func readTrains(pairs []string) (map[string]string, error) {
	trains := map[string]string{}
	for _, pair := range pairs {
		name, span, found := strings.Cut(pair, "=")
		if !found || name == "" || strings.TrimSpace(span) == "" {
			return nil, usagef("--train: %.100q is not NAME=RANGE, such as 'stable=>=1.0 <2'", pair)
		}
		trains[strings.ToLower(name)] = strings.TrimSpace(span)
	}
	return trains, nil
}

func (f *typeFlags) upgrade() (client.Document, error) {
	upgrade := client.Document{}
	if f.waves != nil {
		waves := []client.UpgradeWave{}
		for _, pair := range f.waves {
			tag, value, found := strings.Cut(pair, "=")
			if !found || tag == "" {
				return nil, usagef("--wave: %.100q is not TAG=VALUE", pair)
			}
			waves = append(waves, client.UpgradeWave{Tag: tag, Value: value})
		}
		upgrade["waves"] = waves
	}
	if f.windows != nil {
		windows, err := readWindows(f.windows)
		if err != nil {
			return nil, err
		}
		upgrade["windows"] = windows
	}
	if f.maxFailures > 0 {
		upgrade["maxFailures"] = f.maxFailures
	}
	switch {
	case f.maxFailures < 0:
		return nil, usagef("--max-failures: a number above 0 is expected")
	case f.healthGate < 0:
		return nil, usagef("--health-gate: a span such as 30m is expected")
	case f.healthGate > 0:
		upgrade["healthGate"] = f.healthGate.String()
	}
	return upgrade, nil
}
