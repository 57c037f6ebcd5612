package cli

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// resourceFlags narrow a list of resources, or name one of them.
type resourceFlags struct {
	group, kind, namespace, name, location, tag, version, id, properties string
	ids, tags                                                            []string
	incremental, full, noWait                                            bool
}

func resourceColumns() []column {
	return []column{
		{title: "Name", path: "name"},
		{title: "ResourceGroup", path: "resourceGroup"},
		{title: "Location", path: "location"},
		{title: "Type", path: "type"},
		{title: "Status", path: "provisioningState"},
	}
}

func newResourceCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "resource", Short: "Resources of all types",
		Long:    "See resources whatever their type, by their ids or by what they have in common, make, tag and delete them.",
		Example: "  fairlead resource list -g shops -o table\n  fairlead resource list --tag env=test --query [].id -o tsv",
	}
	command.AddCommand(newResourceListCommand(s), newResourceShowCommand(s), newResourceCreateCommand(s), newResourceDeleteCommand(s), newResourceTagCommand(s))
	return command
}

func newResourceListCommand(s *session) *cobra.Command {
	var flags resourceFlags
	command := &cobra.Command{
		Use: "list", Short: "List the resources",
		Long:    "List the resources of the subscription or of a group that you may see, whatever their type.",
		Example: "  fairlead resource list -g shops -o table\n  fairlead resource list --resource-type Microsoft.Kubernetes/connectedClusters --tag env=test",
		RunE:    func(command *cobra.Command, _ []string) error { return s.resourceList(command.Context(), flags) },
	}
	kindFlags(command, &flags)
	command.Flags().StringVarP(&flags.location, "location", "l", "", "only those in this location")
	command.Flags().StringVar(&flags.tag, "tag", "", "only those with this tag, key or key=value")
	return command
}

func newResourceShowCommand(s *session) *cobra.Command {
	var flags resourceFlags
	command := &cobra.Command{
		Use: "show", Short: "Show a resource",
		Long:    "Show the resources that --ids names, or one by its group, type and name.",
		Example: "  fairlead resource show --ids \"$(fairlead connectedk8s show -n edge-1 -g shops --query id -o tsv)\"\n  fairlead resource show -g shops -n edge-1 --resource-type Microsoft.Kubernetes/connectedClusters",
		RunE:    func(command *cobra.Command, _ []string) error { return s.resourceShow(command.Context(), flags) },
	}
	kindFlags(command, &flags)
	idFlags(command, &flags)
	command.Flags().StringVar(&flags.version, "api-version", "", "api-version (default: the newest that is no preview)")
	return command
}

func newResourceTagCommand(s *session) *cobra.Command {
	var flags resourceFlags
	command := &cobra.Command{
		Use: "tag", Short: "Set the tags of a resource",
		Long:    "Set the tags of the resources that --ids names, or of one by its group, type and name. Tags that are not given go, unless --is-incremental keeps them.",
		Example: "  fairlead resource tag --tags env=test -g shops -n edge-1 --resource-type Microsoft.Kubernetes/connectedClusters --is-incremental",
		RunE:    func(command *cobra.Command, _ []string) error { return s.resourceTag(command.Context(), flags) },
	}
	kindFlags(command, &flags)
	idFlags(command, &flags)
	tagsFlag(command, &flags.tags)
	mustFlag(command, "tags")
	command.Flags().BoolVarP(&flags.incremental, "is-incremental", "i", false, "keep the tags that are not given")
	return command
}

func kindFlags(command *cobra.Command, flags *resourceFlags) {
	command.Flags().StringVarP(&flags.group, "resource-group", "g", "", "resource group")
	command.Flags().StringVar(&flags.kind, "resource-type", "", "type, such as Microsoft.Kubernetes/connectedClusters")
	command.Flags().StringVar(&flags.namespace, "namespace", "", "namespace of a type that --resource-type gives without it")
	command.Flags().StringVarP(&flags.name, "name", "n", "", "name of the resource")
}

func idFlags(command *cobra.Command, flags *resourceFlags) {
	command.Flags().Var(&words{into: &flags.ids}, "ids", "ids of resources, separated by blanks")
	command.MarkFlagsOneRequired("ids", "name")
	command.MarkFlagsMutuallyExclusive("ids", "name")
}

func (s *session) resourceList(ctx context.Context, flags resourceFlags) error {
	if err := checkGroupFlag(flags.group); err != nil {
		return err
	}
	hub, subscription, err := s.place(ctx)
	if err != nil {
		return err
	}
	path := "/subscriptions/" + subscription
	if flags.group != "" {
		path += "/resourceGroups/" + flags.group
	}
	query := url.Values{"$expand": {"createdTime,changedTime,provisioningState"}}
	if filter := flags.filter(); filter != "" {
		query.Set("$filter", filter)
	}
	all, err := hub.List(ctx, path+"/resources", client.GroupVersion, query)
	if err != nil {
		return err
	}
	for _, one := range all {
		if id, err := fairlead.ParseResourceID(text(one, "id")); err == nil {
			one["resourceGroup"] = id.ResourceGroup
		}
	}
	return s.list(all, resourceColumns(), "No such resources.")
}

