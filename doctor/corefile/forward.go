package corefile

import (
	"net/netip"
	"slices"
	"strings"
)

// Forward is one forward line: where the questions of a zone are sent on to.
type Forward struct {
	Zone string
	To   []string
	Line int
	// Servers are the keys of the server block, which tell the port that it listens on.
	Servers []string
}

// Forwarders lists the forward lines of a Corefile. What it imports from elsewhere is not in it.
func Forwarders(corefile string) ([]Forward, error) {
	config, err := Parse(Source{Corefile: corefile})
	if err != nil {
		return nil, err
	}
	var found []Forward
	for _, server := range config.Servers {
		for _, d := range server.named("forward") {
			if len(d.Args) > 0 {
				found = append(found, Forward{zones(d.Args[:1])[0], d.Args[1:], d.Line, server.Keys})
			}
		}
	}
	return found, nil
}

// Serves tells whether the kubernetes plugin of a Corefile answers for a zone, such as cluster.local.
func Serves(corefile, zone string) (bool, error) {
	config, err := Parse(Source{Corefile: corefile})
	if err != nil {
		return false, err
	}
	serves := func(zones []string) bool {
		return slices.ContainsFunc(zones, func(z string) bool { return covers(z, fqdn(zone)) })
	}
	return slices.ContainsFunc(config.Servers, func(s Server) bool {
		return serves(zones(s.Keys)) && slices.ContainsFunc(s.named("kubernetes"), func(d Directive) bool {
			return serves(zones(d.Args)) || len(d.Args) == 0
		})
	}), nil
}

// Loops lists the targets of a forward line that lead back to CoreDNS itself: the addresses of the DNS service or its
// pods, which the caller gives, and loopback addresses with the port that the server block listens on. A file such as
// /etc/resolv.conf is not looked into.
func (f Forward) Loops(own ...netip.Addr) []string {
	var back []string
	for _, to := range f.To {
		host, port, _ := splitKey(to)
		address, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if bare, whole := netip.ParseAddr(to); whole == nil {
			address, port, err = bare, "53", nil
		}
		mine := slices.ContainsFunc(own, func(a netip.Addr) bool { return a.Unmap() == address.Unmap() })
		if err == nil && (mine || address.Unmap().IsLoopback() && f.listens(port)) {
			back = append(back, to)
		}
	}
	return back
}

func (f Forward) listens(port string) bool {
	return slices.ContainsFunc(f.Servers, func(key string) bool {
		_, listened, _ := splitKey(key)
		return listened == port
	})
}
