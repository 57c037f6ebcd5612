package dataplane

import (
	"net/url"
	"strings"

	"github.com/fairlead/fairlead"
)

// target is what a path names: a question of people's clients, or an operation of a cluster.
type target struct {
	question  string
	cluster   fairlead.ResourceID
	operation string
}

// fixed are the segments of DataPlanePath that do not change, by their place.
func fixed() map[int]string {
	return map[int]string{0: "subscriptions", 2: "resourcegroups", 4: "provider", 6: "clusters"}
}

// kinds are the clusters' resource types, by the segment that stands for each.
func kinds() map[string]string {
	return map[string]string{"connectedclusters": "Microsoft.Kubernetes/connectedClusters", "managedclusters": "Microsoft.ContainerService/managedClusters"}
}

// parse reads the path of a request. Fixed segments may be spelled in any case; an escaped path
// is refused, because nothing that we name needs escapes.
func parse(u *url.URL) (target, error) {
	if u.RawPath != "" || !strings.HasPrefix(u.Path, "/") {
		return target{}, unknownPath()
	}
	parts := strings.Split(u.Path[1:], "/")
	if len(parts) == 2 && strings.EqualFold(parts[0], "azure-arc-k8sagents") && parts[1] != "" {
		return target{question: strings.ToLower(parts[1])}, nil
	}
	if len(parts) < 9 {
		return target{}, unknownPath()
	}
	for at, want := range fixed() {
		if !strings.EqualFold(parts[at], want) {
			return target{}, unknownPath()
		}
	}
	kind, ok := kinds()[strings.ToLower(parts[5])]
	if !ok {
		return target{}, unknownPath()
	}
	id, err := fairlead.ParseResourceID("/subscriptions/" + parts[1] + "/resourceGroups/" + parts[3] + "/providers/" + kind + "/" + parts[7])
	if err != nil {
		return target{}, err
	}
	return target{cluster: id, operation: strings.ToLower(strings.Join(parts[8:], "/"))}, nil
}
