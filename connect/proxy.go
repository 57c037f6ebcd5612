package connect

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// skipName is a name of a host, or what all names of hosts end in.
var skipName = regexp.MustCompile(`^(\*\.|\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?$`)

const maxSkip = 8 << 10

// Validate finds what agents could not use: they would go directly, or nowhere, and say so in a log that nobody reads. Its
// errors never hold an address of a proxy, which may have a password in it.
func (p Proxy) Validate() error {
	for flag, address := range map[string]client.Secret{"--proxy-https": p.HTTPS, "--proxy-http": p.HTTP} {
		if address != "" && !usableProxy(address.Reveal()) {
			return fairlead.Errorf(fairlead.Invalid, "%s is not the URL of a proxy: write http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT with special characters escaped (%%40 for @)", flag)
		}
	}
	return validateSkip(p.Skip)
}

func usableProxy(text string) bool {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Hostname() == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, parsed.Scheme) {
		return false
	}
	return strings.Trim(parsed.Path, "/") == "" && parsed.RawQuery == "" && parsed.Fragment == ""
}

func validateSkip(text string) error {
	if len(text) > maxSkip {
		return fairlead.Errorf(fairlead.Invalid, "--proxy-skip-range is longer than %d bytes", maxSkip)
	}
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part != "" && part != "*" && !skippable(part) {
			return fairlead.Errorf(fairlead.Invalid, "--proxy-skip-range: %.100q is no address, range, name or suffix of names; for example 10.0.0.0/8,192.0.2.7,.svc,.example.org, or Arc for the hub", part)
		}
	}
	return nil
}

func skippable(part string) bool {
	if _, err := netip.ParsePrefix(part); err == nil {
		return true
	}
	if strings.Contains(part, "/") {
		return false
	}
	if _, err := netip.ParseAddr(strings.Trim(part, "[]")); err == nil {
		return true
	}
	host := part
	if name, port, err := net.SplitHostPort(part); err == nil && port != "" {
		host = name
	}
	_, err := netip.ParseAddr(host)
	return err == nil || skipName.MatchString(host)
}
