package relay

import (
	"net/url"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// Prefix is the first segment of the paths by which callers reach clusters.
const Prefix = "kubernetes"

// destination is what the path of a caller's request names: a cluster, and what is asked of its API server, escaped as it
// was sent.
type destination struct {
	place

	path string
}

// place is a cluster by its name: the id as it was sent, as text and as the key of that.
type place struct {
	cluster   fairlead.ResourceID
	text, key string
}

func placeOf(id fairlead.ResourceID) place {
	text := id.String()
	return place{id, text, strings.ToLower(text)}
}

// So many segments of a path name the cluster, the empty one before the first slash among them.
const nameSegments = 10

// split understands the path of a caller's request. The part that names the cluster holds no escapes; in the rest, no
// segment is one or two dots, however that is written, so that nobody on the way can read it as another path.
func split(u *url.URL) (destination, error) {
	name, rest := cut(u.EscapedPath())
	found, err := parsePlace(name)
	if err != nil {
		return destination{}, err
	}
	return destination{found, rest}, sound(rest)
}

// locate is split for a path that names a cluster which was asked for before, mostly.
func (s *Server) locate(u *url.URL) (destination, error) {
	name, rest := cut(u.EscapedPath())
	if found, ok := s.places.recall(store.Revisions{}, name); ok {
		return destination{found, rest}, sound(rest)
	}
	found, err := parsePlace(name)
	if err != nil {
		return destination{}, err
	}
	s.places.keep(store.Revisions{}, name, found)
	return destination{found, rest}, sound(rest)
}

// cut returns the part of a path that names the cluster, and the rest, at least a slash.
func cut(path string) (name, rest string) {
	left := nameSegments
	for at := range len(path) {
		if path[at] != '/' {
			continue
		}
		if left--; left == 0 {
			return path[:at], path[at:]
		}
	}
	return path, "/"
}

func parsePlace(name string) (place, error) {
	parts := strings.Split(name, "/")
	if len(parts) != nameSegments || parts[0] != "" {
		return place{}, noCluster()
	}
	for at, want := range [nameSegments]string{1: Prefix, 2: "subscriptions", 4: "resourceGroups", 6: "providers", 7: "Microsoft.Kubernetes", 8: "connectedClusters"} {
		if want != "" && !strings.EqualFold(parts[at], want) {
			return place{}, noCluster()
		}
	}
	id, err := fairlead.ParseResourceID("/subscriptions/" + parts[3] + "/resourceGroups/" + parts[5] +
		"/providers/Microsoft.Kubernetes/connectedClusters/" + parts[9])
	if err != nil {
		return place{}, err
	}
	return placeOf(id), nil
}

func sound(escaped string) error {
	if !strings.ContainsAny(escaped, `%\`) && !strings.Contains(escaped, "/.") {
		return nil
	}
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
