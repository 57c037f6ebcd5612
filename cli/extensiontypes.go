package cli

import (
	"context"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// extensionTypesFlags name what extension-types asks for: types or versions of one, of a location or as they fit a cluster.
type extensionTypesFlags struct {
	extensionFlags
	location, extensionType, version       string
	train, plan, product, publisher, major string
	latest                                 *bool
}

func extensionTypeColumns() []column {
	return []column{
		{title: "Name", path: "name"},
		{title: "DefaultScope", path: "properties.supportedScopes.defaultScope"},
		{title: "ClusterTypes", path: "join(', ', properties.clusterTypes || `[]`)"},
		{title: "DefaultReleaseNamespace", path: "properties.supportedScopes.clusterScopeSettings.defaultReleaseNamespace"},
		{title: "Description", path: "properties.description"},
	}
}

func typeVersionColumns() []column {
	return []column{{title: "Version", path: "properties.version || name"}, {title: "ReleaseTrain", path: "properties.releaseTrain"}}
}

func newExtensionTypesCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "extension-types", Short: "Which extension types, and versions of them, there are",
		Long: `See which extension types there are in a location, or for a cluster, and which versions of them. Who registers types does so with
fairlead extension-type.`,
		Example: `  fairlead k8s-extension extension-types list-by-cluster -g shops -c edge-1 -t connectedClusters -o table
  fairlead k8s-extension extension-types list-versions-by-location -l local --extension-type contoso.web`,
	}
	for _, one := range typeQueries() {
		command.AddCommand(newTypeQuery(s, one))
	}
	return command
}

// typeQuery is one of the commands, which differ in what they ask for and where.
type typeQuery struct {
	use, short       string
	ofType, versions bool // one type, and its versions
	ofVersion        bool // one version of it
	byCluster        bool
	hidden           bool // an older name
}

// typeQueries has az's names of today and, hidden, its older ones.
func typeQueries() []typeQuery {
	list := typeQuery{short: "List the extension types"}
	show := typeQuery{short: "Show an extension type", ofType: true}
	versions := typeQuery{short: "List the versions of an extension type", ofType: true, versions: true}
	version := typeQuery{short: "Show a version of an extension type", ofType: true, versions: true, ofVersion: true}
	cluster := func(q typeQuery, use string) typeQuery {
		q.use, q.byCluster, q.short = use, true, q.short+" that fits a cluster"
		return q
	}
	location := func(q typeQuery, use string) typeQuery {
		q.use, q.short = use, q.short+" in a location"
		return q
	}
	old := func(q typeQuery) typeQuery {
		q.hidden = true
		return q
	}
	return []typeQuery{
		cluster(list, "list-by-cluster"), location(list, "list-by-location"),
		cluster(show, "show-by-cluster"), location(show, "show-by-location"),
		cluster(versions, "list-versions-by-cluster"), location(versions, "list-versions-by-location"),
		cluster(version, "show-version-by-cluster"), location(version, "show-version-by-location"),
		old(cluster(list, "list")), old(location(show, "show")), old(cluster(versions, "list-versions")), old(location(version, "show-version")),
	}
}

func newTypeQuery(s *session, query typeQuery) *cobra.Command {
	var flags extensionTypesFlags
	command := &cobra.Command{
		Use: query.use, Short: query.short, Hidden: query.hidden,
		Long:    query.short + ". The exit code is 3 when it is not there.",
		Example: "  fairlead k8s-extension extension-types " + query.use + query.example(),
		RunE:    func(command *cobra.Command, _ []string) error { return s.typeQuery(command.Context(), query, flags) },
	}
	query.offer(command, &flags)
	return command
}

func (q typeQuery) example() string {
	text := " -l local"
	if q.byCluster {
		text = " -g shops -c edge-1 -t connectedClusters"
	}
	if q.ofType {
		text += " --extension-type contoso.web"
	}
	if q.ofVersion {
		text += " --version 1.4.2"
	}
	return text
}