// filter says in OData what the flags narrow a list to.
func (f resourceFlags) filter() string {
	key, value, valued := strings.Cut(f.tag, "=")
	terms := []string{equals("resourceType", f.typeName()), equals("name", f.name), equals("location", f.location), equals("tagName", key)}
	if valued {
		terms = append(terms, equals("tagValue", value))
	}
	return strings.Join(slices.DeleteFunc(terms, func(term string) bool { return term == "" }), " and ")
}

func (f resourceFlags) typeName() string {
	if f.namespace == "" || strings.HasPrefix(strings.ToLower(f.kind), strings.ToLower(f.namespace)+"/") {
		return f.kind
	}
	return f.namespace + "/" + f.kind
}

// equals compares in OData; without a value there is nothing to compare.
func equals(property, value string) string {
	if value == "" {
		return ""
	}
	return property + " eq '" + strings.ReplaceAll(value, "'", "''") + "'"
}

func (s *session) resourceShow(ctx context.Context, flags resourceFlags) error {
	shown := []client.Document{}
	err := s.eachResource(ctx, flags, func(hub *signedIn, id fairlead.ResourceID) error {
		version, err := hub.version(ctx, id, flags.version)
		if err != nil {
			return err
		}
		document := client.Document{}
		if err := hub.Get(ctx, id.String(), version, &document); err != nil {
			return err
		}
		document["resourceGroup"] = id.ResourceGroup
		shown = append(shown, document)
		return nil
	})
	return s.oneOrAll(shown, err)
}

// oneOrAll shows a document by itself when there is only one, as az does.
func (s *session) oneOrAll(shown []client.Document, err error) error {
	switch {
	case err != nil:
		return err
	case len(shown) == 1:
		return s.show(shown[0], resourceColumns())
	default:
		return s.show(shown, resourceColumns())
	}
}

func (s *session) resourceTag(ctx context.Context, flags resourceFlags) error {
	tags, err := parseTags(flags.tags)
	if err != nil {
		return err
	}
	operation := "Replace"
	if flags.incremental {
		operation = "Merge"
	}
	shown := []client.Document{}
	err = s.eachResource(ctx, flags, func(hub *signedIn, id fairlead.ResourceID) error {
		document, err := hub.patchTags(ctx, id, operation, tags)
		shown = append(shown, document)
		return err
	})
	return s.oneOrAll(shown, err)
}

// eachResource runs a call for each resource that the flags name.
func (s *session) eachResource(ctx context.Context, flags resourceFlags, call func(hub *signedIn, id fairlead.ResourceID) error) error {
	ids, err := readIDs(flags.ids)
	if err != nil {
		return err
	}
	hub, err := s.hub()
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		id, err := s.nameResource(ctx, hub, flags)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	for _, id := range ids {
		if err := call(hub, id); err != nil {
			return err
		}
	}
	return nil
}

func readIDs(texts []string) ([]fairlead.ResourceID, error) {
	var ids []fairlead.ResourceID
	for _, text := range texts {
		id, err := fairlead.ParseResourceID(text)
		if err != nil {
			return nil, usagef("%w", err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (s *session) nameResource(ctx context.Context, hub *signedIn, flags resourceFlags) (fairlead.ResourceID, error) {
	subscription, err := s.subscriptionID(ctx, hub)
	if err != nil {
		return fairlead.ResourceID{}, err
	}
	group, err := hub.groupName(flags.group)
	if err != nil {
		return fairlead.ResourceID{}, err
	}
	id, err := fairlead.ParseResourceID("/subscriptions/" + subscription + "/resourceGroups/" + group + "/providers/" + flags.typeName() + "/" + flags.name)
	if err != nil {
		return id, usagef("--resource-type and --name must name a resource, such as --resource-type Microsoft.Kubernetes/connectedClusters --name edge-1")
	}
	return id, nil
}

// version returns the api-version that was asked for, or the newest of the type's that is no preview, or its newest.
func (h *signedIn) version(ctx context.Context, id fairlead.ResourceID, asked string) (string, error) {
	if asked != "" || id.Namespace == "" {
		return first(asked, client.GroupVersion), nil
	}
	var provider struct {
		ResourceTypes []struct {
			ResourceType string   `json:"resourceType"`
			APIVersions  []string `json:"apiVersions"`
		} `json:"resourceTypes"`
	}
	err := h.Get(ctx, "/subscriptions/"+first(id.Subscription, h.entry.Subscription)+"/providers/"+id.Namespace, client.ProviderVersion, &provider)
	if err != nil {
		return "", err
	}
	for _, kind := range provider.ResourceTypes {
		if strings.EqualFold(kind.ResourceType, strings.Join(id.Types, "/")) {
			return newest(kind.APIVersions), nil
		}
	}
	return client.GroupVersion, nil
}

func newest(versions []string) string {
	stable := slices.DeleteFunc(slices.Clone(versions), func(version string) bool { return strings.Contains(version, "preview") })
	switch {
	case len(stable) > 0:
		return slices.Max(stable)
	case len(versions) > 0:
		return slices.Max(versions)
	default:
		return client.GroupVersion
	}
}
