// Package azcloud knows under which names the unmodified az command line finds a hub as its custom cloud: the hosts below
// the hub's domain, the sign-in endpoint, and the registry that az derives from it. The hub announces and serves
// them, the command line explains them; neither makes them up.
package azcloud

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
)

// Role is what a host of the hub's domain is for; its text is the host's name below the domain.
type Role string

// The roles. Main is the hub's own URL, which plays all of them.
const (
	Main            Role = ""
	ResourceManager Role = "arm"
	Login           Role = "login.arc"
	Graph           Role = "graph"
	DataPlane       Role = "dp"
	Identity        Role = "his"
	Notification    Role = "gns"
	Registry        Role = "registry"
	DerivedRegistry Role = "mcr.microsoft"
)

// Roles returns all roles but Main.
func Roles() []Role {
	return []Role{ResourceManager, Login, Graph, DataPlane, Identity, Notification, Registry, DerivedRegistry}
}

// Flavour is the form of the sign-in endpoint that a hub announces.
type Flavour string

const (
	// Entra is what Azure has; az then wants to ask login.microsoftonline.com, which a setting of its prevents.
	Entra Flavour = "entra"
	// ADFS ends in /adfs, which az takes without asking anybody else.
	ADFS Flavour = "adfs"
)

// Cloud is a hub as az sees it. URL is the hub's own, without a slash at the end. Domain is empty when the hub is
// one host for everything; else Port is that of the hosts below it, and empty for 443.
type Cloud struct {
	URL    string
	Domain string
	Port   string
	Login  Flavour
}

// Base returns the URL of a role, without a slash at the end.
func (c Cloud) Base(role Role) string {
	if c.Domain == "" || role == Main {
		return c.URL
	}
	return "https://" + c.Host(role) + c.suffix()
}

// Host returns the name of a role's host, without a port.
func (c Cloud) Host(role Role) string {
	if c.Domain == "" || role == Main {
		return hostname(c.URL)
	}
	return string(role) + "." + c.Domain
}

func (c Cloud) suffix() string {
	if c.Port == "" || c.Port == "443" {
		return ""
	}
	return ":" + c.Port
}

// At returns the same cloud as it is for callers who came to the hub's own URL: one host for everything.
func (c Cloud) At(role Role) Cloud {
	if role == Main {
		c.Domain, c.Port = "", ""
	}
	return c
}

// LoginEndpoint returns the sign-in endpoint in the hub's flavour.
func (c Cloud) LoginEndpoint() string {
	if c.Login == ADFS {
		return c.Base(Login) + "/adfs"
	}
	return c.Base(Login)
}

// Hosts returns every name that the hub answers to, without ports.
func (c Cloud) Hosts() []string {
	hosts := []string{hostname(c.URL)}
	if c.Domain == "" {
		return hosts
	}
	for _, role := range Roles() {
		hosts = append(hosts, c.Host(role))
	}
	return hosts
}

func hostname(text string) string {
	address, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return address.Hostname()
}

// RegistryOf returns the registry that az derives from a sign-in endpoint: it cuts the whole URL at its dots, and counts.
func RegistryOf(login string) string {
	login = strings.TrimSuffix(login, "/")
	parts := strings.Split(login, ".")
	last := parts[len(parts)-1]
	switch {
	case last == "us" || last == "cn":
	case len(parts) == 4 && parts[2] == "microsoft":
		return "mcr.microsoft." + last
	case len(parts) == 5:
		return "mcr.microsoft." + strings.Join(parts[2:], ".")
	}
	return "mcr.microsoft.com"
}

var label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// maxDomain leaves room for the longest role within the 253 characters of a name.
const maxDomain = 200

// CheckDomain says what is wrong with the name of a domain.
func CheckDomain(domain string) error {
	switch {
	case net.ParseIP(domain) != nil:
		return fmt.Errorf("%q is an address, below which there are no names", domain)
	case len(domain) > maxDomain:
		return fmt.Errorf("a domain may have %d characters at most", maxDomain)
	}
	labels := strings.Split(domain, ".")
	for _, one := range labels {
		if !label.MatchString(one) {
			return fmt.Errorf("%q is no domain of lower-case letters, digits and hyphens, for example hub.example.org", domain)
		}
	}
	if len(labels) < 2 {
		return errors.New("a domain of two labels or more is needed, for example hub.example.org: no certificate covers names below a single one")
	}
	return nil
}
