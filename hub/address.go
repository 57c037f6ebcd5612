package hub

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/fairlead/fairlead/azcloud"
)

// lookupTimeout bounds the question whether this machine's name means anything to anybody.
const lookupTimeout = 2 * time.Second

// listen opens the hub's port, before anything else is touched.
func listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	_, port, _ := net.SplitHostPort(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("port %s is taken by another program: free it, or choose another with --listen: %w", port, err)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("port %s is for privileged programs: choose one above 1023 with --listen: %w", port, err)
	case err != nil:
		return nil, fmt.Errorf("listen on %s (--listen): %w", address, err)
	}
	return listener, nil
}

// publicURL returns the hub's URL without a slash at the end: the configured one, or one that is
// made of where the hub listens.
func publicURL(ctx context.Context, configured, listen string, bound net.Addr) string {
	if configured != "" {
		address, err := url.Parse(configured)
		if err == nil {
			address.Host, address.Path = strings.ToLower(address.Host), ""
			return address.String()
		}
	}
	host, port, _ := net.SplitHostPort(listen)
	if tcp, ok := bound.(*net.TCPAddr); ok {
		port = strconv.Itoa(tcp.Port)
	}
	ip := net.ParseIP(host)
	switch {
	case ip != nil && ip.IsLoopback():
		host = "localhost"
	case host == "" || ip != nil && ip.IsUnspecified():
		host = machineName(ctx)
	}
	if port == "443" {
		return "https://" + strings.TrimSuffix(net.JoinHostPort(host, ""), ":")
	}
	return "https://" + net.JoinHostPort(host, port)
}

// machineName returns this machine's name when it can be looked up, else localhost, which at
// least works here.
func machineName(ctx context.Context) string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	if _, err := net.DefaultResolver.LookupHost(ctx, name); err != nil {
		return "localhost"
	}
	return strings.ToLower(name)
}

// certificateHosts returns the names and addresses that the hub's own certificate is for.
func certificateHosts(hubURL, listen string, cloud azcloud.Cloud) []string {
	var hosts []string
	if address, err := url.Parse(hubURL); err == nil {
		hosts = append(hosts, address.Hostname())
	}
	if host, _, err := net.SplitHostPort(listen); err == nil && host != "" && !net.ParseIP(host).IsUnspecified() {
		hosts = append(hosts, host)
	}
	if name, err := os.Hostname(); err == nil {
		hosts = append(hosts, strings.ToLower(name))
	}
	hosts = append(hosts, "localhost", "127.0.0.1", "::1")
	hosts = append(hosts, domainHosts(cloud)...)
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// domainHosts returns the names for az, and wildcards for those that az makes up below the domain: relays have a name
// for each.
func domainHosts(cloud azcloud.Cloud) []string {
	if cloud.Domain == "" {
		return nil
	}
	return append(cloud.Hosts(), cloud.Domain, "*."+cloud.Domain, "*.relay."+cloud.Domain)
}
