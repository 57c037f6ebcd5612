package endpoint

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/fairlead/fairlead/doctor/probe/wire"
)

// Plan is what a probe in a place is to try. It may hold the password of a proxy, if the caller has put one into the cluster.
func (c Cluster) Plan(place Place) wire.Plan {
	var plan wire.Plan
	proxy := Proxy{}
	switch place {
	case Pod:
		proxy, plan.ClusterDNS = c.Proxy, c.DNS
		// The second goes along the search path, and so finds the service also where the cluster's domain is another one.
		plan.Lookups = []string{"kubernetes.default.svc." + c.Domain + ".", "kubernetes.default.svc"}
	case Client:
		proxy = c.OwnProxy
	case Node: // what proxy the container runtime has is not known
	}
	for _, e := range c.endpoints() {
		address, ok := e.In(c.Region)
		if !ok || e.Wild() || !e.From(place) {
			continue
		}
		plan.Targets = append(plan.Targets, wire.Target{Name: e.Name, URL: address, Kind: e.Kind, Proxy: proxy.For(address)})
		if e.Name == DataPlane || e.Name == Registry || e.Name == Hub {
			plan.Lookups = append(plan.Lookups, lookups(address)...)
		}
	}
	return plan
}

// lookups is the name to ask for, with a dot so that no search path is tried; none for an address or a name without a domain.
func lookups(address string) []string {
	at, err := url.Parse(address)
	if err != nil || !strings.Contains(at.Hostname(), ".") {
		return nil
	}
	if _, err := netip.ParseAddr(at.Hostname()); err == nil {
		return nil
	}
	return []string{at.Hostname() + "."}
}

// endpoints are those that this cluster needs with what it has switched on. A cluster that has nothing to do with Azure needs none.
func (c Cluster) endpoints() []Endpoint {
	switch {
	case c.HubURL != "":
		return c.own()
	case !c.Connected && !c.AKS:
		return nil
	}
	var needed []Endpoint
	for _, e := range Azure(c.Cloud) {
		switch {
		case e.Feature == Arc && !c.Connected, e.Feature == Connect && !c.ClusterConnect, e.Feature == RBAC && !c.RBAC:
		case e.Name == Relay:
			for _, host := range c.Relays {
				needed = append(needed, Endpoint{Relay, "https://" + host + "/$hc", e.Kind, e.Feature, e.Places})
			}
			if len(c.Relays) == 0 && c.Region != "" {
				// The usual name of the first relay of a region; checks do not hold it against a cluster when it does not exist.
				url := strings.Replace(e.URL, "*.", "azgnrelay-"+strings.ToLower(c.Region)+"-l1.", 1)
				needed = append(needed, Endpoint{Relay, url, e.Kind, e.Feature, e.Places})
			}
		default:
			needed = append(needed, e)
		}
	}
	return needed
}

// own are the endpoints of a hub of Fairlead.
func (c Cluster) own() []Endpoint {
	all := []Endpoint{{Hub, c.HubURL, wire.HTTP, Always, []Place{Pod}}}
	if c.ClusterConnect {
		all = append(all, Endpoint{Relay, c.TunnelURL, wire.WebSocket, Connect, []Place{Pod}})
	}
	if c.Registry != "" {
		host, _, _ := strings.Cut(c.Registry, "/")
		all = append(all, Endpoint{Registry, "https://" + host + "/v2/", wire.HTTP, Always, []Place{Node}})
	}
	return all
}
