package hub

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"

	"github.com/fairlead/fairlead/hub/authority"
)

// certificateSource is what gives tls.Config its certificates.
type certificateSource func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// openServer prepares the HTTPS server. It asks clients for a certificate but leaves judging it to
// hub/identity: an agent whose certificate has expired must still be able to ask for a new one.
func (h *Hub) openServer(context.Context) error {
	h.connections = newConnections(mostConnections())
	h.turns = newHandshakes()
	h.server = &http.Server{
		Handler: h.handler(),
		TLSConfig: &tls.Config{
			GetConfigForClient: h.turns.turn, GetCertificate: h.source, MinVersion: tls.VersionTLS12,
			ClientAuth: tls.RequestClientCert, ClientCAs: h.ca.ClientRoots(),
			DynamicRecordSizingDisabled: true, // what goes through a tunnel is to be as few records as it can
		},
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ConnState: h.connections.follow, ConnContext: hear,
		ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelDebug),
	}
	return nil
}

// openCertificate chooses the administrator's certificate when there is one, else the hub's own.
func (h *Hub) openCertificate(ctx context.Context) error {
	if h.config.TLSCert == "" {
		own := &authority.ServerCertificate{Authority: h.ca, Hosts: certificateHosts(h.url, h.config.Listen, h.cloud)}
		h.source, h.trust = own.GetCertificate, &trust{CA: h.ca, Log: h.log}
		return nil
	}
	file := &authority.FileCertificate{CertFile: h.config.TLSCert, KeyFile: h.config.TLSKey, Log: h.log}
	pair, err := file.Load()
	if err != nil {
		return wrap("--tls-cert", err)
	}
	h.warnOfOtherName(ctx, pair.Leaf)
	h.source, h.trust = file.GetCertificate, &trust{CA: h.ca, File: file, Log: h.log}
	return nil
}

func (h *Hub) warnOfOtherName(ctx context.Context, leaf *x509.Certificate) {
	for _, host := range h.cloud.Hosts() {
		if err := leaf.VerifyHostname(host); err != nil {
			h.log.WarnContext(ctx, "the TLS certificate is not for one of the hub's names: clients will refuse it", slog.String("name", host), slog.Any("err", err))
		}
	}
}

// anchors returns what agents must trust to trust an administrator's certificate: nothing when
// this system does already, as every system will; else what the file has besides the leaf; and the
// leaf itself when it stands alone.
func anchors(pair *tls.Certificate) []byte {
	intermediates := x509.NewCertPool()
	var above []*x509.Certificate
	for _, der := range pair.Certificate[1:] {
		if certificate, err := x509.ParseCertificate(der); err == nil {
			intermediates.AddCert(certificate)
			above = append(above, certificate)
		}
	}
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{Intermediates: intermediates}); err == nil {
		return nil
	}
	if len(above) == 0 {
		above = append(above, pair.Leaf)
	}
	return authority.EncodeChain(above)
}
