package cli

import (
	"context"
	"io"
	"maps"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead/client"
	"github.com/fairlead/fairlead/connect"
)

// completeTimeout bounds how long a shell waits for values from the hub.
const completeTimeout = 2 * time.Second

// values finds the values that a flag can have. It says nothing when there are none to be had: a shell has no
// place for errors.
type values func(ctx context.Context, command *cobra.Command) []string

// completeFlags gives the flags of a command and its children the values that a shell can offer.
func (s *session) completeFlags(command *cobra.Command) {
	offers := map[string]values{
		"resource-group": s.groupNames, "location": s.locationNames, "role": s.roleNames, "subscription": s.subscriptionNames,
		"kube-context": contextNames,
		"profile":      fixed("standard", "edge"), "session-recording": fixed("on", "off"), "session-recording-input": fixed("on", "off"),
	}
	switch command.Name() {
	case "connectedk8s":
		offers["name"], offers["id"] = s.clusterNames, s.recordingIDs
	case "monitor":
		offers["kind"] = fixed(managementEvents, kubernetesEvents)
	case "group":
		offers["name"] = s.groupNames
	case "k8s-extension":
		maps.Copy(offers, map[string]values{
			"name": s.extensionNames, "cluster-name": s.clusterNames, "extension-type": s.extensionTypeNames,
			"version": s.extensionVersions, "release-train": s.extensionTrains,
		})
	case "k8s-configuration":
		maps.Copy(offers, map[string]values{
			"name": s.fluxNames, "cluster-name": s.clusterNames, "kustomization-name": s.kustomizationNames,
		})
	}
	offer(command, offers)
}

// fixed offers words that are known beforehand.
func fixed(words ...string) values {
	return func(context.Context, *cobra.Command) []string { return words }
}

func offer(command *cobra.Command, offers map[string]values) {
	for name, find := range offers {
		if command.Flag(name) == nil {
			continue
		}
		_ = command.RegisterFlagCompletionFunc(name, func(command *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) { // the flag is there
			ctx, cancel := context.WithTimeout(context.WithoutCancel(command.Context()), completeTimeout)
			defer cancel()
			return find(ctx, command), cobra.ShellCompDirectiveNoFileComp
		})
	}
	for _, child := range command.Commands() {
		offer(child, offers)
	}
}

// quiet is the session of a shell that completes: it has nobody to warn.
func (s *session) quiet() *session {
	silent := *s
	silent.debug, silent.streams.Err = false, io.Discard
	return &silent
}

// listed returns a property of what the hub has at a path below the subscription.
func (s *session) listed(ctx context.Context, path, version, property string) []string {
	hub, subscription, err := s.quiet().place(ctx)
	if err != nil {
		return nil
	}
	all, err := hub.List(ctx, "/subscriptions/"+subscription+path, version, nil)
	if err != nil {
		return nil
	}
	return properties(all, property)
}

func properties(documents []client.Document, property string) []string {
	found := make([]string, 0, len(documents))
	for _, document := range documents {
		found = append(found, text(document, property))
	}
	return found
}

func (s *session) groupNames(ctx context.Context, _ *cobra.Command) []string {
	return s.listed(ctx, "/resourceGroups", client.GroupVersion, "name")
}

func (s *session) locationNames(ctx context.Context, _ *cobra.Command) []string {
	return s.listed(ctx, "/locations", client.SubscriptionVersion, "name")
}

// clusterNames are those in the group that the command line names so far, or in all.
func (s *session) clusterNames(ctx context.Context, command *cobra.Command) []string {
	path := "/providers/Microsoft.Kubernetes/connectedClusters"
	if flag := command.Flags().Lookup("resource-group"); flag != nil && flag.Value.String() != "" && checkGroupName(flag.Value.String()) == nil {
		path = "/resourceGroups/" + flag.Value.String() + path
	}
	return s.listed(ctx, path, client.ClusterVersion, "name")
}

// maxOffered is how many recordings a shell shows.
const maxOffered = 50

// recordingIDs are those of the cluster that the command line names so far, with what they are of.
func (s *session) recordingIDs(ctx context.Context, command *cobra.Command) []string {
	flags := clusterFlags{name: command.Flag("name").Value.String(), group: command.Flag("resource-group").Value.String()}
	hub, id, err := s.quiet().locate(ctx, flags)
	if err != nil {
		return nil
	}
	all, err := hub.Some(ctx, id.String()+"/recordings", client.ClusterVersion, nil, maxOffered)
	if err != nil {
		return nil
	}
	found := make([]string, 0, len(all))
	for _, one := range all {
		properties, _ := one["properties"].(map[string]any)
		found = append(found, scalar(text(one, "name")+"\t"+text(properties, "caller")+" in "+text(properties, "namespace")+"/"+text(properties, "pod")+" at "+text(properties, "startTime")))
	}
	return found
}

func (s *session) roleNames(ctx context.Context, _ *cobra.Command) []string {
	hub, subscription, err := s.quiet().place(ctx)
	if err != nil {
		return nil
	}
	all, err := definitions(ctx, hub, subscription)
	if err != nil {
		return nil
	}
	found := make([]string, 0, len(all))
	for _, one := range all {
		found = append(found, roleName(one))
	}
	return found
}

func (s *session) subscriptionNames(ctx context.Context, _ *cobra.Command) []string {
	hub, err := s.quiet().hub()
	if err != nil {
		return nil
	}
	all, err := hub.List(ctx, "/subscriptions", client.SubscriptionVersion, nil)
	if err != nil {
		return nil
	}
	return properties(all, "displayName")
}

func contextNames(_ context.Context, command *cobra.Command) []string {
	if flag := command.Flag("kube-config"); flag != nil {
		return connect.ContextNames(flag.Value.String())
	}
	return nil // it is a name to be given
}
