package hub

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/fairlead/fairlead/azcloud"
	"github.com/fairlead/fairlead/hub/origin"
)

// openCloud settles under which names az and other clients reach the hub.
func (h *Hub) openCloud(context.Context) error {
	ports := []string{portOf(h.url)}
	for _, listener := range h.listeners() {
		if _, port, err := net.SplitHostPort(listener.Addr().String()); err == nil {
			ports = append(ports, port)
		}
	}
	h.cloud = azcloud.Cloud{URL: h.url, Domain: h.config.Domain, Login: azcloud.Flavour(h.config.AzLogin)}
	if h.config.Domain != "" && !slices.Contains(ports, "443") {
		h.cloud.Port = ports[0]
	}
	h.origins = origin.New(h.cloud, ports...)
	return nil
}

func portOf(hubURL string) string {
	if at := strings.LastIndexByte(hubURL, ':'); at > len("https:") && !strings.HasSuffix(hubURL, "]") {
		return hubURL[at+1:]
	}
	return "443"
}

func (h *Hub) listeners() []net.Listener {
	if h.listener == nil {
		return nil
	}
	return append([]net.Listener{h.listener}, h.alsoListening...)
}

// takeMorePorts opens the addresses besides the first one.
func (h *Hub) takeMorePorts(ctx context.Context) error {
	for _, address := range h.config.AlsoListen {
		listener, err := listen(ctx, address)
		if err != nil {
			return wrap("--also-listen", err)
		}
		h.alsoListening = append(h.alsoListening, listener)
	}
	return nil
}

func (h *Hub) closeListeners() error {
	var problems []error
	for _, listener := range h.listeners() {
		if err := listener.Close(); !errors.Is(err, net.ErrClosed) {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// hosts gives a request that came to one of the hub's own addresses to the part that the address is for. All others
// are the main host's, which tells parts apart by path.
type hosts struct {
	origins *origin.Hosts
	roles   map[azcloud.Role]http.Handler
	main    http.Handler
}

func (o hosts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, ok := o.origins.Find(r.Host)
	if !ok {
		o.main.ServeHTTP(w, r)
		return
	}
	r = r.WithContext(origin.With(r.Context(), found))
	if part, ok := o.roles[found.Role]; ok {
		part.ServeHTTP(w, r)
		return
	}
	o.main.ServeHTTP(w, r)
}

// byHost puts the hosts of az in front of the routes: on each, only what it is for, and the questions after health.
func (h *Hub) byHost(main routes) http.Handler {
	nothing := http.HandlerFunc(h.nothingThere)
	only := func(rest http.Handler, segments ...string) http.Handler {
		part := routes{rest: rest, data: main.data, registry: main.registry, first: map[string]http.Handler{}}
		for _, segment := range append(segments, "healthz", "readyz") {
			part.first[segment] = main.first[segment]
		}
		return part
	}
	agents := only(nothing, "azure-arc-k8sagents")
	images := only(nothing, "v2")
	return hosts{origins: h.origins, main: main, roles: map[azcloud.Role]http.Handler{
		azcloud.ResourceManager: only(nothing, append(resourceSegments(), "metadata")...),
		azcloud.Login:           only(main.rest),
		azcloud.Graph:           only(nothing, "v1.0"),
		azcloud.DataPlane:       agents, azcloud.Identity: agents, azcloud.Notification: agents,
		azcloud.Registry: images, azcloud.DerivedRegistry: images,
	}}
}

// resourceSegments are the first segments of the resource manager's paths.
func resourceSegments() []string { return []string{"subscriptions", "providers", "tenants"} }
