package clusterconnect

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fairlead/fairlead/tunnel"
)

const (
	bridgeTimeout = 10 * time.Second
	// Streams may go on for so long once this process is to end.
	grace = 20 * time.Second
)

// Bridge leads to kube-aad-proxy in another pod, over mutual TLS.
type Bridge struct {
	Address string // host and port
	Name    string // that its certificate must be for
	Folder  string // with ca.crt, client.crt and client.key, read for each connection
	Grace   time.Duration
}

// Reach connects to kube-aad-proxy.
func (b *Bridge) Reach(ctx context.Context) (Far, error) {
	config, err := b.tls()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, bridgeTimeout)
	defer cancel()
	conn, err := dialer().DialContext(ctx, "tcp", b.Address)
	if err == nil {
		conn, err = tunnel.Secure(ctx, conn, config)
	}
	if err != nil {
		return nil, fmt.Errorf("reach kube-aad-proxy at %s: %w", b.Address, err)
	}
	return &bridged{Conn: conn, grace: b.Grace}, nil
}

// dialer makes connections on which little waits.
func dialer() *net.Dialer {
	return &net.Dialer{KeepAlive: 15 * time.Second, ControlContext: limitReceived}
}

func (b *Bridge) tls() (*tls.Config, error) {
	authority, err := os.ReadFile(filepath.Join(b.Folder, "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("read the certificates for kube-aad-proxy, which clusteridentityoperator makes: %w", err)
	}
	own, err := tls.LoadX509KeyPair(filepath.Join(b.Folder, "client.crt"), filepath.Join(b.Folder, "client.key"))
	if err != nil {
		return nil, fmt.Errorf("read the certificates for kube-aad-proxy, which clusteridentityoperator makes: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, errors.New("the authority of kube-aad-proxy is not a PEM certificate")
	}
	return &tls.Config{
		RootCAs: roots, ServerName: b.Name, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS13,
	}, nil
}

// bridged is a connection to kube-aad-proxy.
type bridged struct {
	net.Conn

	grace time.Duration
}

// Serve copies bytes both ways until one side ends. At the end of ctx the hub is asked to use another tunnel, and to end this
// one when it can.
func (b *bridged) Serve(ctx context.Context, conn *tunnel.Conn) error {
	over := make(chan struct{}, 2)
	var both errgroup.Group
	for to, from := range map[net.Conn]net.Conn{b.Conn: conn, conn: b.Conn} {
		both.Go(func() error {
			err := tunnel.Copy(to, from)
			over <- struct{}{}
			return err
		})
	}
	select {
	case <-over:
	case <-ctx.Done():
		b.leave(over, conn)
	}
	_ = conn.Close() // both have failed already, or are to
	_ = b.Close()    // the same
	return both.Wait()
}

func (b *bridged) leave(over <-chan struct{}, conn *tunnel.Conn) {
	if conn.Drain() != nil {
		return
	}
	select {
	case <-over:
	case <-time.After(cmp.Or(b.grace, grace)):
	}
}

// InProcess serves tunnels in this process.
func InProcess(serve func(ctx context.Context, conn net.Conn) error) func(context.Context) (Far, error) {
	return func(context.Context) (Far, error) { return inProcess(serve), nil }
}

type inProcess func(ctx context.Context, conn net.Conn) error

// Serve implements Far.
func (f inProcess) Serve(ctx context.Context, conn *tunnel.Conn) error { return f(ctx, conn) }

// Close implements Far.
func (inProcess) Close() error { return nil }
