package authority

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"sync"
	"time"
)

const (
	serverLife = 90 * 24 * time.Hour
	// Replaced long before clients would refuse it.
	serverRenewal = 60 * 24 * time.Hour
)

// ServerCertificate is the hub's own TLS certificate for Hosts (names and IP addresses). Its key
// exists in memory only: what clients trust is the authority, so a new key at every start and
// every renewal costs them nothing.
type ServerCertificate struct {
	Authority *Authority
	Hosts     []string

	mutex   sync.Mutex
	current *tls.Certificate
	renewAt time.Time
	issuer  *issuer
}

// GetCertificate is for tls.Config: it returns the current certificate, renewed when it is due.
func (s *ServerCertificate) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now := s.Authority.now()
	by := s.Authority.state.Load().serving()
	if s.current != nil && now.Before(s.renewAt) && s.issuer == by {
		return s.current, nil
	}
	issued, err := by.issueServer(s.Hosts, now)
	if err != nil {
		return nil, err
	}
	s.current, s.renewAt, s.issuer = issued, now.Add(serverRenewal), by
	return issued, nil
}

func (i *issuer) issueServer(hosts []string, now time.Time) (*tls.Certificate, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "Fairlead hub"},
		NotBefore: now.Add(-skew), NotAfter: now.Add(serverLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	nameHosts(template, hosts)
	leaf, err := i.issue(template, key.Public())
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{
		Certificate: [][]byte{leaf.Raw, i.certificate.Raw}, PrivateKey: key, Leaf: leaf,
	}, nil
}

func nameHosts(template *x509.Certificate, hosts []string) {
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
			continue
		}
		template.DNSNames = append(template.DNSNames, host)
	}
}