func (q typeQuery) offer(command *cobra.Command, flags *extensionTypesFlags) {
	set := command.Flags()
	if q.byCluster {
		nameExtensionCluster(command, &flags.extensionFlags)
	} else {
		set.StringVarP(&flags.location, "location", "l", "", "location (default: the one of fairlead configure)")
	}
	if q.ofType {
		set.StringVar(&flags.extensionType, "extension-type", "", "the extension type")
		mustFlag(command, "extension-type")
	}
	switch {
	case q.ofVersion:
		set.StringVar(&flags.version, "version", "", "the version")
		mustFlag(command, "version")
		return
	case q.versions:
		set.StringVar(&flags.major, "major-version", "", "only versions with this first number")
		offerTristate(command, &flags.latest, "show-latest", "only the newest version of each release train")
	case !q.ofType:
		set.StringVar(&flags.plan, "plan-name", "", "only types of this plan")
		set.StringVar(&flags.product, "plan-product", "", "only types of this product")
		set.StringVar(&flags.publisher, "plan-publisher", "", "only types of this publisher")
	default:
		return
	}
	set.StringVar(&flags.train, "release-train", "", "only this release train")
	if !q.byCluster {
		set.StringVarP(&flags.kind, "cluster-type", "t", "", "only what fits clusters of this kind")
		_ = command.RegisterFlagCompletionFunc("cluster-type", cobra.FixedCompletions(clusterKinds(), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	}
}

func (q typeQuery) filter(flags extensionTypesFlags) url.Values {
	filter := url.Values{}
	for name, value := range map[string]string{
		"releaseTrain": flags.train, "planName": flags.plan, "planProduct": flags.product, "planPublisher": flags.publisher, "majorVersion": flags.major,
	} {
		if value != "" {
			filter.Set(name, value)
		}
	}
	if !q.byCluster && flags.kind != "" {
		filter.Set("clusterType", flags.kind)
	}
	if flags.latest != nil {
		filter.Set("showLatest", (&truth{flags.latest}).String())
	}
	return filter
}

// check refuses what no hub would understand.
func (q typeQuery) check(flags extensionTypesFlags) error {
	if !q.byCluster && flags.kind != "" && client.ClusterTypeOf(flags.kind) == "" {
		return usagef("--cluster-type/-t: %.60q is neither %s", flags.kind, strings.Join(clusterKinds(), " nor "))
	}
	if q.ofType {
		return checkTypeName(flags.extensionType)
	}
	return nil
}

// notThere says where the right names are to be found.
func (q typeQuery) notThere(err error, flags extensionTypesFlags) error {
	if fairlead.CodeOf(err) != "ResourceNotFound" {
		return err
	}
	list, where := "list", "-by-location -l "+first(flags.location, "LOCATION")
	if q.byCluster {
		where = "-by-cluster" + flags.clusterWords()
	}
	if q.ofVersion {
		list, where = "list-versions", where+" --extension-type "+flags.extensionType
	}
	return &hinted{err, "fairlead k8s-extension extension-types " + list + where}
}

func (s *session) typeQuery(ctx context.Context, query typeQuery, flags extensionTypesFlags) error {
	if err := query.check(flags); err != nil {
		return err
	}
	return query.notThere(s.askTypes(ctx, query, flags), flags)
}

func (s *session) askTypes(ctx context.Context, query typeQuery, flags extensionTypesFlags) error {
	hub, path, err := s.typesPath(ctx, query, flags)
	if err != nil {
		return err
	}
	columns := extensionTypeColumns()
	if query.ofType {
		path += "/" + url.PathEscape(flags.extensionType)
	}
	if query.versions {
		path, columns = path+"/versions", typeVersionColumns()
	}
	if query.ofType && !query.versions || query.ofVersion {
		if query.ofVersion {
			path += "/" + url.PathEscape(flags.version)
		}
		document := client.Document{}
		if err := hub.Get(ctx, path, client.ExtensionTypeVersion, &document); err != nil {
			return err
		}
		return s.show(document, columns)
	}
	all, err := hub.List(ctx, path, client.ExtensionTypeVersion, query.filter(flags))
	if err != nil {
		return err
	}
	return s.list(all, columns, "There are none. Who may, registers a type: fairlead extension-type register NAME --chart oci://…")
}

func (s *session) typesPath(ctx context.Context, query typeQuery, flags extensionTypesFlags) (*signedIn, string, error) {
	if query.byCluster {
		hub, cluster, err := s.locateExtensionCluster(ctx, flags.extensionFlags)
		if err != nil {
			return nil, "", err
		}
		return hub, client.ExtensionTypesBelow(cluster), nil
	}
	hub, subscription, err := s.place(ctx)
	if err != nil {
		return nil, "", err
	}
	location := first(flags.location, hub.defaults.Location)
	if location == "" {
		return nil, "", usagef("--location/-l is missing; fairlead account list-locations shows what there is")
	}
	return hub, client.ExtensionTypesAt(subscription, location), nil
}
