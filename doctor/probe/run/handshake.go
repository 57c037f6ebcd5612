package run

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fairlead/fairlead/doctor/probe/wire"
)

// errUntrusted ends no walk: what an impostor answers is worth knowing.
var errUntrusted = errors.New("the chain does not verify")

func (w *walk) proxyTLS(ctx context.Context, stage *wire.Stage) error {
	return w.handshake(ctx, stage, w.proxy.Hostname())
}

// tls makes the handshake with whoever answers. Without CAs nothing is verified here: doctor has the chain and the roots.
func (w *walk) tls(ctx context.Context, stage *wire.Stage) error {
	name := w.target.ServerName
	if name == "" {
		name = w.url.Hostname()
	}
	if err := w.handshake(ctx, stage, name); err != nil || w.target.CAs == "" {
		return err
	}
	err := verify(stage, w.target.CAs, name)
	stage.Detail[wire.DetailVerified] = fmt.Sprint(err == nil)
	return err
}

func verify(stage *wire.Stage, cas, name string) error {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(cas)) {
		return fmt.Errorf("%w: the CAs to verify it with hold no certificate", errUntrusted)
	}
	if err := stage.Verify(roots, name, time.Now()); err != nil {
		return fmt.Errorf("%w: %w", errUntrusted, err)
	}
	return nil
}

func (w *walk) handshake(ctx context.Context, stage *wire.Stage, name string) error {
	config := &tls.Config{
		ServerName:         name,
		NextProtos:         []string{"http/1.1"},
		InsecureSkipVerify: true, //nolint:gosec // nothing secret is sent, and a chain that does not verify is what we want to see
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			stage.Detail[wire.DetailClientCert] = "requested"
			return &tls.Certificate{}, nil
		},
	}
	client := tls.Client(w.conn, config)
	if err := client.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS handshake as %s: %w", name, err)
	}
	w.conn = client
	describe(stage, client.ConnectionState())
	return nil
}

func describe(stage *wire.Stage, state tls.ConnectionState) {
	leaf := state.PeerCertificates[0]
	detail(stage, wire.DetailTLSVersion, tls.VersionName(state.Version))
	detail(stage, wire.DetailIssuer, leaf.Issuer.String())
	detail(stage, wire.DetailSubject, leaf.Subject.String())
	detail(stage, wire.DetailNames, strings.Join(leaf.DNSNames, ","))
	detail(stage, wire.DetailNotBefore, leaf.NotBefore.UTC().Format(time.RFC3339))
	detail(stage, wire.DetailNotAfter, leaf.NotAfter.UTC().Format(time.RFC3339))
	prints := make([]string, len(state.PeerCertificates))
	for i, certificate := range state.PeerCertificates {
		sum := sha256.Sum256(certificate.Raw)
		prints[i] = hex.EncodeToString(sum[:])
		stage.Chain = append(stage.Chain, certificate.Raw)
	}
	detail(stage, wire.DetailFingerprint, strings.Join(prints, ","))
}
