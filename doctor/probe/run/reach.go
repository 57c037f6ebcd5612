package run

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead/doctor/probe/wire"
)

const (
	// The servers are asked beside the machine's own resolver; when that has its answer, theirs is only worth a short wait.
	grace = time.Second
	// A name with many addresses must leave each of them some time.
	maxAddresses = 4
)

// dns resolves as programs do, and asks the servers of resolv.conf for the code and the chain that programs are not told.
func (w *walk) dns(ctx context.Context, stage *wire.Stage) error {
	host := w.first().Hostname()
	asked, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan wire.Answer, 1)
	go func() { answers <- firstAnswer(asked, host, w.files) }()
	addresses, err := w.resolver().LookupNetIP(ctx, "ip", host)
	if err == nil {
		timer := time.AfterFunc(grace, cancel)
		defer timer.Stop()
	}
	answer := <-answers
	detail(stage, wire.DetailServer, answer.Server)
	detail(stage, wire.DetailRCode, answer.RCode)
	detail(stage, wire.DetailCNAMEs, strings.Join(answer.CNAMEs, ","))
	if err != nil {
		return fmt.Errorf("resolve %s: %w", host, err)
	}
	w.resolved = ordered(addresses)
	detail(stage, wire.DetailAddresses, join(w.resolved))
	return nil
}

// tcp connects to the addresses one after another, within the time of one stage.
func (w *walk) tcp(ctx context.Context, stage *wire.Stage) error {
	host, port, err := net.SplitHostPort(hostPort(w.first()))
	if err != nil {
		return fmt.Errorf("read the address of %s: %w", w.first().Host, err)
	}
	addresses := []string{host}
	if len(w.resolved) > 0 {
		addresses = strings.Split(join(w.resolved[:min(len(w.resolved), maxAddresses)]), ",")
	}
	var first error
	for i, address := range addresses {
		stage.Detail[wire.DetailAddress] = net.JoinHostPort(address, port)
		w.conn, err = dialShare(ctx, net.JoinHostPort(address, port), len(addresses)-i)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// dialShare connects within one of the shares of the time that is left.
func dialShare(ctx context.Context, address string, shares int) (net.Conn, error) {
	deadline, _ := ctx.Deadline()
	ctx, cancel := context.WithTimeout(ctx, time.Until(deadline)/time.Duration(shares))
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}

// ordered puts IPv4 first: where a place has no IPv6, its error would hide the one that matters.
func ordered(addresses []netip.Addr) []netip.Addr {
	for i := range addresses {
		addresses[i] = addresses[i].Unmap()
	}
	slices.SortStableFunc(addresses, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	return addresses
}

func join(addresses []netip.Addr) string {
	words := make([]string, len(addresses))
	for i, address := range addresses {
		words[i] = address.String()
	}
	return strings.Join(words, ",")
}

func detail(stage *wire.Stage, key, value string) {
	if value != "" {
		stage.Detail[key] = value
	}
}
