package client

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/egress"
)

const (
	dialTimeout    = 10 * time.Second
	requestTimeout = 90 * time.Second
)

// NewHTTP returns an HTTP client that trusts the authorities in the PEM text caPEM, or those of the system
// when it is empty. Proxies come from the environment.
func NewHTTP(caPEM []byte) (*http.Client, error) {
	trust, err := Trust(caPEM)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, OnProxyConnectResponse: egress.CheckConnect, TLSClientConfig: trust, ForceAttemptHTTP2: true,
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout: dialTimeout, IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 4,
	}
	return &http.Client{Transport: transport, Timeout: requestTimeout}, nil
}

// Trust returns the TLS settings for a hub whose authority is caPEM; empty means the system's authorities.
func Trust(caPEM []byte) (*tls.Config, error) {
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(caPEM) == 0 {
		return settings, nil
	}
	settings.RootCAs = x509.NewCertPool()
	if !settings.RootCAs.AppendCertsFromPEM(caPEM) {
		return nil, fairlead.Errorf(fairlead.Invalid, "the authority file holds no certificate in PEM form")
	}
	return settings, nil
}

// Fingerprint names a certificate the way the hub prints its authority: sha256: and lower-case hex.
func Fingerprint(certificate *x509.Certificate) string {
	sum := sha256.Sum256(certificate.Raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// FetchAuthority asks the hub for its certificate chain and returns, as PEM, the authority in it that
// has the fingerprint, once the hub's certificate is proven to come from that authority.
func FetchAuthority(ctx context.Context, hub, fingerprint string) ([]byte, error) {
	address, err := url.Parse(hub)
	if err != nil || address.Host == "" {
		return nil, fairlead.Errorf(fairlead.Invalid, "%q is not the URL of a hub", hub)
	}
	wanted, err := normalFingerprint(fingerprint)
	if err != nil {
		return nil, err
	}
	chain, err := presented(ctx, hub, address)
	if err != nil {
		return nil, err
	}
	return pick(chain, address.Hostname(), wanted)
}

func normalFingerprint(text string) (string, error) {
	digits := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(strings.ToLower(text), "sha256:"), ":", ""))
	if sum, err := hex.DecodeString(digits); err != nil || len(sum) != sha256.Size {
		return "", fairlead.Errorf(fairlead.Invalid, "%q is not a fingerprint such as sha256:3f…, with 64 hexadecimal digits", text)
	}
	return "sha256:" + digits, nil
}

func presented(ctx context.Context, hub string, address *url.URL) ([]*x509.Certificate, error) {
	port := address.Port()
	if port == "" {
		port = "443"
	}
	settings := &tls.Config{ServerName: address.Hostname(), MinVersion: tls.VersionTLS12, InsecureSkipVerify: true} //nolint:gosec // pick verifies what this fetches
	dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: dialTimeout}, Config: settings}
	connection, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(address.Hostname(), port))
	if err != nil {
		return nil, unreachable(ctx, hub, err)
	}
	defer func() { _ = connection.Close() }() // nothing was written
	secured, ok := connection.(*tls.Conn)
	if !ok {
		return nil, fairlead.Errorf(fairlead.Internal, "the connection to %s is not TLS", hub)
	}
	return secured.ConnectionState().PeerCertificates, nil
}

func pick(chain []*x509.Certificate, host, fingerprint string) ([]byte, error) {
	for _, authority := range chain {
		if Fingerprint(authority) != fingerprint {
			continue
		}
		roots := x509.NewCertPool()
		roots.AddCert(authority)
		intermediates := x509.NewCertPool()
		for _, certificate := range chain[1:] {
			intermediates.AddCert(certificate)
		}
		if _, err := chain[0].Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: intermediates}); err != nil {
			return nil, fairlead.Errorf(fairlead.Unauthenticated, "the hub has that authority, but its own certificate does not fit: %w", err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Raw}), nil
	}
	return nil, fairlead.Errorf(fairlead.Unauthenticated, "the hub presents no certificate with fingerprint %s; do not sign in before you know why (the hub may not send its authority along: then use its file)", fingerprint).WithCode("FingerprintMismatch")
}
