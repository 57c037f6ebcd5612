package wire

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// Certificates parses the chain that a tls stage saw, leaf first.
func (s Stage) Certificates() ([]*x509.Certificate, error) {
	if len(s.Chain) == 0 {
		return nil, errors.New("the stage holds no certificates")
	}
	chain := make([]*x509.Certificate, 0, len(s.Chain))
	for i, der := range s.Chain {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("parse certificate %d of the chain: %w", i, err)
		}
		chain = append(chain, certificate)
	}
	return chain, nil
}

// Verify checks the chain that a tls stage saw; nil roots mean those of this machine. The certificates that the server
// sent beside the leaf serve as intermediates.
func (s Stage) Verify(roots *x509.CertPool, serverName string, now time.Time) error {
	chain, err := s.Certificates()
	if err != nil {
		return err
	}
	between := x509.NewCertPool()
	for _, certificate := range chain[1:] {
		between.AddCert(certificate)
	}
	_, err = chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: serverName, CurrentTime: now})
	if err != nil {
		return fmt.Errorf("verify the certificate for %s: %w", serverName, err)
	}
	return nil
}
