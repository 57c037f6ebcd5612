package hub

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/fairlead/fairlead/hub/authority"
)

// certificateSource is what gives tls.Config its certificates.
type certificateSource func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// openServer prepares the HTTPS server. It asks clients for a certificate but leaves judging it to
// hub/identity: an agent whose certificate has expired must still be able to ask for a new one.
func (h *Hub) openServer(ctx context.Context) error {
	source, err := h.certificates(ctx)
	if err != nil {
		return err
	}
	h.server = &http.Server{
		Handler: h.handler(),
		TLSConfig: &tls.Config{
			GetCertificate: source, MinVersion: tls.VersionTLS12,
			ClientAuth: tls.RequestClientCert, ClientCAs: h.ca.ClientRoots(),
		},
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelDebug),
	}
	return nil
}

// certificates returns the administrator's certificate when there is one, else the hub's own.
func (h *Hub) certificates(ctx context.Context) (certificateSource, error) {
	if h.config.TLSCert == "" {
		own := &authority.ServerCertificate{Authority: h.ca, Hosts: certificateHosts(h.url, h.config.Listen)}
		return own.GetCertificate, nil
	}
	file := &authority.FileCertificate{CertFile: h.config.TLSCert, KeyFile: h.config.TLSKey, Log: h.log}
	if err := file.Load(); err != nil {
		return nil, wrap("--tls-cert", err)
	}
	leaf, err := file.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		return nil, wrap("--tls-cert", err)
	}
	h.warnOfOtherName(ctx, leaf.Leaf)
	return file.GetCertificate, nil
}

func (h *Hub) warnOfOtherName(ctx context.Context, leaf *x509.Certificate) {
	address, err := url.Parse(h.url)
	if err == nil {
		err = leaf.VerifyHostname(address.Hostname())
	}
	if err != nil {
		h.log.WarnContext(ctx, "the TLS certificate is not for the hub's url: clients will refuse it", slog.String("url", h.url), slog.Any("err", err))
	}
}
