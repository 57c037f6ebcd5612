// Package freeport finds ports of the host for clusters and hubs of tests, below the range from which connections
// get their own ends (32768 to 60999 on Linux): nobody's connection can take one between the choice and the listener,
// nor while a hub is stopped for a moment.
package freeport

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

const (
	lowest = 15000
	ports  = 15000 // below 30000, where Kubernetes' node ports begin
	tries  = 100
)

// Listen takes a port of the host's address; whoever needs several that differ keeps them until all are chosen.
func Listen(ctx context.Context, host string) (net.Listener, error) {
	var taken error
	for range tries {
		port := lowest + rand.IntN(ports) //nolint:gosec // not a secret
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err == nil {
			return listener, nil
		}
		taken = err
	}
	return nil, fmt.Errorf("find a free port on %s: %w", host, taken)
}

// Address returns the host's address with a port on which nobody listens for TCP.
func Address(ctx context.Context, host string) (string, error) {
	listener, err := Listen(ctx, host)
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
