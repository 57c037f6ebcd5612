// Package freeport finds ports for programs that must be told theirs before they listen.
//
// A port that the kernel chose (":0") and that was given back may be taken before the program has it: by any
// connection that anybody opens, since their own ends come from the same range. The ports here are below that
// range (32768 to 60999 on Linux, net.ipv4.ip_local_port_range), so that only a listener can take them, and chosen
// at random, so that two test programs hardly ever choose the same. Module test/cluster, which depends on nothing
// of ours, has the like for clusters.
package freeport

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

const (
	lowest = 15000
	ports  = 15000 // below 30000, where Kubernetes' node ports begin
	tries  = 100
)

// Of returns a port on which nobody of this machine listens, for TCP nor UDP.
func Of(t testing.TB) int {
	t.Helper()
	var taken error
	for range tries {
		port := lowest + rand.IntN(ports) //nolint:gosec // not a secret
		if taken = free(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); taken == nil {
			return port
		}
	}
	t.Fatalf("no port is free: %v", taken)
	return 0
}

// Address is 127.0.0.1 with such a port.
func Address(t testing.TB) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(Of(t)))
}

func free(t testing.TB, address string) error {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	packets, err := config.ListenPacket(t.Context(), "udp", address)
	if err != nil {
		return err
	}
	return packets.Close()
}
