package engine

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// TrustRegistry lets the node pull images from host:port, or from host on port 443, over TLS that caPEM vouches for, from the
// next pull on. A host that is a name leads to HostAddress, as after AddHost.
func (c *Cluster) TrustRegistry(hostport string, caPEM []byte) error {
	if err := c.needsNode("trust a registry"); err != nil {
		return err
	}
	host, err := hostOf(hostport)
	if err != nil {
		return fmt.Errorf("trust registry %s: %w", hostport, err)
	}
	dir := filepath.Join(c.state, "config", "certs.d", hostport)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("trust registry %s: %w", hostport, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.crt"), caPEM, 0o600); err != nil {
		return fmt.Errorf("trust registry %s: %w", hostport, err)
	}
	// Without a host of its own, or containerd would ask the server again, and not trust it, after the host has said that it has no such image.
	hosts := fmt.Sprintf("server = \"https://%[1]s\"\ncapabilities = [\"pull\", \"resolve\"]\nca = \"%[2]s/config/certs.d/%[1]s/ca.crt\"\n", hostport, nodeRoot)
	if err := os.WriteFile(filepath.Join(dir, "hosts.toml"), []byte(hosts), 0o600); err != nil {
		return fmt.Errorf("trust registry %s: %w", hostport, err)
	}
	if net.ParseIP(host) != nil {
		return nil
	}
	return c.AddHost(host)
}

func hostOf(hostport string) (string, error) {
	if !strings.Contains(hostport, ":") {
		return hostport, nil
	}
	host, _, err := net.SplitHostPort(hostport)
	return host, err
}

// AddHost makes name lead to HostAddress: at once on the node, within a few seconds in pods.
func (c *Cluster) AddHost(name string) error {
	if err := c.needsNode("add a host name"); err != nil {
		return err
	}
	config, err := os.OpenRoot(filepath.Join(c.state, "config"))
	if err != nil {
		return fmt.Errorf("add host %s: %w", name, err)
	}
	defer func() { _ = config.Close() }()
	content, err := config.ReadFile("hosts")
	if err != nil {
		return fmt.Errorf("add host %s: %w", name, err)
	}
	if slices.Contains(namesIn(content), name) {
		return nil
	}
	// Appended in place: node and pods see this very file, not its name.
	file, err := config.OpenFile("hosts", os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("add host %s: %w", name, err)
	}
	defer func() { _ = file.Close() }()
	if _, err := fmt.Fprintf(file, "%s %s\n", c.HostAddress, name); err != nil {
		return fmt.Errorf("add host %s: %w", name, err)
	}
	return nil
}

func namesIn(hosts []byte) []string {
	var names []string
	for lines := bufio.NewScanner(bytes.NewReader(hosts)); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 1 {
			names = append(names, fields[1:]...)
		}
	}
	return names
}
