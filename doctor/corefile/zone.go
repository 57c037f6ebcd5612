package corefile

import (
	"fmt"
	"strings"
)

// inspect refuses what CoreDNS refuses once all server blocks are read: zones that are no names and zones that two
// blocks claim.
func inspect(servers []Server) error {
	taken := map[string]bool{}
	for _, server := range servers {
		for _, key := range server.Keys {
			if err := server.claim(taken, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// claim checks one zone. Blocks that bind to addresses or are chosen by a view may share a zone with others.
func (s Server) claim(taken map[string]bool, key string) error {
	zone, port, scheme := splitKey(key)
	if reason := badZone(zone, key); reason != "" {
		return &Error{s.File, s.Line, reason}
	}
	if s.has("bind") || s.has("view") || hasPlaceholder(key) || strings.Contains(zone, "/") {
		return nil
	}
	whole := scheme + "://" + fqdn(zone) + ":" + port
	if taken[whole] {
		return &Error{s.File, s.Line, fmt.Sprintf("cannot serve %s: it is already defined", whole)}
	}
	taken[whole] = true
	return nil
}

// splitKey takes a key such as tls://example.org:853 apart and fills in what it leaves out.
func splitKey(key string) (zone, port, scheme string) {
	ports := map[string]string{"dns": "53", "tls": "853", "quic": "853", "grpc": "443", "https": "443", "https3": "443"}
	scheme, zone, found := strings.Cut(key, "://")
	if !found || ports[strings.ToLower(scheme)] == "" {
		scheme, zone = "dns", key
	}
	scheme = strings.ToLower(scheme)
	port = ports[scheme]
	if i := strings.LastIndex(zone, ":"); i >= 0 && allDigits(zone[i+1:]) {
		zone, port = zone[:i], zone[i+1:]
	}
	return zone, port, scheme
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func badZone(zone, key string) string {
	if strings.HasSuffix(key, ":") {
		return fmt.Sprintf("the zone %q ends with a colon, where a port must follow", key)
	}
	if len(zone) > 254 {
		return fmt.Sprintf("the zone %.20q… is longer than a name can be", zone)
	}
	if zone == "." || zone == "" || strings.Contains(zone, `\`) {
		return ""
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(zone, "."), ".") {
		if label == "" || len(label) > 63 {
			return fmt.Sprintf("the zone %q is not a name", zone)
		}
	}
	return ""
}

// fqdn writes a name as CoreDNS compares it: in lower case, with the dot at the end.
func fqdn(name string) string {
	return strings.TrimSuffix(strings.ToLower(name), ".") + "."
}

// covers tells whether a name lies in a zone, both as fqdn writes them.
func covers(zone, name string) bool {
	return zone == "." || name == zone || strings.HasSuffix(name, "."+zone)
}
