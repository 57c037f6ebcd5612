package relay

import (
	"net/url"
	"strings"

	"github.com/fairlead/fairlead"
)

// Prefix is the first segment of the paths by which callers reach clusters.
const Prefix = "kubernetes"

// destination is what the path of a caller's request names: a cluster, and what is asked of its API server, escaped as it
// was sent.
type destination struct {
	cluster fairlead.ResourceID
	path    string
}

// fixed are the segments of the path that do not change, by their place.
func fixed() map[int]string {
	return map[int]string{1: Prefix, 2: "subscriptions", 4: "resourceGroups", 6: "providers", 7: "Microsoft.Kubernetes", 8: "connectedClusters"}
}

// clusterAt and restAt are where the name of the cluster is in a path, and what follows it.
const (
	clusterAt = 9
	restAt    = 10
)

// split understands the path of a caller's request. The part that names the cluster holds no escapes; in the rest, no
// segment is one or two dots, however that is written, so that nobody on the way can read it as another path.
func split(u *url.URL) (destination, error) {
	parts := strings.SplitN(u.EscapedPath(), "/", restAt+1)
	if len(parts) <= clusterAt || parts[0] != "" {
		return destination{}, noCluster()
	}
	for at, want := range fixed() {
		if !strings.EqualFold(parts[at], want) {
			return destination{}, noCluster()
		}
	}
	id, err := fairlead.ParseResourceID("/subscriptions/" + parts[3] + "/resourceGroups/" + parts[5] +
		"/providers/Microsoft.Kubernetes/connectedClusters/" + parts[clusterAt])
	if err != nil {
		return destination{}, err
	}
	found := destination{cluster: id, path: "/"}
	if len(parts) > restAt {
		found.path += parts[restAt]
	}
	return found, sound(found.path)
}

func sound(escaped string) error {
	path, err := url.PathUnescape(escaped)
	if err != nil {
		return fairlead.Errorf(fairlead.Invalid, "the path has a malformed escape")
	}
	for segment := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '/' || r == '\\' }) {
		if segment == "." || segment == ".." {
			return fairlead.Errorf(fairlead.Invalid, "the path must not hold segments of dots")
		}
	}
	return nil
}

func noCluster() error {
	return fairlead.Errorf(fairlead.NotFound, "there is nothing here: the path of a cluster is /%s/subscriptions/SUBSCRIPTION/resourceGroups/GROUP"+
		"/providers/Microsoft.Kubernetes/connectedClusters/NAME and then the API server's own", Prefix)
}

// goTo makes u the address of what is asked of the API server.
func (d destination) goTo(u *url.URL, host, query string) {
	path, _ := url.PathUnescape(d.path) // split has done so before
	*u = url.URL{Scheme: "http", Host: host, Path: path, RawPath: d.path, RawQuery: query}
}
