package aadproxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/pace"
	"github.com/fairlead/fairlead/tunnel"
)

const (
	handshakeTimeout = 10 * time.Second
	acceptPause      = time.Second
	// The bridge holds one tunnel, and for a moment two; whoever else dials is no friend.
	maxConnections = 64
)

// Listener takes tunnels from the bridge, by mutual TLS. Its files are read anew for every connection, of which there are few.
type Listener struct {
	Address string
	Folder  string // with tls.crt, tls.key and ca.crt
}

// run accepts tunnels until the end of ctx, and waits until all have ended.
func (l Listener) run(ctx context.Context, log *slog.Logger, serve func(context.Context, net.Conn) error) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", l.Address)
	if err != nil {
		return fmt.Errorf("listen for tunnels: %w", err)
	}
	return l.accept(ctx, tunnel.Listener(listener), log, serve)
}

func (l Listener) accept(ctx context.Context, listener net.Listener, log *slog.Logger, serve func(context.Context, net.Conn) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxConnections + 1)
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), group.Wait())
		}
		if err != nil { // such as too many open files
			log.WarnContext(ctx, "cannot accept a tunnel", slog.String("error", err.Error()))
			if err := pace.Wait(ctx, acceptPause, nil); err != nil {
				return errors.Join(err, group.Wait())
			}
			continue
		}
		if !group.TryGo(func() error { return l.welcome(ctx, conn, log, serve) }) {
			_ = conn.Close()
		}
	}
}

// welcome serves one connection, if it is the bridge's. Its end is nobody's failure.
func (l Listener) welcome(ctx context.Context, conn net.Conn, log *slog.Logger, serve func(context.Context, net.Conn) error) error {
	defer conn.Close()
	secured := tls.Server(conn, &tls.Config{GetConfigForClient: l.config, MinVersion: tls.VersionTLS13})
	shaking, cancel := context.WithTimeout(ctx, handshakeTimeout)
	err := secured.HandshakeContext(shaking)
	cancel()
	if err != nil {
		if ctx.Err() == nil {
			log.WarnContext(ctx, "somebody who is not the bridge was turned away", slog.String("from", conn.RemoteAddr().String()), slog.String("error", err.Error()))
		}
		return nil
	}
	log.InfoContext(ctx, "a tunnel begins")
	err = serve(ctx, secured)
	if err != nil && ctx.Err() == nil {
		log.InfoContext(ctx, "a tunnel has ended", slog.String("error", err.Error()))
	}
	return nil
}

// config is that of one connection.
func (l Listener) config(*tls.ClientHelloInfo) (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(filepath.Join(l.Folder, "tls.crt"), filepath.Join(l.Folder, "tls.key"))
	if err != nil {
		return nil, fmt.Errorf("read the certificate of kube-aad-proxy: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(l.Folder, "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("read the authority of kube-aad-proxy: %w", err)
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(text) {
		return nil, errors.New("the authority of kube-aad-proxy is no certificate")
	}
	return &tls.Config{
		Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authorities,
		MinVersion: tls.VersionTLS13, VerifyConnection: fromBridge,
		SessionTicketsDisabled:      true, // a resumed session would outlive its authority
		DynamicRecordSizingDisabled: true,
	}, nil
}

// fromBridge lets in nobody but the bridge, even of those whom its authority has given a certificate.
func fromBridge(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 || state.PeerCertificates[0].Subject.CommonName != fairlead.ClusterConnectAgent {
		return errors.New("the certificate is not the bridge's")
	}
	return nil
}
