package arcproxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"syscall"
	"time"

	"github.com/fairlead/fairlead"
)

// The ports of the az client's proxy: for kubectl, and for az itself.
const (
	Port        = 47011
	ControlPort = 47010
)

const (
	maxNeighbours = 64
	lookTimeout   = 2 * time.Second
)

// Listen takes a port of this machine, and where a proxy of ours has that already the next one that is free. It returns the port.
func Listen(ctx context.Context, wanted int) (net.Listener, int, error) {
	for port := wanted; port < wanted+maxNeighbours && port < 1<<16; port++ {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address(port))
		switch {
		case err == nil:
			return listener, port, nil
		case !errors.Is(err, syscall.EADDRINUSE):
			return nil, 0, fairlead.Errorf(fairlead.Invalid, "port %d of this machine cannot be used: %w", port, err)
		case !isProxy(ctx, port):
			return nil, 0, fairlead.Errorf(fairlead.Conflict, "port %d of this machine is in use by another program", port).WithCode("PortTaken")
		}
	}
	return nil, 0, fairlead.Errorf(fairlead.Conflict, "the ports from %d on are in use", wanted).WithCode("PortTaken")
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func portOf(listener net.Listener) int {
	if found, ok := listener.Addr().(*net.TCPAddr); ok {
		return found.Port
	}
	return 0
}

// isProxy reports whether what listens on a port is a proxy of ours.
func isProxy(ctx context.Context, port int) bool {
	dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: lookTimeout}, Config: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}} //nolint:gosec // it is asked for its name, and told nothing
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	connection, err := dialer.DialContext(ctx, "tcp", address(port))
	if err != nil {
		return false
	}
	defer func() { _ = connection.Close() }() // nothing was written
	secured, ok := connection.(*tls.Conn)
	return ok && secured.ConnectionState().PeerCertificates[0].Subject.CommonName == commonName
}
