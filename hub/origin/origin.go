// Package origin tells at which of the hub's own addresses a request arrived. Links in answers are made of it, so that
// a client stays on the host that it came to; what a client writes into its Host header never gets into a link.
package origin

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/fairlead/fairlead/azcloud"
)

// Origin is one of the hub's own addresses: a URL without a slash at the end, and what it is for.
type Origin struct {
	Role azcloud.Role
	URL  string
}

// Hosts are the addresses that a hub is known by.
type Hosts struct {
	names map[string]azcloud.Role
	base  map[azcloud.Role]string
	ports []string
	usual map[string]Origin // what is found for headers as clients mostly write them
}

// New returns the addresses of a hub that listens on ports. Clients that come by any of these ports get links with the
// same one: it is the one that is open to them.
func New(cloud azcloud.Cloud, ports ...string) *Hosts {
	known := &Hosts{names: map[string]azcloud.Role{}, base: map[azcloud.Role]string{}}
	if cloud.Domain != "" {
		for _, role := range azcloud.Roles() {
			known.names[cloud.Host(role)], known.base[role] = role, cloud.Base(role)
		}
	}
	known.names[cloud.Host(azcloud.Main)], known.base[azcloud.Main] = azcloud.Main, cloud.URL
	for _, base := range known.base {
		known.ports = append(known.ports, portOf(base))
	}
	known.ports = append(known.ports, ports...)
	known.usual = map[string]Origin{}
	for name := range known.names {
		for _, header := range append(joined(name, known.ports), name) {
			known.usual[header], _ = known.find(header)
		}
	}
	return known
}

// joined returns a name with each port.
func joined(name string, ports []string) []string {
	headers := make([]string, len(ports))
	for i, port := range ports {
		headers[i] = net.JoinHostPort(name, port)
	}
	return headers
}

func portOf(base string) string {
	address, err := url.Parse(base)
	if err != nil || address.Port() == "" {
		return "443"
	}
	return address.Port()
}

// Find returns the address that a Host header names, and false for a name that is not the hub's. A port that the hub
// does not have is replaced by the one that it has.
func (h *Hosts) Find(header string) (Origin, bool) {
	if found, ok := h.usual[header]; ok {
		return found, true
	}
	return h.find(header)
}

func (h *Hosts) find(header string) (Origin, bool) {
	name, port := split(header)
	role, ok := h.names[strings.TrimSuffix(strings.ToLower(name), ".")]
	if !ok {
		return Origin{}, false
	}
	found := Origin{Role: role, URL: h.base[role]}
	if slices.Contains(h.ports, port) && port != portOf(found.URL) {
		found.URL = withPort(found.URL, port)
	}
	return found, true
}

// URLs returns every URL of the hub, by every port.
func (h *Hosts) URLs() []string {
	var all []string
	for _, base := range h.base {
		all = append(all, base)
		for _, port := range h.ports {
			all = append(all, withPort(base, port))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// split takes a header without a port as one of 443, as all the hub's ports speak TLS.
func split(header string) (name, port string) {
	if name, port, err := net.SplitHostPort(header); err == nil {
		return name, port
	}
	return strings.Trim(header, "[]"), "443"
}

func withPort(base, port string) string {
	address, err := url.Parse(base)
	if err != nil {
		return base
	}
	host := address.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "443" {
		host += ":" + port
	}
	return "https://" + host
}

type key struct{}

// With returns ctx with the address that its request came to.
func With(ctx context.Context, found Origin) context.Context {
	return context.WithValue(ctx, key{}, found)
}

// From returns the address that the request of ctx came to, if it is one of the hub's.
func From(ctx context.Context) (Origin, bool) {
	found, ok := ctx.Value(key{}).(Origin)
	return found, ok
}

// URL returns the URL that the request of ctx came to, and otherwise when it came to an unknown one.
func URL(ctx context.Context, otherwise string) string {
	if found, ok := From(ctx); ok {
		return found.URL
	}
	return otherwise
}
