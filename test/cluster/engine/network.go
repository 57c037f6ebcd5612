package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
)

// connect joins the node's network namespace to the host by a pair of links, on the first subnet that nobody has.
func (b *builder) connect(ctx context.Context) error {
	for n := 1; n < 255; n++ {
		taken, err := subnetTaken(n)
		if err != nil {
			return err
		}
		if taken {
			continue
		}
		created, err := b.link(ctx, n)
		if err != nil || created {
			return err
		}
	}
	return errors.New("all subnets 10.250.N.0/24 are taken")
}

func subnetTaken(n int) (bool, error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return false, fmt.Errorf("list addresses: %w", err)
	}
	ours := net.ParseIP(fmt.Sprintf("10.250.%d.1", n))
	for _, address := range addresses {
		if subnet, ok := address.(*net.IPNet); ok && subnet.Contains(ours) {
			return true, nil
		}
	}
	return false, nil
}

// link reports false when another cluster was quicker: the name of the link decides, since making it is atomic.
func (b *builder) link(ctx context.Context, n int) (bool, error) {
	name, pid := fmt.Sprintf("fairlead-%d", n), strconv.Itoa(b.cluster.record.Supervisor.PID)
	_, err := output(command(ctx, "ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", pid), "make link")
	if err != nil && strings.Contains(err.Error(), "File exists") {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	r := &b.cluster.record
	r.Link, r.HostAddress, r.NodeAddress = name, fmt.Sprintf("10.250.%d.1", n), fmt.Sprintf("10.250.%d.2", n)
	b.cluster.HostAddress, b.cluster.NodeAddress = r.HostAddress, r.NodeAddress
	if err := r.write(b.cluster.state); err != nil {
		return true, err
	}
	return true, b.address(ctx)
}

func (b *builder) address(ctx context.Context) error {
	host := fmt.Sprintf("addr add %s/24 dev %[2]s\nlink set %[2]s up\n", b.cluster.HostAddress, b.cluster.record.Link)
	// Service addresses need some route, or the node's own packets are refused before they can be redirected.
	node := fmt.Sprintf("link set lo up\naddr add %s/24 dev eth0\nlink set eth0 up\nroute add %s dev eth0\n", b.cluster.NodeAddress, serviceCIDR)
	onHost := command(ctx, "ip", "-batch", "-")
	onHost.Stdin = strings.NewReader(host)
	if _, err := output(onHost, "set host address"); err != nil {
		return err
	}
	onNode := b.cluster.inNetwork(ctx, "ip", "-batch", "-")
	onNode.Stdin = strings.NewReader(node)
	_, err := output(onNode, "set node address")
	return err
}

// inNetwork is a command in the node's network, with the host's files.
func (c *Cluster) inNetwork(ctx context.Context, args ...string) *exec.Cmd {
	return command(ctx, "nsenter", append([]string{"--target", strconv.Itoa(c.record.Supervisor.PID), "--net", "--"}, args...)...)
}

func removeLink(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	if _, err := net.InterfaceByName(name); err != nil {
		return nil //nolint:nilerr // it went with the namespace of its other end
	}
	_, err := output(command(ctx, "ip", "link", "del", name), "remove link")
	if err != nil && strings.Contains(err.Error(), "Cannot find device") {
		return nil
	}
	return err
}

// CutNetwork drops every packet between the node with its pods and an address of this host, both ways, until RestoreNetwork.
// The API server stays reachable from there, for whoever watches what the cut does.
func (c *Cluster) CutNetwork(ctx context.Context, address string) error {
	if err := c.RestoreNetwork(ctx, address); err != nil { // cutting twice is cutting once
		return err
	}
	for _, rule := range cutRules(address) {
		if _, err := output(c.inNetwork(ctx, append([]string{"iptables", "--wait", "--insert"}, rule...)...), "cut network"); err != nil {
			return err
		}
	}
	return nil
}

// RestoreNetwork undoes CutNetwork, and does nothing when the address is not cut off.
func (c *Cluster) RestoreNetwork(ctx context.Context, address string) error {
	if err := c.needsNode("cut the network"); err != nil {
		return err
	}
	for _, rule := range cutRules(address) {
		if _, err := output(c.inNetwork(ctx, append([]string{"iptables", "--wait", "--check"}, rule...)...), "check rule"); err != nil {
			continue
		}
		if _, err := output(c.inNetwork(ctx, append([]string{"iptables", "--wait", "--delete"}, rule...)...), "restore network"); err != nil {
			return err
		}
	}
	return nil
}

// cutRules are inserted one above the other, so the exceptions come last.
func cutRules(address string) [][]string {
	return [][]string{
		{"INPUT", "--source", address, "--jump", "DROP"},
		{"OUTPUT", "--destination", address, "--jump", "DROP"},
		{"FORWARD", "--source", address, "--jump", "DROP"},
		{"FORWARD", "--destination", address, "--jump", "DROP"},
		{"INPUT", "--source", address, "--protocol", "tcp", "--dport", "6443", "--jump", "ACCEPT"},
		{"OUTPUT", "--destination", address, "--protocol", "tcp", "--sport", "6443", "--jump", "ACCEPT"},
	}
}
